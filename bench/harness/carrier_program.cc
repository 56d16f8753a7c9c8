#include "bench/harness/carrier_program.h"

#include <fmt/format.h>

#include "report/units.h"

namespace wiretax::bench {

void CarrierProgram::before_mpi(const Options& /*options*/) {
  carrier_ = carriers_.choose();
  carrier_->before_mpi();
}

std::optional<std::string> CarrierProgram::missing(const Session& session) const {
  if (auto reason = Program::missing(session)) return reason;
  return carrier_->missing();
}

std::string CarrierProgram::backend() const {
  return fmt::format("backend:{}{}", carriers_.backend(), carrier_->label());
}

void CarrierProgram::describe_operation(const Session& session, collectives::Operation operation,
                                        int ranks, const std::vector<std::string>& evidence,
                                        Row& row) const {
  const double rate = row.counters.at("bytes") / row.time_s;
  const double bus_rate = rate * collectives::describe(operation).bus_factor(ranks);
  row.counters["GBps"] = rate / kGigabyte;
  row.counters["bus_GBps"] = bus_rate / kGigabyte;
  carrier_->describe(session, evidence, bus_rate, row);
}

}  // namespace wiretax::bench
