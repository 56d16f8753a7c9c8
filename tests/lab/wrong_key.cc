// Writes once to the other rank with a key that is not the one it gave: what a user is told then.
//   wrong_key --device rocep1s0f0

#include <CLI/CLI.hpp>

#include "bench/harness/program.h"
#include "bench/harness/rdma_links.h"
#include "verbs/buffer.h"
#include "verbs/completion.h"
#include "verbs/endpoint.h"

namespace wiretax::bench {
namespace {

class WrongKey : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "wrong_key"; }
  [[nodiscard]] std::string_view purpose() const override { return "Writes with a wrong key"; }
  void add_options(CLI::App& app) override { app.add_option("--device", device_)->required(); }

  void set_up(Session& session) override {
    const RdmaLinks links(session, {device_});
    const auto& link = links.between(0, 1).front();
    const verbs::Device device(link.port_of(session.ranks.leads()));
    const auto gid = verbs::choose_gid(device.port().gids, device.port().netdev, true).gid;
    const verbs::Buffer buffer(64, verbs::Memory::kHost);
    verbs::Endpoint end(device, *gid, buffer.bytes(), {});
    end.connect([&](const std::string& mine) {
      auto address = verbs::decode(mine);
      address.remote_key += 0x100;
      const auto all = session.ranks.all_gather(verbs::encode(address), "exchanging");
      return all[session.ranks.leads() ? 1 : 0];
    });
    together(session.ranks, "writing with a wrong key", [&] {
      if (session.ranks.leads()) write(end);
    });
  }

  std::vector<Point> points(const Session& /*session*/) override { return {}; }
  [[nodiscard]] std::uint64_t memory_bytes(const Point& /*point*/) const override { return 0; }
  std::unique_ptr<Body> prepare(Session& /*session*/, const std::string& /*order*/) override {
    return nullptr;
  }
  void describe(const Session& /*session*/, const Point& /*point*/,
                const std::vector<std::string>& /*evidence*/, Row& /*row*/) override {}

 private:
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

  std::string device_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::WrongKey program;
  return wiretax::bench::run_program(program, argc, argv);
}
