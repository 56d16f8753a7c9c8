#pragma once

// Logs as NCCL writes them, made up line by line: the forms are NCCL's, hosts and numbers are not.

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "report/transport/judge.h"

namespace wiretax {

/// One process with one rank. What a test does not set is a healthy rank of two Sparks.
struct RankLog {
  int rank = 0;
  std::string host = rank == 0 ? "spark-a" : "spark-b";
  int pid = 4700 + rank;
  int ranks = 2;
  int nodes = 2;
  std::string network = "IB";
  std::string via = "NET/IB";         // of the channels; empty: none
  std::vector<int> devices = {0, 1};  // a channel each
  std::string gdr = {};               // "/GDRDMA"
  std::string communicator = "0x7c1";
  std::string before = {};  // lines before "Using network", without the speaker
  std::string after = {};   // lines at the end, likewise

  [[nodiscard]] std::string speaker() const {
    return fmt::format("{}:{}:{} [0] NCCL INFO ", host, pid, pid + 9);
  }
  [[nodiscard]] std::string text() const;
};

inline std::string spoken(const std::string& speaker, const std::string& lines) {
  std::string text;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) text += speaker + line + "\n";
  return text;
}

inline std::string RankLog::text() const {
  const auto comm = fmt::format("comm 0xaaaa{:04x} rank {} ", pid, rank);
  const auto initialised =
      fmt::format("ncclCommInitRank {}nranks {} cudaDev 0 nvmlDev 0 busId f01000 commId {} - Init ",
                  comm, ranks, communicator);
  auto lines = before + (network.empty() ? "" : "Using network " + network + "\n");
  lines += initialised + "START\n";
  lines +=
      fmt::format("{}nRanks {} nNodes {} localRanks 1 localRank 0 MNNVL 0\n", comm, ranks, nodes);
  const int peer = (rank + 1) % ranks;
  for (std::size_t i = 0; !via.empty() && i < devices.size(); ++i) {
    const auto path = via.starts_with("NET/") ? fmt::format("{}/{}{}", via, devices[i], gdr) : via;
    const bool net = via.starts_with("NET/");
    lines += fmt::format("Channel {:02}/0 : {}[0] -> {}[0]{} via {}\n", i, rank, peer,
                         net ? " [send]" : "", path);
    if (net)
      lines +=
          fmt::format("Channel {:02}/0 : {}[0] -> {}[0] [receive] via {}\n", i, peer, rank, path);
  }
  if (!via.empty())
    lines += "Connected all rings, use ring PXN 0 GDR 0\n" + initialised + "COMPLETE\n";
  return spoken(speaker(), lines + after);
}

inline const std::string kIbLine =
    "NET/IB : Using [0]rocep1s0f1:1/RoCE [1]roceP2p1s0f1:1/RoCE [RO]; OOB enP7s7:10.0.0.1<0>\n";

/// Two ranks; what is set of `one` holds for both, the rest is a healthy rank's.
inline RankLog other(RankLog one) {
  one.rank = 1;
  one.host = "spark-b";
  one.pid = 4701;
  return one;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline TransportReport judged(const std::vector<std::string>& files) {
  NcclLog log;
  int number = 0;
  for (const auto& text : files) {
    std::istringstream stream(text);
    log.read(stream, fmt::format("rank{}.log", number++));
  }
  return judge(log);
}

/// All symptoms that a report names, certain ones as they are, the others with "?".
inline std::vector<std::string> symptoms_of(const TransportReport& report) {
  std::vector<std::string> names;
  for (const auto& job : report.jobs) {
    for (const auto& finding : job.findings) {
      const auto name = finding.symptom + (finding.certain ? "" : "?");
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

inline std::string verdict_of(const TransportReport& report) {
  return std::string(transport_name(report.conclusion.transport));
}

}  // namespace wiretax
