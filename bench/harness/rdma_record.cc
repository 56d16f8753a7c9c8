#include "bench/harness/rdma_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace wiretax::bench {

void add_limit(Session& session, const RankPair& pair, const std::string& links,
               const std::optional<verbs::Bound>& bound) {
  using Json = nlohmann::json;
  if (!bound) return;
  constexpr const char* kEntry = "bound_limits";
  const auto known = session.context.find(kEntry);
  auto limits = known == session.context.end() ? Json::object() : Json::parse(known->second);
  limits[fmt::format("{}-{}", pair.from, pair.to)][links] = bound->limit;
  session.context[kEntry] = limits.dump();
}

void add_rdma_losses(const std::string& port, const verbs::Counters& growth,
                     const std::string& rank, Row& row) {
  for (const auto& [name, value] : verbs::signs_of_loss(growth)) {
    row.doubts.push_back(fmt::format("{} +{} on {} of {}", name, value, port, rank));
  }
  row.counters["retransmits"] += static_cast<double>(verbs::sent_again(growth));
}

}  // namespace wiretax::bench
