#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

/// A quantity that is not known exactly: the ends of what it can be, and where it likely is.
struct Band {
  double low = 0;
  double mid = 0;
  double high = 0;

  bool operator==(const Band&) const = default;
};

/// How much the experts of a batch's tokens overlap (Model::coverage), where nobody measured it.
constexpr Band kUsualGamma = {.5, 1, 1};

/// One machine of the cluster, as far as a decode step feels it.
struct Machine {
  std::string name;
  std::string gpu;                 // as its driver calls it; empty: not told
  double memory_bytes = 0;         // usable
  double reserve_bytes = 0;        // of that, kept free for the system, activations and graphs
  double memory_bytes_per_s = 0;   // the specification
  Band efficiency;                 // share of it that an engine reaches
  Band fixed_s;                    // per step: launches, sampler, scheduler
  double compute_flops_per_s = 0;  // dense, bf16
  bool compute_verified = false;
  std::optional<Band> prefill_flops_per_s;     // reached when reading prompts; absent: not measured
  std::optional<Band> gamma;                   // overlap of routed experts; absent: not measured
  std::map<std::string, std::string> sources;  // field -> where its value comes from
};

std::vector<std::string> machine_names();

/// A name of report/machines in any case, or a JSON file of the same form. Throws UnknownName, or
/// InputError that names file and field.
Machine find_machine(std::string_view name_or_file);
Machine parse_machine(std::string_view json, std::string_view origin);
/// The form that parse_machine reads.
std::string machine_json(const Machine& machine);

}  // namespace wiretax
