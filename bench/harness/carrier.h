#pragma once

// What carries the messages of a backend of collectives: its options, its part in the names of
// points, what its counters tell.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "collectives/backend.h"

namespace wiretax::bench {

/// What has been carried; 0 where that is not known.
struct Carried {
  double bus_rate = 0;          // bus bandwidth
  double bytes = 0;             // of one operation
  double least_wire_bytes = 0;  // of all of them, since the counters are watched, by all ranks
};

class Carrier {
 public:
  Carrier() = default;
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  /// Before MPI starts, on every rank. Throws Failure.
  virtual void before_mpi() {}
  /// Collective. Throws Failure.
  virtual void set_up(Session& session) = 0;
  /// How long a group of ranks may take to begin, and how far apart they may have it.
  [[nodiscard]] virtual double patience_s() const { return Ranks::kAgreePatience; }
  /// Why nothing can be sent, if so.
  [[nodiscard]] virtual std::optional<std::string> missing() const { return std::nullopt; }
  /// Memory that an operation of so many ranks takes on one of them.
  [[nodiscard]] virtual std::uint64_t memory_bytes(const collectives::Request& request,
                                                   int ranks) const = 0;
  /// Collective over all ranks, after set_up: an operation of those in `members`, who are numbered
  /// in this order. Others get none. Throws Failure.
  std::unique_ptr<collectives::Task> prepare(Session& session, const std::vector<int>& members,
                                             const collectives::Request& request);
  /// Behind the backend in a point's name: "/interface:lo".
  [[nodiscard]] virtual std::string label() const { return {}; }
  /// Where operations go on after they were enqueued, if the backend has such a place.
  [[nodiscard]] virtual collectives::Queue* queue() const { return nullptr; }

  /// Nothing is to be timed: each operation once, and then what that proves.
  [[nodiscard]] virtual bool proves() const { return false; }
  /// Collective.
  virtual void conclude_proof(Session& /*session*/) {}

  /// Reads the counters of this rank; what is returned reads them again and tells the growth, as
  /// JSON text.
  [[nodiscard]] virtual std::function<std::string()> watch() const = 0;
  /// Rank 0: what these texts, by rank, add to a row.
  virtual void describe(const Session& session, const std::vector<std::string>& growth,
                        const Carried& carried, Row& row) const = 0;

 protected:
  /// Collective over all ranks; `place` of this rank among the members, if it is one, and then the
  /// backend of theirs.
  virtual std::unique_ptr<collectives::Backend> group(Session& session,
                                                      const std::vector<int>& members,
                                                      std::optional<int> place) = 0;
  /// What ranks without a part do while the members prepare.
  virtual void stand_by(Session& /*session*/) {}

 private:
  std::map<std::vector<int>, std::unique_ptr<collectives::Backend>> groups_;
};

/// All ranks, in order.
std::vector<int> everybody(const Session& session);

/// A way to issue operations.
struct Launch {
  std::string label;  // in a point's name: "/launch:graph"; empty where there is only one
  int graph = 0;      // operations in a CUDA graph; 0: each by itself
};

/// --backend and the options of each.
class CarrierOptions {
 public:
  CarrierOptions();
  ~CarrierOptions();
  CarrierOptions(const CarrierOptions&) = delete;
  CarrierOptions& operator=(const CarrierOptions&) = delete;

  void add_options(CLI::App& app);
  /// "mpi", "one_shot" or "nccl".
  [[nodiscard]] const std::string& backend() const;
  [[nodiscard]] std::vector<Launch> launches() const;
  /// The chosen one. Throws Failure(kUsage) for options of another one.
  [[nodiscard]] std::unique_ptr<Carrier> choose();

 private:
  struct Choices;
  std::unique_ptr<Choices> choices_;
};

}  // namespace wiretax::bench
