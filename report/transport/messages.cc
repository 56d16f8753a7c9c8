#include "report/transport/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace wiretax {
namespace {

using Signs = std::pair<std::string_view, Sign>;

constexpr std::array<Signs, 16> kSigns = {{
    {"NET/IB : No device found", Sign::kNoDevice},
    {"Failed to open libibverbs", Sign::kLibibverbs},
    {"Could not open libibverbs", Sign::kLibibverbs},
    {"Count not open libibverbs", Sign::kLibibverbs},  // as NCCL 2.30 writes it
    {"dlvsym failed on ibv_", Sign::kLibibverbs},
    {"NET/IB : No IP interface found", Sign::kNoInterface},
    {"Bootstrap : no socket interface found", Sign::kNoInterface},
    {"Bootstrap: no socket interface found", Sign::kNoInterface},
    {"NET/Socket : no interface found", Sign::kNoInterface},
    {"NET/IB : Unable to open device", Sign::kOpenFailed},
    {"NET/IB : Unable to query", Sign::kQueryFailed},
    {"Failed to initialize any NET plugin", Sign::kIbRequired},
    {"Error: network IB not found", Sign::kIbRequired},
    {"Detected mixed local Net device counts", Sign::kDeviceCounts},
    {"Mismatched NCCL version detected", Sign::kVersionsDiffer},
    {"Failed to initialize NET plugin IB", Sign::kIbFailed},
}};

constexpr std::array<std::string_view, 7> kAlgorithms = {
    "TREE", "RING", "COLLNET_DIRECT", "COLLNET_CHAIN", "NVLS", "NVLS_TREE", "PAT"};
constexpr std::array<std::string_view, 3> kProtocols = {"LL", "LL128", "SIMPLE"};

/// Before 2.24 the log has numbers where newer ones have names.
std::string name_in(std::span<const std::string_view> names, std::string_view text) {
  const auto index = Cursor(text).number<std::size_t>();
  return std::string(index && *index < names.size() ? names[*index] : text);
}

}  // namespace

void Messages::take(const LogLine& line) {
  const auto text = line.text;
  if (take_by_prefix(text) || take_sign(text) || take_setting(text)) return;
  if (take_communicator(text) || take_counts(text) || take_tuning(text)) return;
  if (take_wrong_type(text) || line.level != LogLine::Level::kWarn) return;
  if (process_.unknown_warnings++ == 0) process_.unknown_warning = log_.evidence();
}

bool Messages::take_by_prefix(std::string_view text) {
  struct Entry {
    std::string_view prefix;
    void (Messages::*take)(Cursor);
  };
  static constexpr std::array<Entry, 18> kEntries = {{
      {"Channel ", &Messages::take_channel},
      {"Using network ", &Messages::take_network},
      {"NET/IB : Using", &Messages::take_ib_devices},
      {"NET/Socket : Using", &Messages::take_socket_interfaces},
      {"NET/IB : Made virtual device ", &Messages::take_virtual_device},
      {"Bootstrap : Using ", &Messages::take_bootstrap},
      {"Bootstrap: Using ", &Messages::take_bootstrap},
      {"NET/OFI Selected Provider is ", &Messages::take_provider},
      {"NET/OFI Selected provider is ", &Messages::take_provider},
      {"Connected all rings", &Messages::take_rings},
      {"Connected all trees", &Messages::take_rings},
      {"NCCL version ", &Messages::take_version},
      {"Call to ibv_modify_qp failed with ", &Messages::take_modify_qp},
      {"Call to ibv_reg_", &Messages::take_memory},
      {"Call to ibv_create_", &Messages::take_memory},
      {"NET/IB : Got completion from peer ", &Messages::take_completion},
      {"NET/IB: Got completion from peer ", &Messages::take_completion},
      {"NET/IB/GIN: Got completion from peer ", &Messages::take_completion},
  }};
  for (const auto& [prefix, take] : kEntries) {
    if (!text.starts_with(prefix)) continue;
    (this->*take)(Cursor(text.substr(prefix.size())));
    return true;
  }
  return false;
}

bool Messages::take_sign(std::string_view text) {
  if (text.starts_with("Pattern ") && text.find("type NVL/") != std::string_view::npos) {
    note(Sign::kNvlink);
    return true;
  }
  if (text.starts_with("NET/Plugin") && (text.find("No plugin found") != std::string_view::npos ||
                                         text.find("Could not find") != std::string_view::npos)) {
    note(Sign::kNoPlugin);
    return true;
  }
  const auto found =
      std::ranges::find_if(kSigns, [&](const Signs& sign) { return text.starts_with(sign.first); });
  if (found == kSigns.end()) return false;
  note(found->second);
  return true;
}

/// "NCCL_IB_DISABLE set by environment to 1." and "NCCL_IB_HCA set to mlx5_0".
bool Messages::take_setting(std::string_view text) {
  if (!text.starts_with("NCCL_")) return false;
  Cursor cursor(text);
  const auto name = cursor.until(" ");
  if (!cursor.skip(" set by environment to ") && !cursor.skip(" set to ")) return true;
  auto value = cursor.rest();
  if (value.ends_with('.')) value.remove_suffix(1);
  process_.settings.try_emplace(std::string(name),
                                LoggedSetting{std::string(value), log_.evidence()});
  return true;
}

/// Between "Algo" and "proto" names stand since 2.24, numbers before. 2.22 leaves the operation
/// out.
bool Messages::take_tuning(std::string_view text) {
  const auto arrow = text.find(" Bytes -> Algo ");
  if (arrow == std::string_view::npos) return false;
  Cursor cursor(text);
  std::string operation;
  if (const auto colon = text.find(": "); colon < arrow) {
    operation = text.substr(0, colon);
    cursor.skip_past(": ");
  }
  const auto bytes = cursor.number<std::uint64_t>();
  if (!bytes || !cursor.skip(" Bytes -> Algo ")) return true;
  Tuning tuning;
  tuning.algorithm = name_in(kAlgorithms, cursor.until(" "));
  if (!cursor.skip(" proto ")) return true;
  tuning.protocol = name_in(kProtocols, cursor.until(" "));
  if (cursor.skip(" channel{Lo..Hi}={")) {
    const auto low = cursor.number();
    const auto high = cursor.skip("..") ? cursor.number() : std::nullopt;
    if (low && high && *low >= 0 && *low <= *high && *high < 1024)
      tuning.channels = *high - *low + 1;
  }
  process_.tuning.insert_or_assign({operation, *bytes}, tuning);
  return true;
}

/// 2.28's "8 coll channels, ...": after the channels are planned.
bool Messages::take_counts(std::string_view text) {
  Cursor cursor(text);
  const auto count = cursor.number();
  if (!count || !cursor.skip(" coll channels,")) return false;
  if (auto* const membership = current()) membership->channels_planned = *count;
  return true;
}

/// socketFinalizeAccept: what came, and what this rank expected.
bool Messages::take_wrong_type(std::string_view text) {
  Cursor cursor(text);
  if (!cursor.skip_past("wrong type ")) return false;
  const auto came = cursor.number();
  const auto expected = cursor.skip(" != ") ? cursor.number() : std::nullopt;
  if (!came || !expected) return false;
  fail({Failure::Kind::kWrongType, *came, *expected, false, {}, log_.evidence()});
  return true;
}

void Messages::take_network(Cursor text) {
  if (text.rest().empty()) return;
  auto& known = process_.networks;
  const auto found = std::ranges::find(known, text.rest(), &Network::name);
  thread_.network = static_cast<int>(found - known.begin());
  if (found == known.end()) known.push_back({std::string(text.rest()), log_.evidence()});
}

void Messages::take_ib_devices(Cursor text) {
  const auto items = text.rest().substr(0, text.rest().find("; OOB"));
  auto devices = parse_ib_devices(items);
  if (devices.empty()) return note(Sign::kUsingWithoutDevices);
  process_.ib_devices = std::move(devices);
  process_.ib_line = log_.evidence();
}

void Messages::take_socket_interfaces(Cursor text) {
  process_.socket_interfaces = parse_socket_interfaces(text.rest());
  process_.socket_line = log_.evidence();
}

/// "[4] name=rocep1s0f0+rocep1s0f1 speed=400000 ndevs=2"
void Messages::take_virtual_device(Cursor text) {
  if (!text.skip("[")) return;
  const auto index = text.number();
  if (!index || !text.skip("] name=")) return;
  std::string name(text.until(" "));
  const auto same = [&](const NetDevice& device) { return device.index == *index; };
  if (std::ranges::any_of(process_.virtual_devices, same)) return;
  process_.virtual_devices.push_back({*index, std::move(name)});
}

void Messages::take_bootstrap(Cursor text) {
  process_.bootstrap = text.until(":");
  process_.bootstrap_line = log_.evidence();
}

void Messages::take_provider(Cursor text) { process_.provider = text.until(" ,"); }

void Messages::take_rings(Cursor text) {
  auto* const membership = current();
  if (membership == nullptr) return;
  membership->connected = true;
  if (!text.skip_past(" GDR ")) return;
  if (const auto gdr = text.number()) membership->ring_gdr = *gdr != 0;
}

void Messages::take_version(Cursor text) { process_.version = text.until(" "); }

}  // namespace wiretax
