#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "report/config_fields.h"
#include "report/observation_formats.h"
#include "report/record.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostRequests = 65'536;

double spread(const ConfigFields& fields, std::string_view field) {
  const auto* const value = fields.find(field);
  if (value == nullptr) return 0;
  if (value->is_number() && value->get<double>() == 0) return 0;  // one repetition
  const double number = fields.positive(field);
  if (number > kMostTokensPerSecond) fields.fail(field, "is too large");
  return number;
}

double rate(const ConfigFields& fields, std::string_view field) {
  const double number = fields.positive(field);
  if (number > kMostTokensPerSecond) fields.fail(field, "is too large for tokens per second");
  return number;
}

void add(Observations& found, const std::string& origin, Observation row) {
  try {
    add_once(found.rows, row);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("{}: {}", origin, error.what()));
  }
}

/// A metric of llama-benchy: mean and standard deviation over the runs. Absent is null.
bool read_metric(const ConfigFields& run, const std::string& prefix, std::string_view field,
                 Observation& row) {
  const auto* const metric = run.find(field);
  if (metric == nullptr) return false;
  if (!metric->is_object()) run.fail(field, "not an object of mean and std");
  const ConfigFields inner(*metric, run.origin(), fmt::format("{}{}.", prefix, field));
  row.tokens_per_s = rate(inner, "mean");
  row.error = spread(inner, "std");
  return true;
}

void note_once(Observations& found, std::string note) {
  if (std::ranges::count(found.notes, note) == 0) found.notes.push_back(std::move(note));
}

void read_benchy_run(const Json& run, std::size_t index, Observations& found,
                     const std::string& origin) {
  const auto prefix = fmt::format("benchmarks[{}].", index);
  if (!run.is_object()) throw InputError(fmt::format("{}: {} is not an object", origin, prefix));
  const ConfigFields fields(run, origin, prefix);
  if (fields.flag("is_context_prefill_phase").value_or(false)) {
    return note_once(found, "runs that only fill the context are left out");
  }
  Observation row;
  row.concurrency = fields.count("concurrency", kMostRequests);
  row.prompt = fields.count("prompt_size", kMostObservedTokens);
  row.generated = fields.count_or("response_size", kMostObservedTokens, 0);
  row.depth = fields.count_or("context_size", kMostObservedTokens, 0);
  row.context = row.depth + row.prompt + row.generated / 2;
  if (read_metric(fields, prefix, "tg_throughput", row)) add(found, origin, row);
  row.phase = Phase::kPrefill;
  row.generated = 0;
  row.context.reset();
  if (!read_metric(fields, prefix, "pp_throughput", row)) return;
  if (row.depth > 0) return note_once(found, "prompts read after a context are left out");
  const auto same = [&](const Observation& other) { return other.name() == row.name(); };
  if (std::ranges::any_of(found.rows, same)) {
    return note_once(found, "a prompt's rate that is there for several answers counts once");
  }
  add(found, origin, row);
}

void read_bench_object(const Json& object, const std::string& place, Observations& found) {
  if (!object.is_object()) throw InputError(fmt::format("{}: not an object", place));
  const ConfigFields fields(object, place);
  Observation row;
  row.prompt = fields.count_or("n_prompt", kMostObservedTokens, 0);
  row.generated = fields.count_or("n_gen", kMostObservedTokens, 0);
  row.depth = fields.count_or("n_depth", kMostObservedTokens, 0);
  row.tokens_per_s = rate(fields, "avg_ts");
  row.error = spread(fields, "stddev_ts");
  if (fields.has("model_type")) found.model = fields.text("model_type");
  if (row.prompt == 0 && row.generated == 0) fields.fail("n_prompt", "neither it nor n_gen is set");
  if (row.prompt > 0 && row.generated > 0) {
    return note_once(found, "tests of a prompt and an answer together (pg) are left out");
  }
  if (row.prompt > 0 && row.depth > 0) {
    return note_once(found, "prompts read after a context are left out");
  }
  if (row.prompt > 0) row.phase = Phase::kPrefill;
  if (row.generated > 0) row.context = row.depth + row.generated / 2;
  add(found, place, row);
}

void read_lines(std::string_view text, const std::string& origin, Observations& found) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto place = fmt::format("{} line {}", origin, number);
    read_bench_object(parse_unique(line, place), place, found);
  }
}

}  // namespace

Observations parse_benchy_json(std::string_view text, const std::string& origin) {
  const auto document = parse_unique(text, origin);
  const ConfigFields fields(document, origin);
  const auto* const runs = fields.find("benchmarks");
  if (runs == nullptr || !runs->is_array()) fields.fail("benchmarks", "not a list of runs");
  Observations found;
  found.tool = "llama-benchy";
  found.model = fields.text("model");
  for (std::size_t i = 0; i < runs->size(); ++i) read_benchy_run((*runs)[i], i, found, origin);
  return found;
}

Observations parse_bench_json(std::string_view text, const std::string& origin) {
  Observations found;
  found.tool = "llama-bench";
  if (text[text.find_first_not_of(" \t\r\n")] == '{') {
    read_lines(text, origin, found);
    return found;
  }
  const auto rows = parse_unique(text, origin);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    read_bench_object(rows[i], fmt::format("{} [{}]", origin, i), found);
  }
  return found;
}

}  // namespace wiretax
