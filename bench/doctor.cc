// wiretax-doctor: what will go wrong before it does, on every rank and between ranks.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "bench/doctor/evidence.h"
#include "bench/doctor/finding.h"
#include "bench/doctor/gather.h"
#include "bench/doctor/reach.h"
#include "bench/harness/start.h"
#include "report/table.h"

namespace wiretax::doctor {
namespace {

using bench::ExitCode;
using bench::Failure;
using OrderedJson = nlohmann::ordered_json;

struct Options {
  bool local = false;
  bool json = false;
  std::string out;
  std::string color = "auto";
};

std::string json_of(const std::vector<Evidence>& hosts, const std::vector<Finding>& findings) {
  OrderedJson document = {
      {"schema", 1}, {"version", WIRETAX_VERSION}, {"findings", OrderedJson::array()}};
  for (const auto& finding : findings) {
    document["findings"].push_back({{"id", finding.id},
                                    {"severity", severity_name(finding.severity)},
                                    {"who", finding.who},
                                    {"evidence", finding.evidence},
                                    {"fix", finding.fix}});
  }
  document["hosts"] = OrderedJson::array();
  for (const auto& host : hosts)
    document["hosts"].push_back(OrderedJson::parse(to_json_text(host)));
  return document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string mark_of(Severity severity, const Ink& ink) {
  switch (severity) {
    case Severity::kFault:
      return ink.bad("FAULT");
    case Severity::kWarning:
      return ink.doubtful("warning");
    case Severity::kInfo:
      return "info";
  }
  return {};
}

std::size_t count_of(const std::vector<Finding>& findings, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "2 of 4 RDMA ports ACTIVE, NVIDIA GB10, NCCL 2.28.9, 3 interfaces with an address".
std::string seen_of(const Evidence& host) {
  const auto active = std::ranges::count_if(host.ports, &verbs::Port::active);
  const auto addressed = static_cast<std::size_t>(std::ranges::count_if(
      host.interfaces, [](const NetInterface& one) { return one.up && !one.networks.empty(); }));
  return fmt::format("{}, {}, {}, {}",
                     host.ports.empty() ? "no RDMA port, so that nothing of RDMA was checked"
                                        : fmt::format("{} of {} ACTIVE", active,
                                                      counted(host.ports.size(), "RDMA port")),
                     host.gpu.empty() ? "no GPU" : host.gpu,
                     host.nccl ? "NCCL " + host.nccl->version_text() : "no libnccl.so.2",
                     counted(addressed, "interface") + " with an address");
}

std::string text_of(const std::vector<Evidence>& hosts, const std::vector<Finding>& findings,
                    const Ink& ink) {
  auto text = ink.bold(fmt::format("{} looked at: {}, {}", counted(hosts.size(), "rank"),
                                   counted(count_of(findings, Severity::kFault), "fault"),
                                   counted(count_of(findings, Severity::kWarning), "warning"))) +
              "\n";
  std::map<std::string, std::vector<std::string>> seen;  // and at whom
  for (const auto& host : hosts) seen[seen_of(host)].push_back(host.who);
  for (const auto& [what, who] : seen) {
    text += printable(fmt::format("{}: {}", fmt::join(who, ", "), what)) + "\n";
  }
  for (const auto& finding : findings) {
    text += fmt::format("\n{} {}{}{}\n  {}\n  fix: {}\n", mark_of(finding.severity, ink),
                        finding.id, finding.who.empty() ? "" : " at ", printable(finding.who),
                        printable(finding.evidence), printable(finding.fix));
  }
  std::map<std::string, std::vector<std::string>> unseen;  // and by whom
  for (const auto& host : hosts) {
    for (const auto& what : host.unseen) unseen[what].push_back(host.who);
  }
  for (const auto& [what, who] : unseen) {
    text += fmt::format("\nnot seen at {}: {}\n",
                        printable(fmt::format("{}", fmt::join(who, ", "))), printable(what));
  }
  return text;
}

int tell(const std::vector<Evidence>& hosts, const Options& options) {
  const auto findings = examine(hosts);
  const auto json = json_of(hosts, findings);
  const Ink ink(bench::use_color(options.color) ? Colour::kAlways : Colour::kNever);
  fmt::print("{}", options.json ? json : text_of(hosts, findings, ink));
  std::fflush(stdout);
  if (!options.out.empty() && !(std::ofstream(options.out) << json << std::flush)) {
    throw Failure(ExitCode::kEnvironment, fmt::format("cannot write {}: {}", options.out,
                                                      std::generic_category().message(errno)));
  }
  return count_of(findings, Severity::kFault) > 0 ? static_cast<int>(ExitCode::kEnvironment) : 0;
}

/// Drivers that hang are among what a doctor meets.
Evidence look_around(bench::Supervisor& supervisor) {
  constexpr double kPatience = 45;
  const bench::Supervisor::Watch watch(supervisor, "looking at this host", kPatience);
  return gather();
}

int between_ranks(bench::Supervisor& supervisor, const Options& options) {
  // Before MPI starts, which waits for the slowest.
  Evidence mine;
  std::optional<Failure> failure;
  try {
    mine = look_around(supervisor);
  } catch (const std::exception& error) {
    failure = bench::as_failure(error);
  }
  return bench::with_ranks(supervisor, [&](bench::Ranks& ranks) {
    ranks.agree(failure, "looking at every host");
    mine.who = ranks.describe(ranks.rank());
    const auto texts = ranks.all_gather(to_json_text(mine), "telling what was seen");
    std::vector<Evidence> hosts(texts.size());
    std::ranges::transform(texts, hosts.begin(), evidence_from);
    try_ways(ranks, hosts);
    int code = 0;
    bench::together(ranks, "examining", [&] {
      if (ranks.leads()) code = tell(hosts, options);
    });
    return code;
  });
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Says what will go wrong before it does: devices, links, addresses, limits, libraries and "
      "NCCL's settings, on every rank and between ranks.",
      "wiretax-doctor");
  app.set_version_flag("--version", WIRETAX_VERSION);
  app.add_flag("--local", options.local, "This host only, without MPI");
  app.add_flag("--json", options.json, "For programs");
  app.add_option("--out", options.out, "A file for the JSON, beside what is printed");
  app.add_option("--color", options.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  if (const auto code = bench::parse_command_line(app, argc, argv)) return *code;
  bench::Supervisor supervisor;
  bench::explain_endings(supervisor);
  return options.local ? tell({look_around(supervisor)}, options)
                       : between_ranks(supervisor, options);
}

}  // namespace
}  // namespace wiretax::doctor

int main(int argc, char** argv) {
  using namespace wiretax;
  try {
    return doctor::run(argc, argv);
  } catch (const std::exception& error) {
    const auto failure = bench::as_failure(error);
    bench::print_error(failure);
    return static_cast<int>(failure.code());
  }
}
