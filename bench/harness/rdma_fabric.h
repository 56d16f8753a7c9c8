#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "bench/harness/rdma_links.h"
#include "verbs/buffer.h"

namespace wiretax::bench {

/// The RDMA links between ranks that a program uses, and the memory that its messages are in.
class RdmaFabric {
 public:
  void add_options(CLI::App& app);
  /// None of its options was given.
  [[nodiscard]] bool untouched() const { return devices_.empty() && wanted_memory_ == "auto"; }

  /// Collective: which links there are. With one rank there are none to look for.
  void find(Session& session);
  /// Collective, after find: memory, and one write over every link. Tells the user and the result
  /// file what is used and what is not.
  void open(Session& session);

  /// Why nothing can be sent, if so.
  [[nodiscard]] std::optional<std::string> missing() const;
  [[nodiscard]] const RdmaLinks& links() const { return *links_; }
  [[nodiscard]] verbs::Memory memory() const { return memory_; }
  [[nodiscard]] const std::shared_ptr<const verbs::Cuda>& cuda() const { return cuda_; }

 private:
  void choose_memory(Session& session);

  std::vector<std::string> devices_;
  std::string wanted_memory_ = "auto";
  verbs::Memory memory_ = verbs::Memory::kHost;
  std::shared_ptr<const verbs::Cuda> cuda_;
  std::optional<RdmaLinks> links_;
};

}  // namespace wiretax::bench
