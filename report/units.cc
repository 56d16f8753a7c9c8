#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace wiretax {
namespace {

constexpr std::uint64_t kLargestSize = std::uint64_t{1} << 50;

std::uint64_t multiplier(std::string_view suffix, std::string_view whole) {
  if (suffix.empty() || suffix == "B") return 1;
  if (suffix == "K" || suffix == "Ki" || suffix == "KiB") return kKibibyte;
  if (suffix == "M" || suffix == "Mi" || suffix == "MiB") return kMebibyte;
  if (suffix == "G" || suffix == "Gi" || suffix == "GiB") return kGibibyte;
  throw std::invalid_argument(
      fmt::format("size '{}': unknown unit '{}' (use B, Ki, Mi or Gi)", whole, suffix));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

void sort_unique(std::vector<std::uint64_t>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

std::uint64_t parse_bytes(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) {
    throw std::invalid_argument(fmt::format("size '{}' is not a number of bytes", text));
  }
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  const double bytes = value * static_cast<double>(multiplier(suffix, text));
  if (bytes < 1) throw std::invalid_argument(fmt::format("size '{}': nothing to send", text));
  if (bytes > static_cast<double>(kLargestSize)) {
    throw std::invalid_argument(fmt::format("size '{}' is larger than 1 PiB", text));
  }
  if (bytes != std::floor(bytes)) {
    throw std::invalid_argument(fmt::format("size '{}' is not a whole number of bytes", text));
  }
  return static_cast<std::uint64_t>(bytes);
}

std::vector<std::uint64_t> parse_byte_list(std::string_view text) {
  std::vector<std::uint64_t> sizes;
  for (const auto part : split(text, ',')) {
    const auto ends = split(part, ':');
    if (ends.size() > 2) {
      throw std::invalid_argument(fmt::format("sizes '{}': a range is FIRST:LAST", part));
    }
    const auto first = parse_bytes(ends.front());
    const auto last = parse_bytes(ends.back());
    if (first > last) {
      throw std::invalid_argument(fmt::format("sizes '{}': the range runs backwards", part));
    }
    for (auto size = first; size < last; size *= 2) sizes.push_back(size);
    sizes.push_back(last);
  }
  sort_unique(sizes);
  return sizes;
}

std::vector<std::uint64_t> parse_count_list(std::string_view text) {
  std::vector<std::uint64_t> values;
  for (const auto part : split(text, ',')) {
    std::uint64_t value = 0;
    const char* const end = part.data() + part.size();
    const auto [rest, error] = std::from_chars(part.data(), end, value);
    if (error != std::errc{} || rest != end || value == 0 || value > kLargestSize) {
      throw std::invalid_argument(
          fmt::format("list '{}': '{}' is not a whole number above zero", text, part));
    }
    values.push_back(value);
  }
  sort_unique(values);
  return values;
}

double parse_rate_unit(std::string_view text) {
  if (text == "MiB/s") return static_cast<double>(kMebibyte);
  if (text == "MB/s") return kMegabyte;
  if (text == "GB/s") return kGigabyte;
  if (text == "Gb/s") return kGigabit;
  throw std::invalid_argument(
      fmt::format("rate unit '{}' is not known (use MiB/s, MB/s, GB/s or Gb/s)", text));
}

std::string format_figures(double value) {
  constexpr double kNeedsNoPoint = 100;
  return std::abs(value) < kNeedsNoPoint ? fmt::format("{:.3g}", value)
                                         : fmt::format("{:.0f}", value);
}

std::string format_roughly(double value) {
  constexpr double kNeedsNoPoint = 10;
  const double magnitude = std::abs(value);
  if (magnitude < kNeedsNoPoint) return fmt::format("{:.2g}", value);
  const double step = std::pow(10, std::floor(std::log10(magnitude)) - 1);
  return fmt::format("{:.0f}", std::round(value / step) * step);
}

std::string format_bytes(std::uint64_t bytes) {
  struct Unit {
    std::uint64_t size;
    const char* name;
  };
  constexpr std::array kUnits = {Unit{kGibibyte, "GiB"}, Unit{kMebibyte, "MiB"},
                                 Unit{kKibibyte, "KiB"}};
  for (const auto& unit : kUnits) {
    if (bytes >= unit.size && bytes % unit.size == 0) {
      return fmt::format("{} {}", bytes / unit.size, unit.name);
    }
  }
  auto digits = fmt::format("{}", bytes);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits + " B";
}

std::string format_seconds(double seconds) {
  const double magnitude = std::abs(seconds);
  if (magnitude < 1e-3) return fmt::format("{:.4g} us", seconds / kMicrosecond);
  if (magnitude < 1) return fmt::format("{:.4g} ms", seconds / kMillisecond);
  return fmt::format("{:.4g} s", seconds);
}

std::string format_range(const std::string& low, const std::string& high) {
  return low == high ? low : fmt::format("{} to {}", low, high);
}

std::string format_seconds_roughly(double seconds) {
  const double magnitude = std::abs(seconds);
  if (magnitude < 1e-3) return format_roughly(seconds / kMicrosecond) + " us";
  if (magnitude < 1) return format_roughly(seconds / kMillisecond) + " ms";
  return format_roughly(seconds) + " s";
}

std::string format_gigabytes_per_second(double rate) {
  return fmt::format("{:.4g}", rate / kGigabyte);
}

}  // namespace wiretax
