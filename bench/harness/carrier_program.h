#pragma once

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
  void set_up(Session& session) override { carrier_->set_up(session); }
  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override;

 protected:
  [[nodiscard]] Carrier& carrier() const { return *carrier_; }
  /// In a point's name: "backend:mpi/interface:lo".
  [[nodiscard]] std::string backend() const;
  /// Of an operation of so many ranks: algorithm and bus bandwidth, and what the carrier saw.
  void describe_operation(const Session& session, collectives::Operation operation, int ranks,
                          const std::vector<std::string>& evidence, Row& row) const;

 private:
  CarrierOptions carriers_;
  std::unique_ptr<Carrier> carrier_;
};

}  // namespace wiretax::bench
