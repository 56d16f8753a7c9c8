#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "bench/harness/carrier.h"
#include "bench/harness/program.h"
#include "collectives/collective.h"

namespace wiretax::bench {

/// What wiretax-collectives and wiretax-token share: operations of a backend that is chosen.
class CarrierProgram : public Program {
 public:
  void add_options(CLI::App& app) override { carriers_.add_options(app); }
  void before_mpi(const Options& options) override;
  void set_up(Session& session) override;
  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override;
  [[nodiscard]] double preparation_s() const override { return carrier_->patience_s(); }
  /// Threads of a library may still be at work when all is said and done.
  [[nodiscard]] bool leaves_at_once() const { return carrier_ && carrier_->queue() != nullptr; }

 protected:
  [[nodiscard]] Carrier& carrier() const { return *carrier_; }
  [[nodiscard]] std::vector<Launch> launches() const { return carriers_.launches(); }
  /// Operations in one graph: large ones fill it sooner.
  static int graph_of(const Launch& launch, std::uint64_t bytes);
  /// In a point's name: "backend:mpi/interface:lo", and the launch.
  [[nodiscard]] std::string backend(const Launch& launch) const;
  /// Of an operation of so many ranks: algorithm and bus bandwidth, and what the carrier saw;
  /// `evidence` is that of CollectiveBody.
  void describe_operation(const Session& session, const collectives::Request& request, int ranks,
                          const std::vector<std::string>& evidence, Row& row) const;

 private:
  void prove(Session& session);

  CarrierOptions carriers_;
  std::unique_ptr<Carrier> carrier_;
};

/// A program's main. Where a library's threads are left behind, nothing of theirs is taken down
/// under them.
template <typename P>
int run_carrier_program(int argc, char** argv) {
  bool leaves = false;
  int code = 0;
  {
    P program;
    code = run_program(program, argc, argv);
    leaves = program.leaves_at_once();
  }
  if (!leaves) return code;
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace wiretax::bench
