#include "bench/harness/nccl_options.h"

#include <CLI/CLI.hpp>

namespace wiretax::bench {

void NcclOptions::add_options(CLI::App& app) {
  app.add_option("--nccl-lib", library,
                 "Of nccl: the library to measure, such as the engine's own (pip's is in "
                 "nvidia/nccl/lib); default: libnccl.so.2");
  app.add_option("--launch", ways,
                 "Of nccl: graph (operations are replayed from CUDA graphs, as engines decode) or "
                 "eager (launched one by one, as they prefill); default: graph")
      ->delimiter(',')
      ->check(CLI::IsMember({"eager", "graph"}));
  app.add_option("--chain", chain, "Of nccl: operations in one graph")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--require-transport", required,
                 "Of nccl: rdma, socket or local (within one host): end with 5 where NCCL takes "
                 "another one")
      ->check(CLI::IsMember({"rdma", "socket", "local"}));
  app.add_option("--fabric", fabric,
                 "Of nccl: what the results call this way between the machines; default: nccl");
  app.add_option(
      "--prove", proof,
      "Of nccl: time nothing; run each operation once with a full log, and write here "
      "what it proves: transport, devices, and of collectives algorithm, protocol, channels");
  app.add_option("--nccl-patience", patience_s,
                 "Of nccl: seconds that a communicator may take to begin")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--share-gpu", share_gpu,
               "Of nccl: where there are fewer GPUs than ranks they share them, each as if on a "
               "host of its own: shows function, not speed");
}

std::string NcclOptions::touched() const {
  if (!library.empty()) return "--nccl-lib";
  if (!ways.empty()) return "--launch";
  if (chain != kChain) return "--chain";
  if (!required.empty()) return "--require-transport";
  if (!fabric.empty()) return "--fabric";
  if (!proof.empty()) return "--prove";
  return share_gpu ? "--share-gpu" : "";
}

std::vector<Launch> NcclOptions::launches() const {
  std::vector<Launch> launches;
  for (const auto& way : ways.empty() ? std::vector<std::string>{"graph"} : ways) {
    launches.push_back({"/launch:" + way, way == "graph" ? chain : 0});
  }
  return launches;
}

}  // namespace wiretax::bench
