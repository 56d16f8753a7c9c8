#include "report/page/redaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

namespace wiretax {
namespace {

bool in_name(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' || letter == '_';
}

bool is_hexadecimal(char letter) { return std::isxdigit(static_cast<unsigned char>(letter)) != 0; }

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// Where four numbers with dots between them end, from the start; 0 where there are none.
std::size_t end_of_ipv4(std::string_view text) {
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return 0;
    const auto from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == from || at - from > 3) return 0;
  }
  const bool fifth = at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1]);
  const bool goes_on = at < text.size() && in_name(text[at]);
  return fifth || goes_on ? 0 : at;
}

/// The same of IPv6, GIDs, MAC addresses and GUIDs. A PCI function, 0000:01:00.0, has two colons,
/// and so has a time of day.
std::size_t end_of_colon_address(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_hexadecimal(text[end]) || text[end] == ':')) ++end;
  const auto run = text.substr(0, end);
  const auto colons = std::ranges::count(run, ':');
  const bool shortened = run.find("::") != std::string_view::npos && run != "::";
  const auto mapped = end_of_ipv4(text.substr(run.rfind(':') + 1));  // ::ffff:10.0.0.1
  if (colons >= 2 && shortened && mapped > 0) return run.rfind(':') + 1 + mapped;
  const bool goes_on = end < text.size() && in_name(text[end]);
  return !goes_on && (colons >= 3 || (colons == 2 && shortened)) ? end : 0;
}

/// "/home/NAME" to "/home/user".
std::string without_users(std::string text) {
  for (const std::string folder : {"/home/", "/Users/"}) {
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at)) {
      at += folder.size();
      const auto end = std::min(text.find_first_of("/ \"'", at), text.size());
      text.replace(at, end - at, "user");
    }
  }
  return text;
}

}  // namespace

void Redaction::add_host(std::string_view name) {
  const auto host = name.substr(0, name.find('.'));
  if (!std::ranges::any_of(host, in_name) || host.starts_with("host-")) return;
  hosts_.try_emplace(std::string(host), fmt::format("host-{}", hosts_.size() + 1));
}

void Redaction::add_hosts_of(const PageRun& run) {
  for (const auto& file : run.files) {
    const auto hosts = nlohmann::json::parse(file.context_value("hosts"), nullptr, false);
    if (hosts.is_array()) {
      for (const auto& host : hosts) {
        if (host.is_string()) add_host(host.get<std::string>());
      }
    }
    add_host(file.context_value("host_name"));
  }
  for (const auto& host : run.doctor.hosts) add_host(host);
}

std::string Redaction::without_hosts(std::string_view text) const {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    auto end = at;
    while (end < text.size() && in_name(text[end])) ++end;
    const auto found = hosts_.find(text.substr(at, end - at));
    if (end == at) {
      result += text[end++];
    } else if (found == hosts_.end()) {
      result += text.substr(at, end - at);
    } else {
      result += found->second;
      while (end + 1 < text.size() && text[end] == '.' && in_name(text[end + 1])) {  // its domain
        for (++end; end < text.size() && in_name(text[end]);) ++end;
      }
    }
    at = end;
  }
  return result;
}

std::string Redaction::without_addresses(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool inside = at > 0 && (in_name(text[at - 1]) || text[at - 1] == '.');
    const auto rest = text.substr(at);
    const auto taken = inside ? 0 : std::max(end_of_ipv4(rest), end_of_colon_address(rest));
    const auto address = std::string(rest.substr(0, taken));
    if (taken == 0 || address.starts_with("127.")) {
      result += rest.front();
      ++at;
      continue;
    }
    const auto name = fmt::format("address-{}", addresses_.size() + 1);
    result += addresses_.try_emplace(address, name).first->second;
    at += taken;
  }
  return result;
}

std::string Redaction::text(std::string_view text) {
  return without_users(without_addresses(without_hosts(text)));
}

void Redaction::apply(PageRun& run) {
  for (auto* const word : {&run.name}) *word = text(*word);
  for (auto& sentence : run.missing) sentence = text(sentence);
  for (auto& file : run.files) {
    for (auto& [key, value] : file.context) value = text(value);
    for (auto& record : file.records) {
      record.reason = text(record.reason);
      record.name = text(record.name);
      for (auto& [key, value] : record.keys) value = text(value);
    }
  }
  for (auto& host : run.doctor.hosts) host = text(host);
  for (auto& finding : run.doctor.findings) {
    for (auto* const word : {&finding.who, &finding.evidence, &finding.fix}) *word = text(*word);
  }
}

}  // namespace wiretax
