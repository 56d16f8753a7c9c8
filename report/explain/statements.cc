#include "report/explain/statements.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "report/catalogue.h"
#include "report/config_fields.h"
#include "report/explain/implied.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax {
namespace {

using Fields = const ConfigFields&;

constexpr std::uint64_t kLargest = std::uint64_t{1} << 50;

std::string perftest(Fields fields) {
  const double rate = fields.positive("MBps") * real(kMebibyte);
  return fmt::format("perftest's {:.0f} MB/s are {:.1f} Gb/s, not {:.0f}: its MB are 2^20 bytes.",
                     fields.positive("MBps"), rate / kGigabit, fields.positive("said_Gbps"));
}

std::string bandwidth(Fields fields) {
  const auto ranks = fields.count("ranks", 1024);
  const auto operation = fields.text("operation");
  const double algorithm =
      real(fields.count("bytes", kLargest)) / (fields.positive("time_us") * kMicrosecond);
  const double steps = operation == "all_reduce" ? 2 : 1;
  const double bus = algorithm * steps * (real(ranks) - 1) / real(ranks);
  return fmt::format(
      "{} of {} in {:.0f} us: {:.3f} GB/s, {:.3f} GB/s on the bus, {:.1f} Gb/s each way.",
      operation, format_bytes(fields.count("bytes", kLargest)), fields.positive("time_us"),
      algorithm / kGigabyte, bus / kGigabyte, bus / kGigabit);
}

CurvePoint point_of(Fields fields, const char* bytes, const char* rate) {
  const auto size = fields.count(bytes, kLargest);
  const double time_s = real(size) / (fields.positive(rate) * kGigabyte);
  return {size, time_s, {time_s, time_s}};
}

std::string two_sizes(Fields fields) {
  const auto fit = line_through(point_of(fields, "small_bytes", "small_bus_GBps"),
                                point_of(fields, "large_bytes", "large_bus_GBps"));
  const auto at = fields.count("at_bytes", kLargest);
  const double predicted_s = fit.at(real(at));
  const double known_s = fields.positive("known_us") * kMicrosecond;
  return fmt::format(
      "a line through its two sizes has {:.0f} us of latency and gives an all-reduce of {} {:.2f} "
      "ms; measured are {:.0f} us, {:.0f} times less. Sizes have to be measured.",
      fit.alpha_s / kMicrosecond, format_bytes(at), predicted_s / kMillisecond,
      known_s / kMicrosecond, predicted_s / known_s);
}

std::uint64_t all_reduces(const Model& model) { return 2 * model.layers + 1; }

std::string hops(Fields fields) {
  const auto model = find_model(fields.text("model"));
  const auto ms = [&](const char* field) {
    return real(all_reduces(model)) * fields.positive(field) * kMicrosecond / kMillisecond;
  };
  return fmt::format(
      "{} to {} us is a 2-byte write of the host, one way. A token of {} has {} all-reduces; at "
      "that they took {:.2f} to {:.2f} ms, as NCCL was measured ({} to {} us) {:.1f} to {:.1f} ms.",
      fields.positive("low_us"), fields.positive("high_us"), model.name, all_reduces(model),
      ms("low_us"), ms("high_us"), fields.positive("known_low_us"),
      fields.positive("known_high_us"), ms("known_low_us"), ms("known_high_us"));
}

/// What the simulator charges for all of a step's all-reduces: no embedding among them.
double simulated_wire_s(Fields fields, const Model& model, std::uint64_t tokens) {
  const double bytes_per_s = fields.positive("link_GiBps") * real(kGibibyte);
  const double latency_s = fields.positive("link_latency_ns") * 1e-9;
  const double each_s = ring_all_reduce_s(real(tokens * model.hidden * 2),
                                          fields.count("ranks", 1024), latency_s, bytes_per_s);
  return real(2 * model.layers) * each_s;
}

std::string simulator(Fields fields) {
  const auto model = find_model(fields.text("model"));
  const auto ranks = fields.count("ranks", 1024);
  const double read_s =
      model.weight_bytes(1, 1) / real(ranks) / (fields.positive("memory_GBps") * kGigabyte);
  const double wire_s = simulated_wire_s(fields, model, 1);
  const auto* const row_json = fields.find("row");
  if (row_json == nullptr) fields.fail("row", "missing");
  const ConfigFields row(*row_json, fields.origin(), "row.");
  const double token_s = row.positive("TPOT_ns") * 1e-9;
  const double formula_ns =
      (row.positive("latency_ns") - row.positive("TTFT_ns")) / (row.positive("output") - 1);
  const double first_s = (row.positive("TTFT_ns") - row.positive("queuing_ns")) * 1e-9;
  const auto prompt = row.count("input", 10'000'000);
  const double batch = row.positive("log_batch");
  return fmt::format(
      "the row is not possible: {:.3f} ms a token, but reading {:.1f} GB on each of {} takes "
      "{:.1f} ms and {} all-reduces of {:.1f} us {:.2f} ms by the simulator's own rule, so at "
      "least "
      "{:.1f} ms. Its own formula gives {:.0f} ns, not {:.0f}. A prompt of {} tokens in {:.3f} ms: "
      "its all-reduces alone take {:.0f} ms. {:.0f} tokens/s at batch {:.0f} are {:.1f} ms a step, "
      "too little as well.",
      token_s / kMillisecond, model.weight_bytes(1, 1) / real(ranks) / kGigabyte, ranks,
      read_s / kMillisecond, 2 * model.layers, wire_s / real(2 * model.layers) / kMicrosecond,
      wire_s / kMillisecond, (read_s + wire_s) / kMillisecond, formula_ns, row.positive("TPOT_ns"),
      prompt, first_s / kMillisecond, simulated_wire_s(fields, model, prompt) / kMillisecond,
      row.positive("log_tokens_per_s"), batch,
      batch / row.positive("log_tokens_per_s") / kMillisecond);
}

std::string split(Fields fields) {
  const auto model = find_model(fields.text("model"));
  const auto ranks = real(fields.count("ranks", 1024));
  const double alone_s = model.weight_bytes(1, 1) / (fields.positive("memory_GBps") * kGigabyte);
  const auto step_s = [&](const char* field) {
    return alone_s / ranks + real(all_reduces(model)) * fields.positive(field) * kMicrosecond;
  };
  return fmt::format(
      "{} all-reduces of {} to {} us: a token takes {:.1f} to {:.1f} ms split over {:.0f}, {:.1f} "
      "ms "
      "on one: splitting is {:.1f} to {:.1f} times as fast for a single stream. Replicas are right "
      "for throughput.",
      all_reduces(model), fields.positive("low_us"), fields.positive("high_us"),
      step_s("low_us") / kMillisecond, step_s("high_us") / kMillisecond, ranks,
      alone_s / kMillisecond, alone_s / step_s("high_us"), alone_s / step_s("low_us"));
}

std::string ratio(Fields fields) {
  return fmt::format("{}: {:.0f} / {:.0f} is {:.1f}, not {:.0f}.", fields.text("what"),
                     fields.positive("high"), fields.positive("low"),
                     fields.positive("high") / fields.positive("low"), fields.positive("said"));
}

constexpr std::array kKinds = {std::pair{std::string_view("perftest"), &perftest},
                               std::pair{std::string_view("bandwidth"), &bandwidth},
                               std::pair{std::string_view("line"), &two_sizes},
                               std::pair{std::string_view("hops"), &hops},
                               std::pair{std::string_view("simulator"), &simulator},
                               std::pair{std::string_view("split"), &split},
                               std::pair{std::string_view("ratio"), &ratio}};

}  // namespace

std::string work_out(const nlohmann::json& statement, const std::string& origin) {
  const ConfigFields fields(statement, origin, "statements.");
  const auto kind = fields.text("kind");
  for (const auto& [name, function] : kKinds) {
    if (name == kind) return function(fields);
  }
  fields.fail("kind", fmt::format("'{}' is not known", kind));
}

}  // namespace wiretax
