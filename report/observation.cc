#include "report/observation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "report/config_fields.h"
#include "report/observation_formats.h"
#include "report/record.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostConcurrency = 65'536;
constexpr std::size_t kMostTyped = 1000;
constexpr std::size_t kMostTests = 4096;
/// Slower than a token a week nobody waits for.
constexpr double kLeastTokensPerSecond = 1e-6;

/// Reads a test's name from left to right.
class NameReader {
 public:
  explicit NameReader(std::string_view text) : text_(text) {}

  std::optional<Observation> read() {
    bool any = false;
    for (skip(); !text_.empty(); skip()) {
      if (!read_part()) return std::nullopt;
      any = true;
    }
    if (!any) return std::nullopt;
    if (row_.prompt > 0 && row_.generated == 0 && !generates_) row_.phase = Phase::kPrefill;
    if (row_.depth + row_.prompt > 0 && row_.phase == Phase::kDecode) {
      row_.context = row_.depth + row_.prompt + row_.generated / 2;
    }
    return row_;
  }

 private:
  void skip() {
    const auto rest = text_.find_first_not_of(" @/_()");
    text_.remove_prefix(std::min(rest, text_.size()));
  }

  bool read_part() {
    if (take("pp")) return read_number(row_.prompt, kMostObservedTokens);
    if (take("tg")) {
      generates_ = true;
      return read_number(row_.generated, kMostObservedTokens);
    }
    if (take("c")) return read_number(row_.concurrency, kMostConcurrency, concurrent_);
    if (take("d")) return read_number(row_.depth, kMostObservedTokens, deep_);
    return false;
  }

  bool take(std::string_view letters) {
    if (!text_.starts_with(letters)) return false;
    text_.remove_prefix(letters.size());
    return true;
  }

  bool read_number(std::uint64_t& value, std::uint64_t largest) {
    bool seen = value > 0;
    return read_number(value, largest, seen);
  }

  bool read_number(std::uint64_t& value, std::uint64_t largest, bool& seen) {
    if (seen) return false;
    seen = true;
    skip();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    if (error == std::errc::invalid_argument) return false;
    // A depth of 0 is what the tools print for none.
    const bool least = number > 0 || &value == &row_.depth;
    if (error != std::errc{} || !least || number > largest) {
      throw std::invalid_argument(fmt::format("'{}' is not a number from 1 to {}",
                                              std::string_view(text_.data(), end), largest));
    }
    value = number;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

  std::string_view text_;
  Observation row_;
  bool generates_ = false;
  bool concurrent_ = false;
  bool deep_ = false;
};

/// "8.1", "8.1+-.2" or "8.1 ± .2".
void read_value(std::string_view text, Observation& row) {
  for (const std::string_view sign : {"+-", "\u00b1"}) {
    const auto at = text.find(sign);
    if (at == std::string_view::npos) continue;
    const auto error = text.substr(at + sign.size());
    row.error = error.find_first_not_of(" 0.") == std::string_view::npos ? 0 : parse_rate(error);
    text = text.substr(0, at);
    break;
  }
  row.tokens_per_s = parse_rate(text);
}

Observation parse_pair(std::string_view pair) {
  const auto equals = pair.find('=');
  if (equals == std::string_view::npos) {
    throw std::invalid_argument(
        fmt::format("'{}' is not KEY=TOKENS_PER_SECOND, as in c8=40.9 or pp512=601", pair));
  }
  const auto key = pair.substr(0, equals);
  auto row = parse_test_name(key);
  if (!row) {
    throw std::invalid_argument(fmt::format(
        "'{}' is not known: cN is N requests decoding, tgN generates N tokens, ppN reads a prompt "
        "of N tokens, @dN adds N tokens of context",
        key));
  }
  try {
    read_value(pair.substr(equals + 1), *row);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("{}: {}", key, error.what()));
  }
  return *row;
}

bool looks_like_csv(std::string_view text) {
  const auto first = text.substr(0, text.find('\n'));
  return first.find("n_prompt") != std::string_view::npos &&
         first.find("avg_ts") != std::string_view::npos;
}

}  // namespace

std::string Observation::name() const {
  std::string text;
  if (phase == Phase::kPrefill) text = fmt::format("pp{}", prompt);
  if (phase == Phase::kDecode && generated > 0) text = fmt::format("tg{}", generated);
  if (phase == Phase::kDecode && generated > 0 && prompt > 0) {
    text += fmt::format(" after pp{}", prompt);
  }
  if (text.empty() || concurrency > 1) {
    text += fmt::format("{}c{}", text.empty() ? "" : " ", concurrency);
  }
  if (depth > 0) text += fmt::format(" @ d{}", depth);
  return text;
}

double parse_rate(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  const auto last = text.find_last_not_of(' ');
  const auto number =
      first == std::string_view::npos ? std::string_view{} : text.substr(first, last - first + 1);
  double value = 0;
  const auto* const end = number.data() + number.size();
  const auto [rest, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) {
    throw std::invalid_argument(fmt::format("'{}' is not a number", number));
  }
  if (value > 0 && value < kLeastTokensPerSecond) {
    throw std::invalid_argument(fmt::format("{} is too small for tokens per second", number));
  }
  if (value <= 0 || value > kMostTokensPerSecond) {
    throw std::invalid_argument(
        fmt::format("{} is not above 0 and at most {}", number, kMostTokensPerSecond));
  }
  return value;
}

void add_once(std::vector<Observation>& rows, Observation row) {
  const auto test_of = [](const Observation& seen) {
    return std::tie(seen.phase, seen.concurrency, seen.prompt, seen.generated, seen.depth);
  };
  const auto same = [&](const Observation& other) { return test_of(other) == test_of(row); };
  if (std::ranges::any_of(rows, same)) {
    throw std::invalid_argument(fmt::format("'{}' is there twice", row.name()));
  }
  if (rows.size() == kMostTests) {
    throw std::invalid_argument(fmt::format("more than {} tests", kMostTests));
  }
  rows.push_back(row);
}

std::optional<Observation> parse_test_name(std::string_view name) {
  return NameReader(name).read();
}

std::vector<Observation> parse_observations(std::string_view text) {
  std::vector<Observation> rows;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    add_once(rows, parse_pair(text.substr(0, comma)));
    if (rows.size() > kMostTyped) {
      throw std::invalid_argument(fmt::format("more than {} observations", kMostTyped));
    }
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return rows;
}

Observations parse_observation_file(std::string_view text, const std::string& origin) {
  const auto start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const auto body = text.substr(start);
  Observations found;
  if (body.starts_with('[')) {
    found = parse_bench_json(text, origin);
  } else if (body.starts_with('{')) {
    // One line of llama-bench has no list of benchmarks.
    const bool benchy = body.find("\"benchmarks\"") != std::string_view::npos;
    found = benchy ? parse_benchy_json(text, origin) : parse_bench_json(text, origin);
  } else if (looks_like_csv(body)) {
    found = parse_bench_csv(text, origin);
  } else if (body.find('|') != std::string_view::npos) {
    found = parse_bench_table(text, origin);
  } else {
    throw InputError(fmt::format(
        "{}: neither llama-benchy's JSON nor llama-bench's markdown, csv, json or jsonl", origin));
  }
  if (!found.rows.empty()) return found;
  throw InputError(fmt::format("{}: no test of decoding or of reading a prompt in it{}", origin,
                               found.notes.empty() ? "" : ": " + found.notes.front()));
}

Observations read_observation_file(const std::filesystem::path& path) {
  return parse_observation_file(read_small_file(path), path.string());
}

}  // namespace wiretax
