#include "bench/harness/model_sizes.h"

#include <algorithm>
#include <bit>
#include <set>

#include "bench/harness/failure.h"
#include "report/catalogue.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

void add_messages(const std::vector<Message>& messages, const std::string& operation,
                  std::set<std::uint64_t>& sizes) {
  for (const auto& message : messages) {
    if (message.operation == operation) sizes.insert(message.bytes);
  }
}

std::vector<std::uint64_t> with_brackets(const std::set<std::uint64_t>& sizes) {
  if (sizes.empty()) return {};
  std::set<std::uint64_t> all = sizes;
  all.insert(std::max<std::uint64_t>(std::bit_floor(*sizes.begin() - 1), 2));
  all.insert(std::bit_ceil(*sizes.rbegin() + 1));
  return {all.begin(), all.end()};
}

Model model_of(const std::string& name) {
  try {
    return find_model(name);
  } catch (const UnknownName& unknown) {
    throw Failure(ExitCode::kUsage, unknown.what());
  } catch (const InputError& error) {
    throw Failure(ExitCode::kEnvironment, error.what());
  }
}

}  // namespace

std::vector<std::uint64_t> Sizes::of(const std::string& operation, std::uint64_t ranks) const {
  if (models_.empty()) return fixed_;
  const bool scheduled =
      operation == "all_reduce" || operation == "all_gather" || operation == "send_recv";
  const std::string like = scheduled ? operation : "all_reduce";
  std::set<std::uint64_t> sizes;
  for (const auto& model : models_) {
    for (const auto batch : batches_) {
      add_messages(tensor_parallel_messages(model, std::max<std::uint64_t>(ranks, 2), batch), like,
                   sizes);
      add_messages(pipeline_messages(model, std::max<std::uint64_t>(ranks, 2), batch), like, sizes);
    }
  }
  return with_brackets(sizes);
}

std::vector<Model> requested_models(const Options& options) {
  const auto& names = options.models.empty() ? default_models() : options.models;
  std::vector<Model> models;
  models.reserve(names.size());
  for (const auto& name : names) models.push_back(model_of(name));
  return models;
}

Sizes requested_sizes(const Options& options, std::string_view fallback) {
  if (!options.bytes.empty() && !options.models.empty()) {
    throw Failure(ExitCode::kUsage, "--bytes and --model both say the sizes: give one of them");
  }
  if (!options.bytes.empty()) return Sizes(parse_byte_list(options.bytes));
  if (options.models.empty() && !fallback.empty()) return Sizes(parse_byte_list(fallback));
  return {requested_models(options), parse_count_list(options.batches)};
}

}  // namespace wiretax::bench
