#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/config_fields.h"
#include "report/exporters/exporter.h"
#include "report/exporters/link_fit.h"
#include "report/units.h"

namespace wiretax {
namespace {

using ClusterJson = nlohmann::ordered_json;

constexpr double kNanosecond = 1e-9;

/// Numbers that people can read: more figures than these nobody has measured.
double rounded(double value, double per_unit) { return std::round(value * per_unit) / per_unit; }

ClusterJson user_cluster(std::string_view text, std::string_view origin) {
  if (text.empty()) return ClusterJson::object();
  parse_object(text, origin);  // says what is wrong, by line
  auto cluster = ClusterJson::parse(text);
  if (!cluster.contains("nodes")) {
    throw InputError(fmt::format("{}: nodes: missing; not a cluster configuration", origin));
  }
  for (const auto* const field : {"link_bw", "link_latency"}) {
    if (!cluster.contains(field) || cluster[field].is_number()) continue;
    throw InputError(fmt::format(
        "{}: {}: has a value for each dimension; which of them this link is nobody can tell: set "
        "it to one number, and the others back by hand",
        origin, field));
  }
  return cluster;
}

ExportedFile file_of(const LinkFit& fit, std::string_view part, ClusterJson cluster,
                     const std::vector<std::string>& warnings) {
  cluster["link_bw"] = rounded(fit.link.bytes_per_s / real(kGibibyte), 1e4);
  cluster["link_latency"] = rounded(fit.link.latency_s / kNanosecond, 10);
  cluster["wiretax"] = {
      {"link_bw", "GiB/s"}, {"link_latency", "ns"}, {"fit", fit_text(fit)}, {"warnings", warnings}};
  return {std::string(part),
          cluster.dump(2, ' ', false, ClusterJson::error_handler_t::replace) + "\n"};
}

}  // namespace

Export export_llmservingsim(const Fabric& fabric, std::string_view cluster,
                            std::string_view origin) {
  const auto into = user_cluster(cluster, origin);
  const auto fits = fit_links(fabric.all_reduce, fabric.ranks);
  Export result;
  result.warnings = fits.warnings;
  result.warnings.push_back(send_recv_warning(fabric.send_recv, fits.whole.link));
  if (fabric.ranks > 2) {
    result.warnings.push_back(
        fmt::format("LLMServingSim takes {} machines to be fully connected", fabric.ranks));
  }
  for (const auto& note : fabric.notes) result.warnings.push_back(note);
  if (cluster.empty()) {
    result.warnings.emplace_back(
        "this is the link alone; --into CLUSTER.json puts it into a configuration of yours");
  }
  const auto warnings = result.warnings;
  result.files.push_back(file_of(fits.whole, "", into, warnings));
  if (!fits.small) return result;
  result.files.push_back(file_of(*fits.small, "small", into, warnings));
  result.files.push_back(file_of(*fits.large, "large", into, warnings));
  return result;
}

}  // namespace wiretax
