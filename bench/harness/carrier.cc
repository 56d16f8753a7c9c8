#include "bench/harness/carrier.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/harness/clock.h"
#include "bench/harness/collective_body.h"
#include "bench/harness/mpi_fabric.h"
#include "bench/harness/nccl_carrier.h"
#include "bench/harness/rdma_fabric.h"
#include "bench/harness/rdma_record.h"
#include "bench/harness/supervisor.h"
#include "collectives/backends/mpi.h"
#include "collectives/backends/one_shot.h"
#include "report/units.h"
#include "verbs/counters.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

std::uint64_t transmitted_bytes(const std::string& interface) {
  std::ifstream stream("/sys/class/net/" + interface + "/statistics/tx_bytes");
  std::uint64_t bytes = 0;
  stream >> bytes;
  return bytes;
}

/// The MPI library over one network.
class MpiCarrier : public Carrier {
 public:
  explicit MpiCarrier(std::string interface) : wanted_(std::move(interface)) {}

  void before_mpi() override { fabric_.pin(wanted_); }

  void set_up(Session& session) override {
    fabric_.verify(session);
    for (auto& [key, value] : fabric_.context(session)) session.context[key] = value;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const collectives::Request& request,
                                           int /*ranks*/) const override {
    return collectives::MpiBackend::memory_bytes(request);
  }
  [[nodiscard]] std::string label() const override { return "/interface:" + fabric_.interface(); }

  [[nodiscard]] std::function<std::string()> watch() const override {
    return [interface = fabric_.interface(), before = transmitted_bytes(fabric_.interface())] {
      return Json(transmitted_bytes(interface) - before).dump();
    };
  }

  void describe(const Session& session, const std::vector<std::string>& growth,
                const Carried& carried, Row& row) const override {
    if (const auto sent = Json::parse(growth.front()).get<double>(); sent > 0) {
      row.counters["wire_bytes"] = sent;
    }
    if (const auto bound = fabric_.bound(session); bound && carried.bus_rate > 0) {
      row.counters["Gbps"] = carried.bus_rate / kGigabit;
      row.counters["bound_Gbps"] = *bound / kGigabit;
    }
  }

 protected:
  std::unique_ptr<collectives::Backend> group(Session& session, const std::vector<int>& /*members*/,
                                              std::optional<int> place) override {
    MPI_Comm members = MPI_COMM_NULL;
    MPI_Comm_split(session.ranks.communicator(), place ? 0 : MPI_UNDEFINED, place.value_or(0),
                   &members);
    if (!place) return nullptr;
    auto backend = std::make_unique<collectives::MpiBackend>(members);
    MPI_Comm_free(&members);
    return backend;
  }

 private:
  std::string wanted_;
  MpiFabric fabric_;
};

/// RDMA writes of our own over every link between the ranks.
class OneShotCarrier : public Carrier {
 public:
  explicit OneShotCarrier(RdmaFabric fabric) : fabric_(std::move(fabric)) {}

  void set_up(Session& session) override {
    fabric_.find(session);
    fabric_.open(session);
    session.context["wiretax_fabric"] = Json("one_shot").dump();
    session.context["wiretax_fabric_kind"] = Json("floor").dump();
    look_for_gaps(session);
    for (int peer = 0; peer < session.ranks.size(); ++peer) {
      for (const auto& link : links_to(session, peer)) ports_[link.port.name()] = link.port;
    }
  }

  [[nodiscard]] std::optional<std::string> missing() const override {
    return fabric_.missing() ? fabric_.missing() : unconnected_;
  }
  [[nodiscard]] std::uint64_t memory_bytes(const collectives::Request& request,
                                           int ranks) const override {
    return collectives::OneShotBackend::memory_bytes(request, ranks);
  }

  [[nodiscard]] std::function<std::string()> watch() const override {
    std::map<std::string, verbs::Counters> before;
    for (const auto& [name, port] : ports_) before[name] = verbs::settled_counters(port);
    return [this, before] {
      Json seen = Json::array();
      for (const auto& [name, port] : ports_) {
        const auto& old = before.at(name);
        seen.push_back({name, verbs::growth(old, verbs::settled_counters(port)),
                        verbs::tells_what_was_sent_again(old)});
      }
      return seen.dump();
    };
  }

  void describe(const Session& session, const std::vector<std::string>& growth,
                const Carried& /*carried*/, Row& row) const override {
    for (int rank = 0; rank < session.ranks.size(); ++rank) {
      for (const auto& port : Json::parse(growth.at(static_cast<std::size_t>(rank)))) {
        const PortGrowth seen = {port.at(0), port.at(1).get<verbs::Counters>(), port.at(2)};
        add_rdma_losses(seen, session.ranks.describe(rank), row);
        const auto bytes = verbs::bytes_sent(seen.growth);
        if (rank == 0 && bytes) row.counters["wire_bytes"] += static_cast<double>(*bytes);
      }
    }
  }

 protected:
  std::unique_ptr<collectives::Backend> group(Session& session, const std::vector<int>& members,
                                              std::optional<int> place) override {
    if (!place) return nullptr;
    auto& ranks = session.ranks;
    collectives::OneShotGroup group;
    group.rank = *place;
    group.ranks = static_cast<int>(members.size());
    for (const int member : members) {
      group.names.push_back(ranks.describe(member));
      group.links.push_back(links_to(session, member));
    }
    group.all_gather = [&ranks, members](const std::string& mine) {
      const auto all = ranks.all_gather(mine, kExchange);
      std::vector<std::string> theirs;
      theirs.reserve(members.size());
      for (const int member : members) theirs.push_back(all.at(static_cast<std::size_t>(member)));
      return theirs;
    };
    group.memory = fabric_.memory();
    group.cuda = fabric_.cuda();
    group.now_s = now_s;
    group.patience_s *= slow_factor();
    group.ack_timeout = verbs::Endurance::timeout(slow_factor());
    return std::make_unique<collectives::OneShotBackend>(std::move(group));
  }

  void stand_by(Session& session) override { session.ranks.all_gather("", kExchange); }

 private:
  static constexpr const char* kExchange = "exchanging queue pairs";

  /// A ring of four has pairs without a cable between them.
  void look_for_gaps(const Session& session) {
    const int ranks = session.ranks.size();
    if (ranks < 2 || fabric_.missing()) return;
    for (int from = 0; from < ranks && !unconnected_; ++from) {
      for (int to = from + 1; to < ranks && !unconnected_; ++to) {
        if (!fabric_.links().between(from, to).empty()) continue;
        unconnected_ = fmt::format(
            "no RDMA link between {} and {}, and one_shot needs one between "
            "every two ranks",
            session.ranks.describe(from), session.ranks.describe(to));
      }
    }
  }

  [[nodiscard]] std::vector<collectives::OneShotGroup::Link> links_to(const Session& session,
                                                                      int peer) const {
    const int self = session.ranks.rank();
    std::vector<collectives::OneShotGroup::Link> links;
    if (peer == self || missing()) return links;
    for (const auto& link : fabric_.links().between(std::min(peer, self), std::max(peer, self))) {
      links.push_back({link.port_of(self < peer), link.ipv4_of(self < peer)});
    }
    return links;
  }

  RdmaFabric fabric_;
  std::optional<std::string> unconnected_;
  std::map<std::string, verbs::Port> ports_;
};

/// What a backend's beginning says without a kind is the environment's.
template <typename Action>
void begin_backend(Action action) {
  with_exit_codes([&] {
    try {
      action();
    } catch (const collectives::PeerLost& error) {
      throw Failure(collectives_failure(error));
    } catch (const collectives::PeerSilent& error) {
      throw Failure(collectives_failure(error));
    }
  });
}

}  // namespace

std::unique_ptr<collectives::Task> Carrier::prepare(Session& session,
                                                    const std::vector<int>& members,
                                                    const collectives::Request& request) {
  const auto self = std::ranges::find(members, session.ranks.rank());
  std::optional<int> place;
  if (self != members.end()) place = static_cast<int>(self - members.begin());
  if (!groups_.contains(members)) {
    std::unique_ptr<collectives::Backend> backend;
    together(
        session.ranks, "choosing the backend",
        [&] { begin_backend([&] { backend = group(session, members, place); }); }, patience_s());
    groups_.emplace(members, std::move(backend));
  }
  auto* const backend = groups_.at(members).get();
  std::unique_ptr<collectives::Task> task;
  // Agreed on for each, so that nobody goes on to the next one without a rank that failed.
  together(session.ranks, "preparing", [&] {
    if (backend == nullptr) return stand_by(session);
    begin_backend([&] { task = backend->prepare(request); });
  });
  return task;
}

std::vector<int> everybody(const Session& session) {
  std::vector<int> all(static_cast<std::size_t>(session.ranks.size()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

struct CarrierOptions::Choices {
  std::string backend = "mpi";
  std::string interface;
  RdmaFabric rdma;
  NcclOptions nccl;
};

CarrierOptions::CarrierOptions() : choices_(std::make_unique<Choices>()) {}
CarrierOptions::~CarrierOptions() = default;

void CarrierOptions::add_options(CLI::App& app) {
  app.add_option("--backend", choices_->backend,
                 "What carries the operations: nccl (on GPUs), mpi, or one_shot (RDMA writes "
                 "straight into every peer's memory: the floor below any library)")
      ->check(CLI::IsMember({"nccl", "mpi", "one_shot"}))
      ->capture_default_str();
  app.add_option("--interface", choices_->interface,
                 "Of mpi: NAME, a network such as 192.168.100.0/24, or shm (shared memory); "
                 "default: lo where all ranks share this machine");
  choices_->rdma.add_options(app);
  choices_->nccl.add_options(app);
}

const std::string& CarrierOptions::backend() const { return choices_->backend; }

std::vector<Launch> CarrierOptions::launches() const {
  if (choices_->backend != "nccl") return {{}};
  return choices_->nccl.launches();
}

std::unique_ptr<Carrier> CarrierOptions::choose() {
  const auto& backend = choices_->backend;
  const auto refuse = [&](const std::string& options, const std::string& of) {
    throw Failure(ExitCode::kUsage, fmt::format("{} for --backend {}", options, of));
  };
  if (backend != "one_shot" && !choices_->rdma.untouched()) {
    refuse("--device and --memory are", "one_shot");
  }
  if (backend != "mpi" && !choices_->interface.empty()) {
    throw Failure(ExitCode::kUsage,
                  fmt::format("--interface is for --backend mpi: {}",
                              backend == "nccl" ? "NCCL takes NCCL_SOCKET_IFNAME and NCCL_IB_HCA"
                                                : "one_shot takes RDMA devices, with --device"));
  }
  if (backend != "nccl" && !choices_->nccl.untouched()) {
    refuse(choices_->nccl.touched() + " is", "nccl");
  }
  if (backend == "mpi") return std::make_unique<MpiCarrier>(choices_->interface);
  if (backend == "nccl") return make_nccl_carrier(choices_->nccl);
  return std::make_unique<OneShotCarrier>(std::move(choices_->rdma));
}

}  // namespace wiretax::bench
