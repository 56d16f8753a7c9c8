#include "bench/harness/rdma_program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/rdma_confirm.h"
#include "bench/harness/round_robin.h"

namespace wiretax::bench {

using Json = nlohmann::json;

void RdmaProgram::add_options(CLI::App& app) {
  app.add_option("--device", devices_,
                 "RDMA devices, such as rocep1s0f0 or mlx5_0:1; default: every port that is "
                 "ACTIVE, with the one it reaches on the other host")
      ->delimiter(',');
  app.add_option("--qps", queue_pairs_, "Queue pairs of each link's bandwidth")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--depth", depth_, "Messages on their way on each queue pair")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
}

void RdmaProgram::set_up(Session& session) {
  rounds_ = round_robin(session.ranks.size());
  if (session.ranks.size() < 2) return;
  links_.emplace(session, devices_);
  if (!links_->missing() && !session.options.list) {
    confirm_links(session, *links_, !devices_.empty());
  }
  session.context["rdma_devices"] = links_->description();
  session.context["links_left_out"] = Json(links_->dropped()).dump();
  session.context["wiretax_fabric"] = Json("rdma").dump();
  session.context["wiretax_fabric_kind"] = Json("rdma").dump();
  session.context["transport"] =
      Json(links_->emulated() ? "soft-RoCE (rxe), no hardware" : "RDMA over libibverbs").dump();
}

std::optional<std::string> RdmaProgram::missing(const Session& session) const {
  if (auto reason = Program::missing(session)) return reason;
  return links_->missing();
}

int RdmaProgram::groups(const Session& session) const {
  return std::max(1, session.ranks.size() / 2);
}

void RdmaProgram::add_losses(const std::string& port, const verbs::Counters& growth,
                             const std::string& rank, Row& row) {
  for (const auto& [name, value] : verbs::signs_of_loss(growth)) {
    row.doubts.push_back(fmt::format("{} +{} on {} of {}", name, value, port, rank));
    row.counters["retransmits"] += static_cast<double>(value);
  }
}

}  // namespace wiretax::bench
