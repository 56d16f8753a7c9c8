#pragma once

// The one place that knows 1000 from 1024. Inside the code everything is seconds, bytes and bytes
// per second.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

constexpr double kMicrosecond = 1e-6;
constexpr double kMillisecond = 1e-3;
constexpr double kMegabyte = 1e6;
constexpr double kGigabyte = 1e9;     // GB/s is 10^9 bytes per second
constexpr double kGigabit = 1e9 / 8;  // Gb/s is 10^9 bits per second, here in bytes
constexpr double kTeraflop = 1e12;    // floating-point operations
constexpr std::uint64_t kKibibyte = 1024;
constexpr std::uint64_t kMebibyte = 1024 * kKibibyte;
constexpr std::uint64_t kGibibyte = 1024 * kMebibyte;

/// A count, in formulas.
constexpr double real(std::uint64_t count) { return static_cast<double>(count); }

/// "10240", "64Ki", "64KiB", "1.5Mi", "2Gi" to bytes; K, M, G without the i are also powers of
/// 1024, as in nccl-tests. Throws std::invalid_argument that names the text.
std::uint64_t parse_bytes(std::string_view text);

/// "8:64Mi" (doubling from 8 B to 64 MiB) or a list "4096,10240,64Ki" to sizes, ascending, without
/// repeats. Throws std::invalid_argument.
std::vector<std::uint64_t> parse_byte_list(std::string_view text);

/// "1,8,32" to integers above zero. Throws std::invalid_argument that names the text.
std::vector<std::uint64_t> parse_count_list(std::string_view text);

/// "MiB/s", "MB/s", "GB/s" or "Gb/s" in bytes per second. Throws std::invalid_argument.
double parse_rate_unit(std::string_view text);

std::string format_figures(double value);            // "7.78", "53.3", "1284"
std::string format_roughly(double value);            // two figures: "7.8", "53", "1300"
std::string format_bytes(std::uint64_t bytes);       // "10 KiB", "10,250 B"
std::string format_seconds(double seconds);          // "28.4 us", "1.23 ms"
std::string format_seconds_roughly(double seconds);  // two figures: "29 us", "1.3 ms"
/// "5.4 to 19", or one of them where both say the same.
std::string format_range(const std::string& low, const std::string& high);
std::string format_gigabytes_per_second(double rate);  // "12.30" of rate in bytes per second

}  // namespace wiretax
