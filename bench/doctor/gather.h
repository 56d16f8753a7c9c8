#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/doctor/evidence.h"

namespace wiretax::doctor {

/// Where a host's files are; a test has a tree of its own.
struct Roots {
  std::filesystem::path sys = "/sys";
  std::filesystem::path proc = "/proc";
  std::filesystem::path dev = "/dev";
  std::filesystem::path etc = "/etc";
  std::filesystem::path run = "/run";
  std::filesystem::path home;       // of this user; empty: none
  std::filesystem::path nccl_conf;  // NCCL_CONF_FILE; empty: none
};

/// Of this host, this process and its libraries.
Evidence gather();

// Its parts, each from files alone.

std::vector<NetInterface> interfaces_of(const Roots& roots,
                                        const std::vector<verbs::Ipv4Network>& networks);
std::string default_interface_of(const Roots& roots);
void add_files(const Roots& roots, Evidence& evidence);
std::vector<Setting> nccl_conf_of(const Roots& roots, std::vector<std::string>& unseen);

}  // namespace wiretax::doctor
