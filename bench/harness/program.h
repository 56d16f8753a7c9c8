#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/harness/host.h"
#include "bench/harness/options.h"
#include "bench/harness/placement.h"
#include "bench/harness/plan.h"
#include "bench/harness/ranks.h"
#include "bench/harness/round_robin.h"
#include "bench/harness/runner.h"

namespace wiretax::bench {

/// What one run has: its options, its ranks, what is known of their hosts.
struct Session {
  const Options& options;
  Ranks& ranks;
  std::vector<HostFacts> facts;  // by rank
  Placement placement;           // of this rank
  /// Entries that the program adds to the result file's context (rank 0's count), as JSON text by
  /// key.
  std::map<std::string, std::string> context;

  /// Lines for the user, on rank 0 before anything is measured; the same on all ranks.
  std::vector<std::string> notes;

  [[nodiscard]] bool same_machine(int a, int b) const;
  /// The two ranks reach each other without any network: same machine and network namespace.
  [[nodiscard]] bool same_network_stack(int a, int b) const;
  [[nodiscard]] bool one_network_stack() const;  // of all ranks
  [[nodiscard]] int local_rank(int rank) const;  // which of the ranks on its machine
  [[nodiscard]] int machines() const;
  [[nodiscard]] int local_ranks() const;  // on this rank's machine
  /// Every pair of ranks once, in rounds of pairs that do not disturb each other.
  [[nodiscard]] std::vector<Round> rounds() const;
};

/// A finished point on its way into the file.
struct Row {
  double time_s = 0;
  std::map<std::string, double> counters;
  std::vector<std::string> doubts;     // any makes it suspect
  std::optional<std::string> invalid;  // no number, for this reason
};

/// What differs between wiretax-tcp, wiretax-collectives and so on.
class Program {
 public:
  Program() = default;
  virtual ~Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::string_view purpose() const = 0;
  virtual void add_options(CLI::App& app) = 0;
  /// On every rank before MPI starts. May throw Failure.
  virtual void before_mpi(const Options& /*options*/) {}
  /// On every rank, once; may talk to the others. Throws Failure.
  virtual void set_up(Session& session) = 0;
  /// Why nothing can be measured here, if so: every point becomes a skipped row with this reason.
  [[nodiscard]] virtual std::optional<std::string> missing(const Session& session) const;
  /// On rank 0: everything that could be measured.
  virtual std::vector<Point> points(const Session& session) = 0;
  /// On rank 0: which of them, in which order.
  [[nodiscard]] virtual Plan plan(std::vector<Point> points, const Options& options) const;
  /// How many rows one specification gives, measured side by side.
  [[nodiscard]] virtual int groups(const Session& /*session*/) const { return 1; }
  /// On rank 0, when its turn has come: why a point is not measured after all, if so.
  [[nodiscard]] virtual std::optional<std::string> declines(const Options& /*options*/,
                                                            const Point& /*point*/) const {
    return std::nullopt;
  }
  /// On rank 0, when its turn has come: what one operation takes, where that is known; for
  /// deadlines.
  [[nodiscard]] virtual double expected_s(const Point& /*point*/) const { return 0; }
  /// How long it may take to get ready for a point, beyond what measuring is given.
  [[nodiscard]] virtual double preparation_s() const { return 0; }
  /// Memory that one rank takes for a point.
  [[nodiscard]] virtual std::uint64_t memory_bytes(const Point& point) const = 0;
  /// On every rank, from the specification alone. Throws Failure.
  virtual std::unique_ptr<Body> prepare(Session& session, const std::string& specification) = 0;
  /// On rank 0: counters and doubts that the program knows of; `evidence` of every rank.
  virtual void describe(const Session& session, const Point& point,
                        const std::vector<std::string>& evidence, Row& row) = 0;
};

/// A whole program: command line, ranks, measuring, result file, table, exit code.
int run_program(Program& program, int argc, char** argv);

}  // namespace wiretax::bench
