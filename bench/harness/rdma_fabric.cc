#include "bench/harness/rdma_fabric.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/rdma_confirm.h"

namespace wiretax::bench {

namespace {

using Json = nlohmann::json;

/// What is measured is what an engine's traffic takes, and that is staged in host memory there.
[[noreturn]] void refuse_device_memory(const verbs::Cuda& cuda) {
  const auto* const reason =
      cuda.gpudirect() ? "is not measured yet, though this GPU has GPUDirect RDMA"
                       : "cannot be reached by a network card: this GPU has no GPUDirect RDMA, and "
                         "NCCL stages its messages in pinned host memory";
  throw Failure(
      ExitCode::kEnvironment,
      fmt::format("--memory device: the memory of {} {}: use --memory cuda", cuda.gpu(), reason));
}

}  // namespace

void RdmaFabric::add_options(CLI::App& app) {
  app.add_option("--device", devices_,
                 "RDMA devices, such as rocep1s0f0 or mlx5_0:1; default: every port that is "
                 "ACTIVE, with the one it reaches on the other host")
      ->delimiter(',');
  app.add_option(
         "--memory", wanted_memory_,
         "Where messages are: host, huge (pages of 2 MiB), cuda (pinned host memory, as "
         "NCCL uses on a DGX Spark), device (a GPU's own: refused, with the reason); auto is "
         "cuda where every rank has it, else host")
      ->check(CLI::IsMember({"auto", "host", "huge", "cuda", "device"}))
      ->capture_default_str();
}

void RdmaFabric::find(Session& session) {
  if (session.ranks.size() < 2) return;
  links_.emplace(session, devices_);
  session.context["rdma_devices"] = links_->description();
}

void RdmaFabric::open(Session& session) {
  if (session.ranks.size() < 2) return;
  choose_memory(session);
  if (!links_->missing() && !session.options.list) {
    confirm_links(session, *links_, !devices_.empty());
  }
  session.context["links_left_out"] = Json(links_->left_out()).dump();
  for (const auto& line : links_->left_out()) session.notes.push_back("not used: " + line);
  if (links_->missing()) session.notes.push_back("no RDMA: " + *links_->missing());
  session.context["transport"] =
      Json(links_->emulated() ? "soft-RoCE (rxe), no hardware" : "RDMA over libibverbs").dump();
}

std::optional<std::string> RdmaFabric::missing() const {
  return links_ ? links_->missing() : std::nullopt;
}

void RdmaFabric::choose_memory(Session& session) {
  auto& ranks = session.ranks;
  together(ranks, "choosing memory", [&] {
    const bool automatic = wanted_memory_ == "auto";
    if (wanted_memory_ == "host" || wanted_memory_ == "huge") return;
    if (automatic && links_->missing()) return;  // there is nothing to put in it
    try {
      cuda_ = std::make_shared<verbs::Cuda>();
      // A GPU that somebody else fills or keeps to himself gives nothing.
      cuda_->free_host(cuda_->allocate_host(1));
    } catch (const std::exception& error) {
      cuda_.reset();
      if (automatic) return;
      throw Failure(ExitCode::kEnvironment,
                    fmt::format("--memory {}: {}", wanted_memory_, error.what()));
    }
    if (wanted_memory_ == "device") refuse_device_memory(*cuda_);
  });
  const auto lacks = ranks.all_gather(cuda_ ? "" : "no CUDA", "choosing memory");
  const bool all_have = std::ranges::all_of(lacks, &std::string::empty);
  if (wanted_memory_ == "huge") memory_ = verbs::Memory::kHugePages;
  if (all_have) memory_ = verbs::Memory::kCudaHost;
  session.context["rdma_memory"] = Json(verbs::memory_name(memory_)).dump();
}

}  // namespace wiretax::bench
