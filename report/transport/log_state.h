#pragma once

// What logs of NCCL have said, before anything is concluded from it.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "report/transport/devices.h"

namespace wiretax {

/// A line that proves something.
struct Evidence {
  std::string file;
  std::uint64_t line = 0;  // from 1
  std::string text;        // cut where it is very long
};

/// The channels of one rank to one peer over one device.
struct ChannelKind {
  std::string transport;  // "NET/IB", "P2P/CUMEM", "SHM"
  int device = -1;        // NCCL's index, for NET
  bool gdr = false;       // GPUDirect RDMA
  int peer = 0;
  bool operator<(const ChannelKind& other) const {
    return std::tie(transport, device, gdr, peer) <
           std::tie(other.transport, other.device, other.gdr, other.peer);
  }

  [[nodiscard]] bool is_net() const { return transport.starts_with("NET/"); }
};

struct ChannelUse {
  std::set<int> channels;
  bool sends = false;
  bool receives = false;
  Evidence first;
};

struct Network {
  std::string name;  // "IB", "Socket", "IBext_v10"
  Evidence line;
};

/// A rank in a communicator, as its process has told of it.
struct Membership {
  std::size_t process = 0;
  std::string handle;        // the pointer that NCCL prints; empty: only seen through channels
  std::string communicator;  // commId, or parent and colour of a split; empty: not told
  int rank = -1;             // -1: not told
  int ranks = 0;             // of the communicator; 0: not told
  int nodes = 0;             // likewise
  int channels_planned = 0;  // likewise
  bool mnnvl = false;
  bool connected = false;
  bool complete = false;
  std::optional<bool> ring_gdr;
  std::optional<Network> network;
  std::map<ChannelKind, ChannelUse> channels;
  Evidence first;
};

/// What a process says once, mostly before it fails or falls back.
enum class Sign {
  kNoDevice,
  kUsingWithoutDevices,
  kLibibverbs,
  kNoInterface,
  kOpenFailed,
  kQueryFailed,
  kIbFailed,  // "Failed to initialize NET plugin IB"
  kIbRequired,
  kNoPlugin,
  kDeviceCounts,
  kVersionsDiffer,
  kNvlink
};

/// An operation that failed after the network was chosen; the first of its kind in a process.
struct Failure {
  enum class Kind { kQueuePair, kCompletion, kMemory, kWrongType };
  Kind kind = Kind::kQueuePair;
  int code = 0;   // errno, or the status of the completion, or the type that came
  int other = 0;  // kWrongType: the type that was expected
  bool link_local = false;
  std::string device;
  Evidence line;
};

struct LoggedSetting {
  std::string value;
  Evidence line;
};

/// "AllReduce: 8192 Bytes -> Algo RING proto LL".
struct Tuning {
  std::string algorithm;
  std::string protocol;
  int channels = 0;  // 0: not told
};

struct Process {
  std::string host;
  std::uint64_t pid = 0;
  bool repeated = false;  // Ray printed equal lines once
  std::string version;
  std::string bootstrap;  // the interface
  std::optional<Evidence> bootstrap_line;
  std::string provider;  // libfabric's
  std::vector<NetDevice> ib_devices;
  std::vector<NetDevice> virtual_devices;
  std::optional<Evidence> ib_line;
  std::vector<NetDevice> socket_interfaces;
  std::optional<Evidence> socket_line;
  std::map<std::string, LoggedSetting> settings;  // NCCL_ variables
  std::map<Sign, Evidence> signs;
  std::vector<Failure> failures;
  std::uint64_t unknown_warnings = 0;       // lines of level WARN that say nothing known
  std::optional<Evidence> unknown_warning;  // the first
  std::map<std::pair<std::string, std::uint64_t>, Tuning> tuning;  // operation and bytes
  std::vector<Network> networks;  // the different ones of "Using network"
  std::vector<std::size_t> memberships;
};

}  // namespace wiretax
