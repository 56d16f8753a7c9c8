#pragma once

#include "report/transport/judge.h"

namespace wiretax {

/// What carried one communicator. `process.failures` of its members keep it from being called
/// proven.
CommunicatorReport judge_communicator(Communicator communicator,
                                      const std::vector<Process>& processes,
                                      const std::vector<Membership>& memberships);

}  // namespace wiretax
