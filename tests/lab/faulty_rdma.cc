// Faults that a network does not give on demand, to see what a user is told then. --fault is
//
// wrong_key: the other end is given a key that is not its own
//
// stranger: somebody else calls at the door of librdmacm first
//
// wrong_data: what arrives is changed before it is looked at
//
// standstill: rank 1 does nothing for longer than anybody waits, and its device goes on
// acknowledging
//
// no_word: rank 1 fails while rank 0 waits for its word, and has nothing on its way

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/harness/program.h"
#include "bench/harness/rdma_bodies.h"
#include "bench/harness/rdma_links.h"
#include "verbs/buffer.h"
#include "verbs/completion.h"
#include "verbs/endpoint.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

/// One end of the link between ranks 0 and 1, with little memory.
struct End {
  explicit End(const verbs::Port& port)
      : device(port),
        gid(*verbs::choose_gid(device.port().gids, device.port().netdev, true).gid),
        buffer(64, verbs::Memory::kHost),
        endpoint(device, gid, buffer.bytes(), {}) {}

  verbs::Device device;
  verbs::Gid gid;
  verbs::Buffer buffer;
  verbs::Endpoint endpoint;
};

class FaultyBody : public RdmaLatencyBody {
 public:
  FaultyBody(std::unique_ptr<RdmaWire> wire, const std::string& fault)
      : RdmaLatencyBody(std::move(wire), 0), fault_(fault) {}

 protected:
  void take_sent() override {
    RdmaLatencyBody::take_sent();
    if (fault_ == "standstill") sleep(static_cast<unsigned>(kStandstill * slow_factor()));
    if (fault_ == "no_word") throw Failure(ExitCode::kPeer, "fell out before its word");
    if (fault_ == "wrong_data" && wire().settings().bytes > 2)
      wire().incoming()[2] ^= std::byte{0xff};
  }

 private:
  static constexpr double kStandstill = 15;
  std::string fault_;
};

class FaultyRdma : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "faulty_rdma"; }
  [[nodiscard]] std::string_view purpose() const override { return "RDMA with faults"; }
  void add_options(CLI::App& app) override {
    app.add_option("--device", device_)->required();
    app.add_option("--fault", fault_)
        ->required()
        ->check(CLI::IsMember({"wrong_key", "stranger", "wrong_data", "standstill", "no_word"}));
  }

  void set_up(Session& session) override {
    const RdmaLinks links(session, {device_});
    link_ = links.between(0, 1).front();
    if (fault_ == "wrong_key") write_with_wrong_key(session);
    if (fault_ == "stranger") call_after_a_stranger(session);
    if (fault_ == "standstill") wait_in_vain(session);
  }

  std::vector<Point> points(const Session& /*session*/) override {
    std::vector<Point> points;
    for (const std::uint64_t bytes : {2U, 64U}) {
      points.push_back({.name = fmt::format("rdma_send_latency/bytes:{}", bytes),
                        .specification = fmt::format("{}", bytes),
                        .bytes = bytes,
                        .precision = Precision::kLatency,
                        .timing = Timing::kEach,
                        .symmetric = false,
                        .group = 0});
    }
    return points;
  }
  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    return 2 * point.bytes;
  }
  std::unique_ptr<Body> prepare(Session& session, const std::string& bytes) override {
    return std::make_unique<FaultyBody>(
        RdmaWire::open(
            session.ranks, {0, 1}, &link_,
            {.operation = RdmaOperation::kSend, .bytes = std::stoull(bytes), .depth = 8}),
        fault_);
  }
  void describe(const Session& /*session*/, const Point& /*point*/,
                const std::vector<std::string>& /*evidence*/, Row& /*row*/) override {}

 private:
  static std::string exchange(Session& session, const std::string& mine) {
    return session.ranks.all_gather(mine, "exchanging")[session.ranks.leads() ? 1 : 0];
  }

  void write_with_wrong_key(Session& session) const {
    End end(link_.port_of(session.ranks.leads()));
    end.endpoint.connect([&](const std::string& mine) {
      auto address = verbs::decode(mine);
      address.remote_key += 0x100;
      return exchange(session, verbs::encode(address));
    });
    together(session.ranks, "writing with a wrong key", [&] {
      if (session.ranks.leads()) write(end.endpoint);
    });
  }

  /// Where no watch over a point would end it.
  void wait_in_vain(Session& session) {
    const auto body = prepare(session, "2");
    together(session.ranks, "waiting for rank 1", [&] { body->check(); });
  }

  /// Rank 1 listens. Rank 0 first calls as one who does not know the token.
  void call_after_a_stranger(Session& session) const {
    const bool calls = session.ranks.leads();
    End end(link_.port_of(calls));
    const auto meet = [&](const std::string& mine) {
      auto door = exchange(session, mine);
      if (calls) call_as_stranger(door);
      return door;
    };
    together(session.ranks, "connecting",
             [&] { end.endpoint.connect_by_cm(meet, !calls, kPatience); });
  }

  void call_as_stranger(const std::string& door) const {
    auto guess = Json::parse(door);
    guess["token"][0] = guess["token"][0].get<int>() ^ 1;
    End stranger(link_.port_of(true));
    try {
      stranger.endpoint.connect_by_cm([&](const std::string&) { return guess.dump(); }, false,
                                      kPatience);
    } catch (const std::exception& refusal) {
      fmt::print("the stranger: {}\n", refusal.what());
      return;
    }
    throw Failure(ExitCode::kInternal, "a stranger was let in");
  }

  static void write(verbs::Endpoint& end) {
    ibv_sge at{.addr = reinterpret_cast<std::uint64_t>(end.memory().data()),
               .length = static_cast<std::uint32_t>(end.memory().size()),
               .lkey = end.local_key()};
    ibv_send_wr request{};
    request.sg_list = &at;
    request.num_sge = 1;
    request.opcode = IBV_WR_RDMA_WRITE;
    request.send_flags = IBV_SEND_SIGNALED;
    request.wr.rdma.remote_addr = end.peer().memory;
    request.wr.rdma.rkey = end.peer().remote_key;
    if (end.queue_pairs().front().post(request) != 0) {
      throw Failure(ExitCode::kInternal, "the request could not be posted");
    }
    std::array<ibv_wc, 1> completion;
    while (end.poll(completion) == 0) {
    }
    throw Failure(ExitCode::kPeer, verbs::explain(completion.front()));
  }

  static constexpr double kPatience = 30;

  std::string device_;
  std::string fault_;
  RdmaLink link_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::FaultyRdma program;
  return wiretax::bench::run_program(program, argc, argv);
}
