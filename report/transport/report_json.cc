#include "report/transport/report_json.h"

#include <nlohmann/json.hpp>

#include "report/symptoms.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson json_of(const std::vector<Evidence>& lines) {
  auto json = OrderedJson::array();
  for (const auto& line : lines) {
    json.push_back({{"file", line.file}, {"line", line.line}, {"text", line.text}});
  }
  return json;
}

OrderedJson json_of(const Conclusion& conclusion) {
  return {{"verdict", transport_name(conclusion.transport)},
          {"because", conclusion.because},
          {"proof", json_of(conclusion.proof)}};
}

OrderedJson json_of(const Finding& finding) {
  const auto& symptom = find_symptom(finding.symptom);
  return {{"symptom", finding.symptom}, {"severity", severity_name(symptom.severity)},
          {"certain", finding.certain}, {"text", finding.text},
          {"fix", fix_of(finding)},     {"lines", json_of(finding.lines)}};
}

OrderedJson json_of(const ChannelKind& kind, const ChannelUse& use, const Process& process) {
  OrderedJson json = {
      {"transport", kind.transport}, {"peer", kind.peer}, {"channels", use.channels.size()}};
  if (!kind.is_net()) return json;
  json["index"] = kind.device;
  if (const auto name = device_name(process, kind); !name.empty()) json["device"] = name;
  json["gdr"] = kind.gdr;
  return json;
}

OrderedJson rank_of(const Membership& membership, const TransportReport& report) {
  const auto& process = report.processes[membership.process];
  OrderedJson json = {{"rank", nullptr}, {"host", process.host}, {"pid", process.pid}};
  if (membership.rank >= 0) json["rank"] = membership.rank;
  if (!process.version.empty()) json["nccl"] = process.version;
  if (membership.network) json["network"] = membership.network->name;
  if (membership.ring_gdr) json["ring_gdr"] = *membership.ring_gdr;
  if (over_nvlink(membership, process)) json["nvlink"] = true;
  if (membership.channels_planned > 0) json["channels_planned"] = membership.channels_planned;
  json["complete"] = membership.complete;
  json["channels"] = OrderedJson::array();
  for (const auto& [kind, use] : membership.channels) {
    json["channels"].push_back(json_of(kind, use, process));
  }
  return json;
}

OrderedJson json_of(const CommunicatorReport& one, const TransportReport& report) {
  auto json = json_of(one.conclusion);
  if (!one.communicator.id.empty()) json["id"] = one.communicator.id;
  if (one.communicator.ranks > 0) json["size"] = one.communicator.ranks;
  json["idle"] = one.idle;
  json["ranks"] = OrderedJson::array();
  for (const auto index : one.communicator.members) {
    json["ranks"].push_back(rank_of(report.memberships[index], report));
  }
  return json;
}

OrderedJson tuning_of(const JobReport& job, const TransportReport& report) {
  auto json = OrderedJson::array();
  for (const auto index : job.processes) {
    for (const auto& [what, tuning] : report.processes[index].tuning) {
      OrderedJson row = {{"operation", what.first},
                         {"bytes", what.second},
                         {"algorithm", tuning.algorithm},
                         {"protocol", tuning.protocol}};
      if (tuning.channels > 0) row["channels"] = tuning.channels;
      json.push_back(std::move(row));
    }
    if (!json.empty()) break;  // ranks say the same
  }
  return json;
}

OrderedJson json_of(const JobReport& job, const TransportReport& report) {
  auto json = json_of(job.conclusion);
  json["findings"] = OrderedJson::array();
  for (const auto& finding : job.findings) json["findings"].push_back(json_of(finding));
  json["notes"] = job.notes;
  json["communicators"] = OrderedJson::array();
  for (const auto& one : job.communicators) json["communicators"].push_back(json_of(one, report));
  json["tuning"] = tuning_of(job, report);
  return json;
}

}  // namespace

std::string transport_json(const TransportReport& report) {
  OrderedJson json = {{"schema", 1}};
  json.update(json_of(report.conclusion));
  json["files"] = report.files;
  json["versions"] = report.versions;
  json["lines"] = report.lines;
  json["nccl_lines"] = report.nccl_lines;
  json["jobs"] = OrderedJson::array();
  for (const auto& job : report.jobs) json["jobs"].push_back(json_of(job, report));
  // A log may hold any bytes.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace wiretax
