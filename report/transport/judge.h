#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "report/transport/jobs.h"
#include "report/transport/log.h"

namespace wiretax {

/// What carried the data, the worst last. "Local" (P2P, SHM) is within one host.
enum class Transport { kP2p, kShm, kRdma, kInconclusive, kMixed, kSocket };

std::string_view transport_name(Transport transport);

/// 0 RDMA or local, 3 inconclusive, 5 sockets or a mix.
int exit_code(Transport transport);

/// A symptom of the catalogue that the log shows.
struct Finding {
  std::string symptom;  // its identifier
  bool certain = true;  // otherwise one of several that fit
  std::string text;     // what it is here: host, variable, device
  std::vector<Evidence> lines;
  std::string fix = {};  // with the names that stand here; empty: the catalogue's
};

/// What to do about it, here.
const std::string& fix_of(const Finding& finding);

struct Conclusion {
  Transport transport = Transport::kInconclusive;
  std::string because;          // a sentence
  std::vector<Evidence> proof;  // lines that show it
};

struct CommunicatorReport {
  Communicator communicator;
  Conclusion conclusion;
  bool idle = false;  // it moved nothing yet, as far as the log tells
};

struct JobReport {
  Conclusion conclusion;
  std::vector<std::size_t> processes;
  std::vector<CommunicatorReport> communicators;
  std::vector<Finding> findings;   // faults and warnings first
  std::vector<std::string> notes;  // what the log leaves open
};

struct TransportReport {
  Conclusion conclusion;  // the worst of the jobs
  std::vector<JobReport> jobs;
  std::vector<Process> processes;
  std::vector<Membership> memberships;
  std::vector<std::string> files;
  std::set<std::string> versions;  // that no process claims for itself
  std::uint64_t lines = 0;
  std::uint64_t nccl_lines = 0;
};

/// What the logs prove. Never throws for what a log contains.
TransportReport judge(const NcclLog& log);

/// Name of the device that such channels use; empty where the log does not tell.
std::string device_name(const Process& process, const ChannelKind& kind);

/// Whether the log shows that channels of this rank go over NVLink; false is not a proof that none
/// does.
bool over_nvlink(const Membership& membership, const Process& process);

}  // namespace wiretax
