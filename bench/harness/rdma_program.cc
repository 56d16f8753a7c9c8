#include "bench/harness/rdma_program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

void RdmaProgram::add_options(CLI::App& app) {
  fabric_.add_options(app);
  app.add_option("--qps", queue_pairs_, "Queue pairs of each link; a latency has one")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--depth", depth_,
                 "Messages on their way on each queue pair, at most; of a latency one")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
}

void RdmaProgram::find_links(Session& session) {
  rounds_ = session.rounds();
  fabric_.find(session);
}

void RdmaProgram::set_up(Session& session) {
  find_links(session);
  fabric_.open(session);
  session.context["wiretax_fabric"] = Json("rdma").dump();
  session.context["wiretax_fabric_kind"] = Json("rdma").dump();
}

void RdmaProgram::refuse_impossible(Session& session,
                                    const std::vector<RdmaSettings>& wanted) const {
  const int rank = session.ranks.rank();
  together(session.ranks, "asking devices for their limits", [&] {
    for (int other = 0; other < session.ranks.size(); ++other) {
      const auto [from, to] = std::minmax(rank, other);
      if (other == rank) continue;
      for (const auto& link : links().between(from, to)) {
        with_exit_codes([&, from = from] {
          const verbs::Device device(link.port_of(rank == from));
          for (const auto& settings : wanted) check_limits(device, settings);
        });
      }
    }
  });
}

std::optional<std::string> RdmaProgram::missing(const Session& session) const {
  if (auto reason = Program::missing(session)) return reason;
  return fabric_.missing();
}

int RdmaProgram::groups(const Session& session) const {
  return std::max(1, session.ranks.size() / 2);
}

}  // namespace wiretax::bench
