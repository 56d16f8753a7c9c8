// A measuring program whose operations go wrong on demand, to see what the harness makes of it:
//   faulty_program --fault wrong_data|throw|hang|stop|above_bound|slow_rank|none --rank R
// It has three points; the fault befalls the second one in the order of measuring sizes.

#include <mpi.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "bench/harness/clock.h"
#include "bench/harness/program.h"

namespace wiretax::bench {
namespace {

class FaultyBody : public Body {
 public:
  FaultyBody(std::string fault, bool mine) : fault_(std::move(fault)), mine_(mine) {}

  void run(std::uint64_t n) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      if (mine_ && fault_ == "throw") throw Failure(ExitCode::kPeer, "the wire fell out");
      if (mine_ && fault_ == "hang") pause();
      const double until_s = now_s() + (mine_ && fault_ == "slow_rank" ? 100e-6 : 20e-6);
      while (now_s() < until_s) {
      }
    }
  }

  void begin_measuring() override {
    if (mine_ && fault_ == "stop") raise(SIGSTOP);
  }

  void check() override {
    if (mine_ && fault_ == "wrong_data") {
      throw Failure(ExitCode::kDataMismatch, "element 3 is 5, not 4");
    }
  }

 private:
  std::string fault_;
  bool mine_;
};

class FaultyProgram : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "faulty_program"; }
  [[nodiscard]] std::string_view purpose() const override { return "Goes wrong on demand"; }
  void add_options(CLI::App& app) override {
    app.add_option("--fault", fault_);
    app.add_option("--rank", rank_);
  }
  void set_up(Session& session) override {
    if (fault_ == "set_up" && session.ranks.rank() == rank_) {
      throw Failure(ExitCode::kEnvironment, "no such device");
    }
  }
  std::vector<Point> points(const Session& /*session*/) override {
    std::vector<Point> points;
    for (const std::uint64_t bytes : {1U, 2U, 4U}) {
      const auto name = "spin/bytes:" + std::to_string(bytes);
      points.push_back({.name = name, .specification = std::to_string(bytes), .bytes = bytes});
    }
    return points;
  }
  [[nodiscard]] std::uint64_t memory_bytes(const Point& /*point*/) const override { return 0; }
  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const bool mine = session.ranks.rank() == rank_ && specification == "2";
    return std::make_unique<FaultyBody>(fault_, mine);
  }
  void describe(const Session& /*session*/, const Point& point,
                const std::vector<std::string>& /*evidence*/, Row& row) override {
    row.counters["bound_Gbps"] = 100;
    row.counters["Gbps"] = fault_ == "above_bound" && point.bytes == 2 ? 101 : 99;
  }

 private:
  std::string fault_ = "none";
  int rank_ = 1;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::FaultyProgram program;
  return wiretax::bench::run_program(program, argc, argv);
}
