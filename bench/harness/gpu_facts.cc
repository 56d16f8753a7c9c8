#include "bench/harness/gpu_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/harness/build_id.h"
#include "bench/harness/failure.h"
#include "collectives/backends/nccl.h"

namespace wiretax::collectives {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GpuIdentity, name, uuid, integrated, driver)

}  // namespace wiretax::collectives

namespace wiretax::bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GpuFacts, missing, version, path, build_id, gpus)

namespace {

/// Gives the ranks of one machine their GPUs.
void seat(std::vector<GpuFacts*>& neighbours, bool may_share) {
  std::vector<std::vector<std::string>> visible(neighbours.size());
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    for (const auto& gpu : neighbours[i]->gpus) visible[i].push_back(gpu.uuid);
  }
  const auto seats = first_free(visible);
  const bool shares = may_share && std::ranges::any_of(seats, [](auto at) { return !at; });
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    auto& one = *neighbours[i];
    one.seat = seats[i].value_or(-1);
    one.shares = shares && !one.gpus.empty();
    if (one.shares) one.seat = static_cast<int>(i % one.gpus.size());
  }
}

}  // namespace

collectives::GpuIdentity GpuFacts::gpu() const {
  if (gpus.empty()) return {};
  return gpus[static_cast<std::size_t>(std::max(seat, 0))];
}

GpuFacts look_for_gpus(const collectives::GpuTable& table) {
  GpuFacts facts;
  try {
    const int count = collectives::gpu_count(table);
    for (int i = 0; i < count; ++i) facts.gpus.push_back(collectives::identify_gpu(table, i));
    if (count == 0) facts.missing = "CUDA sees no GPU: is CUDA_VISIBLE_DEVICES empty?";
    facts.version = collectives::nccl_version(table);
    facts.path = table.nccl_path;
    if (table.nccl_base != nullptr) facts.build_id = build_id_of(table.nccl_base);
  } catch (const std::exception& error) {
    facts.missing = error.what();
  }
  return facts;
}

std::vector<std::optional<int>> first_free(const std::vector<std::vector<std::string>>& visible) {
  std::set<std::string> taken;
  std::vector<std::optional<int>> seats;
  for (const auto& gpus : visible) {
    const auto free =
        std::ranges::find_if(gpus, [&](const auto& uuid) { return !taken.contains(uuid); });
    seats.emplace_back();
    if (free == gpus.end()) continue;
    seats.back() = static_cast<int>(free - gpus.begin());
    taken.insert(*free);
  }
  return seats;
}

std::vector<GpuFacts> deal_gpus(Session& session, const GpuFacts& mine, bool may_share) {
  std::vector<GpuFacts> all;
  for (const auto& text :
       session.ranks.all_gather(nlohmann::json(mine).dump(), "looking for GPUs")) {
    all.push_back(nlohmann::json::parse(text).get<GpuFacts>());
  }
  std::vector<bool> seated(all.size());
  for (std::size_t first = 0; first < all.size(); ++first) {
    if (seated[first]) continue;
    std::vector<GpuFacts*> neighbours;
    for (std::size_t rank = first; rank < all.size(); ++rank) {
      if (!session.same_machine(static_cast<int>(first), static_cast<int>(rank))) continue;
      neighbours.push_back(&all[rank]);
      seated[rank] = true;
    }
    seat(neighbours, may_share);
  }
  return all;
}

std::optional<std::string> what_is_missing(const Session& session,
                                           const std::vector<GpuFacts>& facts) {
  const auto first =
      std::ranges::find_if(facts, [](const auto& one) { return !one.missing.empty(); });
  if (first == facts.end()) return std::nullopt;
  return fmt::format("{}: {}", session.ranks.describe(static_cast<int>(first - facts.begin())),
                     first->missing);
}

void refuse_different_versions(const Session& session, const std::vector<GpuFacts>& facts) {
  for (int rank = 1; rank < session.ranks.size(); ++rank) {
    const auto& theirs = facts[static_cast<std::size_t>(rank)];
    if (theirs.version == facts[0].version) continue;
    throw Failure(
        ExitCode::kEnvironment,
        fmt::format("{} has NCCL {} ({}) and {} has {} ({}), which hang or fail together: "
                    "install one version on all, or name one with --nccl-lib",
                    session.ranks.describe(0), facts[0].version, facts[0].path,
                    session.ranks.describe(rank), theirs.version, theirs.path));
  }
}

std::string different_builds(const Session& session, const std::vector<GpuFacts>& facts) {
  std::string others;
  for (int rank = 1; rank < session.ranks.size(); ++rank) {
    const auto& theirs = facts[static_cast<std::size_t>(rank)];
    if (theirs.version != facts[0].version || theirs.build_id == facts[0].build_id) continue;
    others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", session.ranks.describe(rank),
                          theirs.path);
  }
  if (others.empty()) return {};
  return fmt::format("another build of NCCL {} than rank 0's ({}): {}; if anything is odd, use one",
                     facts[0].version, facts[0].path, others);
}

void refuse_without_seat(const GpuFacts& mine) {
  if (mine.seat >= 0) return;
  throw Failure(ExitCode::kUsage,
                fmt::format("has no GPU of its own: it may use {}, which earlier ranks of its host "
                            "have. Start one rank for each GPU (mpirun --host HOST:{}), or type "
                            "--share-gpu, which shows that all works and says nothing about speed",
                            mine.gpus.size(), mine.gpus.size()));
}

}  // namespace wiretax::bench
