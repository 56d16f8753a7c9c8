#pragma once

#include "report/transport/judge.h"

namespace wiretax {

/// Why this process took sockets. Empty where its log does not tell.
std::vector<Finding> fallback_reasons(const Process& process);

/// What failed after the network was chosen.
std::vector<Finding> failure_reasons(const Process& process);

/// What else deserves a look: one half only, Wi-Fi, plug-ins, GDR. `version`: NCCL's, where the
/// logs name just one without saying who speaks.
std::vector<Finding> hints_of(const Process& process, const std::vector<Membership>& memberships,
                              const std::string& version);

/// What processes of a job have different, given that their networks differ.
std::vector<Finding> differences_of(const std::vector<std::size_t>& job,
                                    const std::vector<Process>& processes);

/// "host spark-b (pid 4712)"
std::string name_of(const Process& process);

}  // namespace wiretax
