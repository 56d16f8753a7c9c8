#include "bench/harness/carrier_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/token_record.h"
#include "report/transport/wire_bytes.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

void CarrierProgram::before_mpi(const Options& /*options*/) {
  carrier_ = carriers_.choose();
  carrier_->before_mpi();
}

std::optional<std::string> CarrierProgram::missing(const Session& session) const {
  if (auto reason = Program::missing(session)) return reason;
  return carrier_->missing();
}

void CarrierProgram::set_up(Session& session) {
  carrier_->set_up(session);
  if (carrier_->proves() && carrier_->queue() != nullptr) prove(session);
}

/// Every point once, on checked data.
void CarrierProgram::prove(Session& session) {
  Json orders = Json::array();
  together(session.ranks, "planning the proof", [&] {
    if (!session.ranks.leads()) return;
    for (const auto& point : points(session)) {
      if (passes_filter(session.options.filter, point.name)) orders.push_back(point.specification);
    }
  });
  orders = Json::parse(session.ranks.broadcast(orders.dump(), "planning the proof"));
  for (const auto& order : orders) {
    const auto body = prepare(session, order);
    together(session.ranks, "proving", [&] { body->check(); });
  }
  carrier_->conclude_proof(session);
}

int CarrierProgram::graph_of(const Launch& launch, std::uint64_t bytes) {
  constexpr std::uint64_t kMost = 8 * kMebibyte;
  if (launch.graph == 0) return 0;
  const auto fit = std::clamp<std::uint64_t>(kMost / std::max<std::uint64_t>(bytes, 1), 1, 4096);
  return std::min(launch.graph, static_cast<int>(fit));
}

std::string CarrierProgram::backend(const Launch& launch) const {
  return fmt::format("backend:{}{}{}", carriers_.backend(), carrier_->label(), launch.label);
}

void CarrierProgram::describe_operation(const Session& session, const collectives::Request& request,
                                        int ranks, const std::vector<std::string>& evidence,
                                        Row& row) const {
  const auto& collective = collectives::describe(request.operation);
  const double bytes = row.counters.at("bytes");
  Carried carried;
  carried.bytes = bytes;
  // With pauses the time is not the operation's.
  if (row.counters.contains("paused_us")) {
    row.counters["wire_us"] = row.time_s / kMicrosecond - row.counters.at("paused_us");
  } else {
    carried.bus_rate = bytes / row.time_s * collective.bus_factor(ranks);
    row.counters["GBps"] = bytes / row.time_s / kGigabyte;
    row.counters["bus_GBps"] = carried.bus_rate / kGigabyte;
  }
  const double operations = Json::parse(evidence.front())["operations"];
  carried.least_wire_bytes =
      operations * least_wire_bytes(collective.name, bytes, ranks,
                                    request.pattern == collectives::Pattern::kRing);
  carrier_->describe(session, growth_of(evidence), carried, row);
}

}  // namespace wiretax::bench
