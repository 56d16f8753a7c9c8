#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

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

/// How many dimensions a field is for; a number, or none, is one.
std::size_t dimensions_of(const ClusterJson& cluster, const char* field, std::string_view origin) {
  const auto found = cluster.find(field);
  if (found == cluster.end() || found->is_number()) return 1;
  const auto number = [](const ClusterJson& value) { return value.is_number(); };
  if (!found->is_array() || found->empty() || !std::ranges::all_of(*found, number)) {
    throw InputError(fmt::format("{}: {}: neither a number nor a list of them", origin, field));
  }
  return found->size();
}

/// Which dimension the link is, nobody but the user can tell.
void check_dimensions(const ClusterJson& cluster, const UserCluster& user) {
  const auto rates = dimensions_of(cluster, "link_bw", user.origin);
  const auto latencies = dimensions_of(cluster, "link_latency", user.origin);
  if (rates != latencies) {
    throw InputError(fmt::format("{}: link_bw is for {} dimensions, link_latency for {}",
                                 user.origin, rates, latencies));
  }
  if (rates > 1 && user.dimension == 0) {
    throw std::invalid_argument(fmt::format(
        "{}: its links have {} dimensions: --dimension 1 to {} says which of them this is",
        user.origin, rates, rates));
  }
  if (user.dimension > rates) {
    throw std::invalid_argument(
        fmt::format("--dimension {}: the links of {} have {}", user.dimension, user.origin, rates));
  }
}

ClusterJson cluster_json(const UserCluster& user) {
  if (user.text.empty()) return ClusterJson::object();
  parse_object(user.text, user.origin);  // says what is wrong, by line
  auto cluster = ClusterJson::parse(user.text);
  if (!cluster.contains("nodes")) {
    throw InputError(fmt::format("{}: nodes: missing; not a cluster configuration", user.origin));
  }
  check_dimensions(cluster, user);
  return cluster;
}

void set_link(ClusterJson& cluster, const char* field, std::uint64_t dimension, double value) {
  auto& place = cluster[field];
  (place.is_array() ? place[dimension - 1] : place) = value;
}

ExportedFile file_of(const LinkFit& fit, std::string_view part, const UserCluster& user,
                     const std::vector<std::string>& warnings) {
  auto cluster = cluster_json(user);
  set_link(cluster, "link_bw", user.dimension,
           rounded(fit.link.bytes_per_s / real(kGibibyte), 1e4));
  set_link(cluster, "link_latency", user.dimension, rounded(fit.link.latency_s / kNanosecond, 10));
  cluster["wiretax"] = {
      {"link_bw", "GiB/s"}, {"link_latency", "ns"}, {"fit", fit_text(fit)}, {"warnings", warnings}};
  return {std::string(part),
          cluster.dump(2, ' ', false, ClusterJson::error_handler_t::replace) + "\n"};
}

}  // namespace

Export export_llmservingsim(const Fabric& fabric, const UserCluster& cluster) {
  const auto fits = fit_links(fabric.all_reduce, fabric.ranks);
  Export result;
  result.warnings = fits.warnings;
  result.warnings.push_back(send_recv_warning(fabric.send_recv, fits.whole.link));
  if (fabric.ranks > 2) {
    result.warnings.push_back(
        fmt::format("LLMServingSim takes {} machines to be fully connected", fabric.ranks));
  }
  for (const auto& note : fabric.notes) result.warnings.push_back(note);
  if (cluster.text.empty()) {
    result.warnings.emplace_back(
        "this is the link alone; --into CLUSTER.json puts it into a configuration of yours");
  }
  const auto warnings = result.warnings;
  result.files.push_back(file_of(fits.whole, "", cluster, warnings));
  if (!fits.small) return result;
  result.files.push_back(file_of(*fits.small, "small", cluster, warnings));
  result.files.push_back(file_of(*fits.large, "large", cluster, warnings));
  return result;
}

}  // namespace wiretax
