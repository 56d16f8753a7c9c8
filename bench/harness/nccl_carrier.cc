#include "bench/harness/nccl_carrier.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/harness/collective_body.h"
#include "bench/harness/gpu_facts.h"
#include "bench/harness/host.h"
#include "bench/harness/nccl_log.h"
#include "bench/harness/nccl_wire.h"
#include "bench/harness/placement.h"
#include "bench/harness/supervisor.h"
#include "collectives/backends/nccl.h"
#include "report/transport/report_json.h"
#include "report/transport/wire_bytes.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

/// What every rank learns of the logs.
struct Verdict {
  std::string name;     // "RDMA", "SOCKET", ...
  std::string because;  // a sentence
  std::string faults;   // with their fixes
  bool matches = true;  // what was required

  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Verdict, name, because, faults, matches)
};

bool is_required(Transport transport, const std::string& required) {
  if (required.empty()) return true;
  if (required == "rdma") return transport == Transport::kRdma;
  if (required == "socket") return transport == Transport::kSocket;
  return transport == Transport::kP2p || transport == Transport::kShm;
}

class NcclCarrier : public Carrier {
 public:
  explicit NcclCarrier(NcclOptions options) : options_(std::move(options)) {}

  void before_mpi() override { log_ = std::make_unique<NcclLogFile>(proves()); }

  void set_up(Session& session) override {
    // Threads of NCCL and CUDA get the cores of those that make them, and engines bind none.
    release_thread();
    session.placement = {{}, "not placed: NCCL and CUDA choose for their threads", {}};
    GpuFacts found;
    together(session.ranks, "loading NCCL", [&] { found = load(); });
    facts_ = deal_gpus(session, found, options_.share_gpu);
    if (mine(session).shares) pretend_hosts(session.machines() == 1);
    write_facts(session);
    missing_ = what_is_missing(session, facts_);
    if (missing_ && !options_.required.empty()) {
      throw AgreedFailure(
          ExitCode::kEnvironment,
          fmt::format("--require-transport {} cannot be shown: {}", options_.required, *missing_));
    }
    if (missing_ || session.ranks.size() < 2) return;
    together(session.ranks, "comparing NCCL", [&] {
      refuse_different_versions(session, facts_);
      refuse_without_seat(mine(session));
    });
    if (session.options.list) return;
    together(session.ranks, "opening GPUs", [&] {
      with_exit_codes([&] {
        gpu_ = std::make_shared<collectives::Gpu>(table_, mine(session).seat,
                                                  kProgress * slow_factor());
      });
    });
    connect(session);
  }

  [[nodiscard]] std::optional<std::string> missing() const override {
    if (missing_) return missing_;
    if (proves()) return "nothing is timed with --prove; " + options_.proof + " has the proof";
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t memory_bytes(const collectives::Request& request,
                                           int /*ranks*/) const override {
    // Of the host: where the GPU has memory of its own, only what a check copies.
    const bool unified =
        std::ranges::any_of(facts_, [](const auto& facts) { return facts.gpu().integrated; });
    return unified ? collectives::NcclBackend::memory_bytes(request) : request.bytes;
  }
  [[nodiscard]] collectives::Queue* queue() const override { return gpu_.get(); }
  [[nodiscard]] double patience_s() const override {
    return options_.patience_s + Ranks::kAgreePatience;
  }

  [[nodiscard]] std::function<std::string()> watch() const override { return wire_.watch(); }

  void describe(const Session& session, const std::vector<std::string>& growth,
                const Carried& carried, Row& row) const override {
    std::optional<double> all = 0;
    for (int rank = 0; rank < session.ranks.size(); ++rank) {
      if (session.local_rank(rank) > 0) continue;  // counters are the host's
      const auto bytes =
          wire_.sent_by(session, rank, growth.at(static_cast<std::size_t>(rank)), row);
      if (rank == 0 && bytes) row.counters["wire_bytes"] = *bytes;
      all = all && bytes ? std::optional(*all + *bytes) : std::nullopt;
    }
    // Ranks of one machine move a part without any network.
    const bool apart = session.machines() == session.ranks.size();
    if (!all || !(apart || shares_gpu())) return;
    if (const auto odd = odd_wire_bytes(carried.least_wire_bytes, *all, carried.bytes)) {
      row.doubts.push_back(fmt::format("NCCL's log says {}, but {}", verdict_.name, *odd));
    }
  }

  [[nodiscard]] bool proves() const override { return !options_.proof.empty(); }

  void conclude_proof(Session& session) override {
    const auto report = conclude(session);
    together(session.ranks, "writing the proof", [&] {
      if (!session.ranks.leads()) return;
      std::ofstream stream(options_.proof);
      stream << transport_json(report) << "\n";
      stream.close();
      if (!stream) {
        throw Failure(
            ExitCode::kEnvironment,
            fmt::format("{} cannot be written: is its folder there, and is the disk full?",
                        options_.proof));
      }
    });
  }

 protected:
  std::unique_ptr<collectives::Backend> group(Session& session, const std::vector<int>& members,
                                              std::optional<int> place) override {
    std::string id;
    std::optional<Failure> failure;
    if (place == 0) {
      try {
        const auto bytes = collectives::make_unique_id(*table_).bytes;
        id.assign(bytes.begin(), bytes.end());
      } catch (const std::exception& error) {
        failure = Failure(ExitCode::kEnvironment, error.what());
      }
    }
    const auto ids = session.ranks.all_gather(id, "exchanging NCCL's identifier");
    if (failure) throw Failure(*failure);
    id = ids.at(static_cast<std::size_t>(members.front()));
    if (!place || id.empty()) return nullptr;
    collectives::NcclGroup group;
    group.rank = *place;
    group.ranks = static_cast<int>(members.size());
    std::ranges::copy(id, group.id.bytes.begin());
    group.patience_s = options_.patience_s * slow_factor();
    return std::make_unique<collectives::NcclBackend>(gpu_, group);
  }

 private:
  static constexpr double kProgress = 6;  // less than the ranks wait for each other

  [[nodiscard]] const GpuFacts& mine(const Session& session) const {
    return facts_[static_cast<std::size_t>(session.ranks.rank())];
  }

  /// Loads both libraries. Whoever names one means that one.
  GpuFacts load() {
    const bool named = !options_.library.empty();
    GpuFacts facts;
    try {
      table_ = std::make_shared<collectives::GpuTable>(
          collectives::load_gpu_table(named ? options_.library : "libnccl.so.2"));
      facts = look_for_gpus(*table_);
    } catch (const std::exception& error) {
      facts.missing = error.what();
    }
    if (named && table_ == nullptr) throw Failure(ExitCode::kEnvironment, facts.missing);
    return facts;
  }

  /// As if each process had a host of its own: then only the network is left between them. Before
  /// NCCL reads its settings.
  void pretend_hosts(bool one_host) {
    setenv("NCCL_HOSTID", fmt::format("{}-{}", host_name(), getpid()).c_str(), 1);
    // These look beyond the host's name, and find one GPU twice.
    setenv("NCCL_NVLS_ENABLE", "0", 0);
    setenv("NCCL_MNNVL_ENABLE", "0", 0);
    if (one_host) setenv("NCCL_SOCKET_IFNAME", "lo", 0);
  }

  void write_facts(Session& session) const {
    session.context["wiretax_fabric"] =
        Json(options_.fabric.empty() ? "nccl" : options_.fabric).dump();
    // Between GPUs of one machine it is what an engine there uses; on one GPU it is no network.
    const bool engine = !shares_gpu() || session.machines() > 1;
    session.context["wiretax_fabric_kind"] = Json(engine ? "engine" : "loopback").dump();
    Json ranks = Json::array();
    for (const auto& facts : facts_) {
      ranks.push_back({{"nccl", facts.version},
                       {"library", facts.path},
                       {"build_id", facts.build_id},
                       {"gpu", facts.gpu().name},
                       {"cuda_driver", facts.gpu().driver}});
    }
    session.context["nccl"] = ranks.dump();
    session.context["gpu_shared"] = Json(shares_gpu()).dump();
    // Who reads memory in pauses. Of two that share a GPU, each has half of it.
    if (!shares_gpu()) session.context["memory_reader"] = Json(facts_[0].gpu().name).dump();
  }

  [[nodiscard]] bool shares_gpu() const { return std::ranges::any_of(facts_, &GpuFacts::shares); }

  /// One operation, so that the network is chosen and all channels are there; then what the logs
  /// say of them.
  void connect(Session& session) {
    session.notes.push_back(
        fmt::format("NCCL {} ({}) on {}", facts_[0].version, facts_[0].path, facts_[0].gpu().name));
    if (auto builds = different_builds(session, facts_); !builds.empty()) {
      session.notes.push_back(std::move(builds));
    }
    if (shares_gpu()) {
      session.notes.emplace_back("ranks share a GPU: this shows that all works, and not how fast");
    }
    wire_.find_ports();
    try {
      const collectives::Request request = {.type = collectives::ElementType::kFloat32,
                                            .bytes = 4096};
      const auto task = prepare(session, everybody(session), request);
      together(
          session.ranks, "connecting NCCL",
          [&] { with_codes_of_backends([&] { task->check(0); }); }, patience_s());
    } catch (const AgreedFailure& failure) {
      if (session.ranks.lost()) throw;
      conclude(session);
      if (verdict_.faults.empty()) throw;
      throw AgreedFailure(failure.code(),
                          fmt::format("{}; its log shows: {}", failure.what(), verdict_.faults));
    }
    const auto report = conclude(session);
    if (session.ranks.leads()) write_verdict(session, report);
    session.notes.push_back(fmt::format("transport: {}, {}", verdict_.name, verdict_.because));
    if (!verdict_.faults.empty()) session.notes.push_back(verdict_.faults);
    if (verdict_.matches) return;
    throw AgreedFailure(ExitCode::kEnvironment,
                        fmt::format("--require-transport {}: NCCL took {}: {}{}{}",
                                    options_.required, verdict_.name, verdict_.because,
                                    verdict_.faults.empty() ? "" : "; ", verdict_.faults));
  }

  /// Collective: what all ranks' logs prove; the report is rank 0's.
  TransportReport conclude(Session& session) {
    const auto logs = session.ranks.all_gather(log_->text(), "gathering NCCL's logs");
    TransportReport report;
    if (session.ranks.leads()) {
      std::vector<std::string> names;
      for (std::size_t rank = 0; rank < logs.size(); ++rank) {
        names.push_back(save(session, logs, rank));
      }
      report = judge_logs(logs, names);
      verdict_ = {std::string(transport_name(report.conclusion.transport)),
                  report.conclusion.because, faults_of(report),
                  is_required(report.conclusion.transport, options_.required)};
      wire_.learn(report);
    }
    const auto text = Json(verdict_).dump(-1, ' ', false, Json::error_handler_t::replace);
    verdict_ = Json::parse(session.ranks.broadcast(text, "judging NCCL's logs")).get<Verdict>();
    return report;
  }

  /// Beside the result file, for whoever wants to read it; the name that evidence is cited by.
  static std::string save(const Session& session, const std::vector<std::string>& logs,
                          std::size_t rank) {
    if (session.options.out.empty()) return fmt::format("rank {}", rank);
    const std::filesystem::path out = session.options.out;
    auto name = fmt::format("{}.rank{}.log", out.stem().string(), rank);
    std::ofstream(out.parent_path() / name) << logs[rank];
    return name;
  }

  void write_verdict(Session& session, const TransportReport& report) const {
    Json proof = Json::array();
    for (const auto& line : report.conclusion.proof) {
      proof.push_back(fmt::format("{}:{}: {}", line.file, line.line, line.text));
    }
    const Json json = {{"verdict", verdict_.name},    {"required", options_.required},
                       {"because", verdict_.because}, {"proof", proof},
                       {"faults", verdict_.faults},   {"devices", wire_.devices()}};
    session.context["wiretax_transport"] =
        json.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (const auto path = wire_.path(); !path.empty() && session.machines() > 1) {
      session.context["wiretax_fabric_path"] = Json(path).dump();
    }
  }

  NcclOptions options_;
  std::unique_ptr<NcclLogFile> log_;
  std::shared_ptr<collectives::GpuTable> table_;
  std::shared_ptr<collectives::Gpu> gpu_;
  std::vector<GpuFacts> facts_;  // by rank
  std::optional<std::string> missing_;
  NcclWire wire_;
  Verdict verdict_;
};

}  // namespace

std::unique_ptr<Carrier> make_nccl_carrier(const NcclOptions& options) {
  return std::make_unique<NcclCarrier>(options);
}

}  // namespace wiretax::bench
