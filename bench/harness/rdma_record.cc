#include "bench/harness/rdma_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace wiretax::bench {

void add_limit(Session& session, const RankPair& pair, const std::string& links,
               const std::optional<verbs::Bound>& bound) {
  if (!bound) return;
  constexpr const char* kEntry = "bound_limits";
  const auto known = session.context.find(kEntry);
  auto limits = known == session.context.end() ? nlohmann::json::object()
                                               : nlohmann::json::parse(known->second);
  limits[fmt::format("{}-{}", pair.from, pair.to)][links] = bound->limit;
  session.context[kEntry] = limits.dump();
}

void add_rdma_losses(const PortGrowth& seen, const std::string& rank, Row& row) {
  for (const auto& [name, value] : verbs::signs_of_loss(seen.growth)) {
    row.doubts.push_back(fmt::format("{} +{} on {} of {}", name, value, seen.port, rank));
  }
  if (seen.tells_losses) {
    row.counters["retransmits"] += static_cast<double>(verbs::sent_again(seen.growth));
  }
}

}  // namespace wiretax::bench
