// config.json of a model, and after a zero byte ModelOpt's hf_quant_config.json: either a model
// whose numbers make sense, or one InputError.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "report/model.h"
#include "report/record.h"
#include "report/traffic.h"

namespace wiretax {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_bits(const PerPart& bits) {
  for (const auto& part : kParts) {
    require(bits.*part.value >= 1 && bits.*part.value <= 34);  // 16, with zero points and scales
  }
}

void check_reading(const Model& model) {
  const double one = model.weight_bytes(1, 1);
  require(std::isfinite(one) && one > 0);
  require(model.weight_bytes(8, .5) >= one &&
          model.weight_bytes(8, 1) >= model.weight_bytes(8, .5));
  require(model.parameters.total() > 0 && model.resident_bytes() > 0);
  require(model.active_parameters() > 0);
  require(model.draft_weight_bytes(1, 1) >= 0 && model.draft_resident_bytes() >= 0);
}

void check_cache(const Model& model) {
  require(model.kv_bytes(1) <= model.kv_bytes_per_token());
  require(model.kv_bytes(1000) >= model.kv_bytes(10) && model.kv_bytes(10) >= 0);
  require(model.kv_bytes(1000) <= 1000 * model.kv_bytes_per_token());
  require(model.state_bytes >= 0 && model.sequence_traffic(10) >= model.sequence_bytes(10));
  require(model.sliding_layers <= model.kv_layers && model.kv_layers <= model.layers);
  for (std::uint64_t ranks = 1; ranks <= 8; ++ranks) {
    require(model.kv_share(ranks) > 0 && model.kv_share(ranks) <= 1);
    for (const auto& message : tensor_parallel_messages(model, ranks, 8))
      require(message.bytes > 0);
  }
}

}  // namespace
}  // namespace wiretax

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto zero = text.find('\0');
  const auto second = zero == std::string_view::npos ? std::string_view{} : text.substr(zero + 1);
  try {
    const auto model = wiretax::parse_model(text.substr(0, zero), "config.json", {}, second);
    wiretax::check_bits(model.quant.bits);
    wiretax::check_bits(model.draft.bits);
    wiretax::check_reading(model);
    wiretax::check_cache(model);
  } catch (const wiretax::InputError& error) {
    wiretax::require(*error.what() != '\0');
  }
  return 0;
}
