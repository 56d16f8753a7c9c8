#pragma once

// Tokens per second that somebody saw: typed in, or from the files of llama-benchy and llama-bench.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

enum class Phase { kDecode, kPrefill };

/// One test. What is not told is 0.
struct Observation {
  Phase phase = Phase::kDecode;
  std::uint64_t concurrency = 1;              // requests at a time
  std::uint64_t prompt = 0;                   // tokens of each prompt; above 0 in prefill
  std::uint64_t generated = 0;                // tokens of each answer
  std::uint64_t depth = 0;                    // tokens in the cache before the test
  double tokens_per_s = 0;                    // of all requests together
  double error = 0;                           // standard deviation of that
  std::optional<std::uint64_t> context = {};  // mean tokens of cache while decoding

  /// "c8", "tg128 c4 @ d4096", "pp512".
  [[nodiscard]] std::string name() const;
};

/// What one file or text says.
struct Observations {
  std::vector<Observation> rows;
  std::string tool;                // "llama-benchy", "llama-bench", or empty
  std::string model;               // as the tool calls it, or empty
  std::vector<std::string> notes;  // rows that were left out, and why
};

/// "c1=8.1,c8=40.9,tg128@d4096=6.9,pp512=601+-4": tgN generates N tokens, ppN reads a prompt of N,
/// cN is N requests at a time, dN tokens already in the cache. Throws std::invalid_argument.
std::vector<Observation> parse_observations(std::string_view text);

/// The name of a test in either tool's tables, without its value: "pp512 @ d4096 (c8)", "tg 128".
/// Nothing where it is no such name. Numbers too large throw std::invalid_argument.
std::optional<Observation> parse_test_name(std::string_view name);

/// llama-benchy's JSON or table, llama-bench's markdown, csv, json or jsonl. Throws InputError with
/// file and line or field.
Observations parse_observation_file(std::string_view text, const std::string& origin);
Observations read_observation_file(const std::filesystem::path& path);

}  // namespace wiretax
