#include "report/page/redaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "report/json_depth.h"

namespace wiretax {
namespace {

bool is_letter_or_digit(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
         static_cast<unsigned char>(letter) >= 0x80;  // of a name beyond ASCII
}

bool in_label(char letter) { return is_letter_or_digit(letter) || letter == '-' || letter == '_'; }

bool is_hexadecimal(char letter) { return std::isxdigit(static_cast<unsigned char>(letter)) != 0; }

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char letter) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  });
  return result;
}

bool goes_on(std::string_view text, std::size_t at) {
  return at < text.size() && is_letter_or_digit(text[at]);
}

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
  return fifth || goes_on(text, at) ? 0 : at;
}

/// The same of IPv6, GIDs, MAC addresses and GUIDs. A PCI function, 0000:01:00.0, has two colons,
/// and so has a time of day.
std::size_t end_of_colon_address(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::size_t end = 0;
  while (end < std::min(text.size(), kLongest) && (is_hexadecimal(text[end]) || text[end] == ':')) {
    ++end;
  }
  const auto run = text.substr(0, end);
  if (end == kLongest || run.find(":::") != run.npos) return 0;
  const auto colons = std::ranges::count(run, ':');
  const bool shortened = run.find("::") != std::string_view::npos && run != "::";
  const auto mapped = end_of_ipv4(text.substr(run.rfind(':') + 1));  // ::ffff:10.0.0.1
  if (colons >= 2 && shortened && mapped > 0) return run.rfind(':') + 1 + mapped;
  return !goes_on(text, end) && (colons >= 3 || (colons == 2 && shortened)) ? end : 0;
}

/// An interface that is named after its MAC address.
std::size_t end_of_mac_name(std::string_view text) {
  constexpr std::string_view kStart = "enx";
  constexpr std::size_t kDigits = 12;
  const auto end = kStart.size() + kDigits;
  if (!text.starts_with(kStart) || text.size() < end || goes_on(text, end)) return 0;
  return std::ranges::all_of(text.substr(kStart.size(), kDigits), is_hexadecimal) ? end : 0;
}

/// Whether an address may begin here: not in the middle of a word or of other numbers.
bool may_begin(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  if (is_letter_or_digit(text[at - 1])) return false;
  return text[at - 1] != '.' || at < 2 || !is_digit(text[at - 2]);
}

/// Folders that are the same on every machine, and so tell nothing of this one.
bool is_of_the_system(std::string_view path) {
  static constexpr std::array kFolders = {"/sys/", "/proc/", "/dev/", "/etc/", "/usr/", "/lib"};
  return std::ranges::any_of(kFolders, [&](auto* folder) { return path.starts_with(folder); });
}

/// "/home/ann/wiretax/bin" to ".../bin".
std::string without_folders(std::string_view text) {
  constexpr std::string_view kEnds = " \t\r\n\"'<>,;:()[]&|=";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool begins = text[at] == '/' && (at == 0 || kEnds.find(text[at - 1]) != kEnds.npos);
    const auto path = begins ? text.substr(at, text.find_first_of(kEnds, at) - at) : "";
    const auto last = path.find_last_not_of('/');
    const auto slash = last == path.npos ? path.npos : path.rfind('/', last);
    if (path.starts_with("//") || slash == path.npos || slash == 0 || is_of_the_system(path)) {
      const auto kept = std::max<std::size_t>(path.size(), 1);
      result += text.substr(at, kept);
      at += kept;
      continue;
    }
    result += "...";
    result += path.substr(slash);
    at += path.size();
  }
  return result;
}

/// "ann@host-1" to "user@host-1".
std::string without_logins(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto sign = text.find('@', at);
    if (sign == text.npos) return result + std::string(text.substr(at));
    auto from = sign;
    while (from > at && (in_label(text[from - 1]) || text[from - 1] == '.')) --from;
    const bool login = from < sign && sign + 1 < text.size() && is_letter_or_digit(text[sign + 1]);
    result += text.substr(at, from - at);
    result += login ? "user" : text.substr(from, sign - from);
    result += '@';
    at = sign + 1;
  }
  return result;
}

/// Behind a name: ".corp.example", but not the ".json" of a file called so.
std::size_t end_of_domain(std::string_view text, std::size_t at) {
  static constexpr std::array kSuffixes = {"json", "log", "txt", "csv", "out", "html"};
  while (at + 1 < text.size() && text[at] == '.' && in_label(text[at + 1])) {
    auto end = at + 1;
    while (end < text.size() && in_label(text[end])) ++end;
    const auto label = text.substr(at + 1, end - at - 1);
    if (std::ranges::count(kSuffixes, label) > 0 || label.starts_with("rank")) break;
    at = end;
  }
  return at;
}

}  // namespace

void Redaction::add_host(std::string_view name) {
  const auto host = lower(name.substr(0, name.find('.')));
  if (!std::ranges::any_of(host, is_letter_or_digit)) return;
  const auto fresh = names_.try_emplace(host, fmt::format("host-{}", hosts_ + 1)).second;
  hosts_ += fresh ? 1 : 0;
}

void Redaction::learn_users(std::string_view text) {
  for (const std::string_view folder : {"/home/", "/Users/"}) {
    for (auto at = text.find(folder); at != text.npos; at = text.find(folder, at)) {
      at += folder.size();
      auto end = at;
      while (end < text.size() && (in_label(text[end]) || text[end] == '.')) ++end;
      if (end > at) names_.try_emplace(lower(text.substr(at, end - at)), "user");
    }
  }
}

void Redaction::learn(const PageRun& run) {
  for (const auto& file : run.files) {
    const auto hosts = parse_shallow(file.context_value("hosts"));
    if (hosts.is_array()) {
      for (const auto& host : hosts) {
        if (host.is_string()) add_host(host.get<std::string>());
      }
    }
    add_host(file.context_value("host_name"));
    for (const auto& [key, value] : file.context) learn_users(value);
  }
  for (const auto& host : run.doctor.hosts) add_host(host);
}

std::string Redaction::without_names(std::string_view text) const {
  const auto small = lower(text);
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::pair<const std::string, std::string>* found = nullptr;
    if (at == 0 || !is_letter_or_digit(text[at - 1])) {
      for (const auto& name : names_) {
        const bool here = std::string_view(small).substr(at).starts_with(name.first) &&
                          !goes_on(text, at + name.first.size());
        if (here && (found == nullptr || name.first.size() > found->first.size())) found = &name;
      }
    }
    if (found == nullptr) {
      result += text[at++];
      continue;
    }
    result += found->second;
    at += found->first.size();
    if (found->second != "user") at = end_of_domain(text, at);
  }
  return result;
}

std::string Redaction::without_addresses(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    const auto taken =
        may_begin(text, at)
            ? std::max({end_of_ipv4(rest), end_of_colon_address(rest), end_of_mac_name(rest)})
            : 0;
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
  return without_names(without_logins(without_addresses(without_folders(text))));
}

std::string Redaction::html(std::string_view html) {
  static constexpr std::string_view kNaming = "aria-label=\"";
  std::string result;
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] == '<') {
      const auto end = std::min(html.find('>', at), html.size());
      while (at < end) {
        if (!html.substr(at).starts_with(kNaming)) {
          result += html[at++];
          continue;
        }
        const auto from = at + kNaming.size();
        const auto quote = std::min(html.find('"', from), end);
        result += kNaming;
        result += text(html.substr(from, quote - from));
        at = quote;
      }
      continue;
    }
    // Of an escaped letter the name is no word.
    const auto end = std::min(html.find_first_of("<&", at + 1), html.size());
    if (html[at] == '&') {
      const auto semicolon = std::min(html.find(';', at), html.size() - 1);
      result += html.substr(at, semicolon + 1 - at);
      at = semicolon + 1;
      continue;
    }
    result += text(html.substr(at, end - at));
    at = end;
  }
  return result;
}

void Redaction::apply(PageJson& json) {
  if (json.is_string()) json = text(json.get<std::string>());
  if (json.is_structured()) {
    for (auto& value : json) apply(value);
  }
}

}  // namespace wiretax
