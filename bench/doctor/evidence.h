#pragma once

// What one host says of itself before anything is measured. Gathering it changes nothing and needs
// no right but a user's; what cannot be read without more is listed as unseen.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verbs/port.h"

namespace wiretax::doctor {

/// A network interface, with or without addresses.
struct NetInterface {
  std::string name;
  bool up = false;
  bool wireless = false;
  bool physical = false;  // a device stands behind it
  int mtu = 0;
  std::vector<verbs::Ipv4Network> networks;
};

/// A line of a file that NCCL reads like its environment.
struct Setting {
  std::string file;
  std::string name;
  std::string value;
};

/// A shared library as this process maps it.
struct Library {
  std::string path;
  std::string build_id;
  int version = 0;  // of NCCL, as ncclGetVersion tells: 22809

  [[nodiscard]] std::string version_text() const;  // "2.28.9"
};

/// NVLink of one GPU, as NVML tells.
struct GpuLinks {
  unsigned index = 0;
  std::string name;  // "NVIDIA H200"
  int active = 0;
  std::vector<unsigned> peers = {};  // GPUs that it reaches over them
};

/// An address of another machine that shares a subnet with an interface, and cannot be connected
/// to.
struct Unreached {
  std::string interface;
  std::string peer;
  std::string reason;
};

struct Evidence {
  std::string host;
  std::string who;  // for messages: the host, or "rank 1 (spark-02)"
  std::string boot_id;
  std::string build_id;  // of this program
  std::string kernel;
  std::string product;  // as the firmware names the machine

  std::vector<verbs::Port> ports;
  int rdma_functions = 0;  // of NVIDIA's network cards on PCI, with a driver or without
  std::map<std::string, int> device_files;  // /dev/infiniband/uverbs*: 0, or why open failed
  std::string libibverbs;                   // why it cannot be loaded
  std::vector<NetInterface> interfaces;
  std::string default_interface;  // of the default route
  bool network_manager = false;

  std::optional<std::uint64_t> memlock;         // bytes that may be locked; absent: any number
  std::map<std::string, std::uint64_t> memory;  // of /proc/meminfo, bytes
  bool container = false;
  bool virtual_machine = false;
  std::optional<std::uint64_t> memory_left;         // bytes until the container's limit
  std::optional<std::uint64_t> shared_memory_size;  // bytes of /dev/shm
  int cores = 0;                                    // that this process may use
  std::optional<double> cpu_limit;                  // cores that a container's quota is worth
  std::string clocksource;
  std::map<std::string, int> governors;  // of the cores, and how many have it
  std::string frequency_driver;          // that the governors command

  std::map<std::string, std::string> environment;  // what changes the wire
  std::vector<Setting> nccl_conf;
  std::optional<Library> nccl;
  std::string external_plugin;    // a network plug-in that NCCL would load
  std::string gpu;                // the first one's name
  std::optional<bool> gpudirect;  // of the first GPU
  std::vector<GpuLinks> gpus;

  std::vector<Unreached> unreached;

  std::vector<std::string> unseen;  // what could not be read, and why

  /// The value that NCCL gets: of the environment, else of the user's file, else of
  /// /etc/nccl.conf.
  [[nodiscard]] std::optional<std::string> nccl_setting(const std::string& name) const;
  /// Where that value stands, for messages: "NCCL_NET=Socket in /etc/nccl.conf".
  [[nodiscard]] std::string where(const std::string& name) const;
  [[nodiscard]] const NetInterface* interface(const std::string& name) const;
  /// A DGX Spark, or another maker's machine of the same parts.
  [[nodiscard]] bool spark() const;
  /// NCCL_IB_HCA leaves this port to NCCL.
  [[nodiscard]] bool hca_takes(const verbs::Port& port) const;
};

/// As ranks tell each other, and as --json has it.
std::string to_json_text(const Evidence& evidence);
Evidence evidence_from(const std::string& json);

}  // namespace wiretax::doctor
