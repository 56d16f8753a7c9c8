#include "collectives/element_type.h"

#include <algorithm>
#include <bit>
#include <cstring>

// One build runs on machines with and without wide vectors: the sums are compiled for each and
// chosen when the program starts. Sanitizers' start-up does not survive such a choice.
#if defined(__x86_64__) && !defined(WIRETAX_SANITIZED)
#define WIRETAX_VECTORISED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIRETAX_VECTORISED
#endif

// In front of a loop whose sums may lie where an addend does: that keeps element by element in
// order.
#if defined(WIRETAX_SANITIZED)
#define WIRETAX_ELEMENTWISE
#elif defined(__clang__)
#define WIRETAX_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define WIRETAX_ELEMENTWISE _Pragma("GCC ivdep")
#endif

namespace wiretax::collectives {
namespace {

// All of these are free of branches, so that the loops below become vector code.

inline float widen_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t narrow_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet_nan = (bits >> 16) | 0x40U;
  const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
  return static_cast<std::uint16_t>(is_nan ? quiet_nan : rounded);
}

// A half's exponent and significand, shifted into a float's place, are off by the difference of the
// biases, 127 - 15 = 112; scaling by 2^112 mends it for subnormal numbers too.
constexpr float kBiasUp = 0x1p112F;
constexpr float kBiasDown = 0x1p-112F;

inline float widen_float16(std::uint16_t bits) {
  const std::uint32_t magnitude = bits & 0x7fffU;
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude << 13) * kBiasUp);
  const std::uint32_t special = (magnitude << 13) | 0x7f800000U;  // infinity or NaN
  return std::bit_cast<float>((magnitude >= 0x7c00U ? special : scaled) | sign);
}

inline std::uint16_t narrow_float16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * kBiasDown);
  const std::uint32_t rounded = (scaled + 0xfffU + ((scaled >> 13) & 1U)) >> 13;
  const bool overflows = magnitude >= 0x477ff000U;  // 65520 rounds to infinity
  const bool is_nan = magnitude > 0x7f800000U;
  const std::uint32_t finite = overflows ? 0x7c00U : rounded;
  return static_cast<std::uint16_t>((is_nan ? 0x7e00U : finite) | ((bits >> 16) & 0x8000U));
}

WIRETAX_VECTORISED void sum_bfloat16(const std::uint16_t* a, const std::uint16_t* b,
                                     std::uint16_t* sum, std::size_t count) {
  WIRETAX_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    sum[i] = narrow_bfloat16(widen_bfloat16(a[i]) + widen_bfloat16(b[i]));
  }
}

WIRETAX_VECTORISED void sum_float16(const std::uint16_t* a, const std::uint16_t* b,
                                    std::uint16_t* sum, std::size_t count) {
  WIRETAX_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    sum[i] = narrow_float16(widen_float16(a[i]) + widen_float16(b[i]));
  }
}

WIRETAX_VECTORISED void sum_float32(const float* a, const float* b, float* sum, std::size_t count) {
  WIRETAX_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

const ElementTypeName& row_of(ElementType type) {
  return *std::ranges::find(kElementTypes, type, &ElementTypeName::type);
}

template <typename T>
T read(const std::byte* buffer, std::size_t index) {
  T value;
  std::memcpy(&value, buffer + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void write(std::byte* buffer, std::size_t index, T value) {
  std::memcpy(buffer + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

std::optional<ElementType> find_element_type(std::string_view name) {
  const auto* const found = std::ranges::find(kElementTypes, name, &ElementTypeName::name);
  return found == kElementTypes.end() ? std::nullopt : std::optional(found->type);
}

std::string_view name_of(ElementType type) { return row_of(type).name; }

std::size_t size_of(ElementType type) { return row_of(type).size; }

float load(ElementType type, const std::byte* buffer, std::size_t index) {
  switch (type) {
    case ElementType::kFloat32:
      return read<float>(buffer, index);
    case ElementType::kBfloat16:
      return widen_bfloat16(read<std::uint16_t>(buffer, index));
    case ElementType::kFloat16:
      return widen_float16(read<std::uint16_t>(buffer, index));
  }
  return 0;
}

void store(ElementType type, std::byte* buffer, std::size_t index, float value) {
  switch (type) {
    case ElementType::kFloat32:
      return write(buffer, index, value);
    case ElementType::kBfloat16:
      return write(buffer, index, narrow_bfloat16(value));
    case ElementType::kFloat16:
      return write(buffer, index, narrow_float16(value));
  }
}

void add_bfloat16(std::span<const std::uint16_t> addend, std::span<std::uint16_t> sum) {
  sum_bfloat16(sum.data(), addend.data(), sum.data(), sum.size());
}

void add_float16(std::span<const std::uint16_t> addend, std::span<std::uint16_t> sum) {
  sum_float16(sum.data(), addend.data(), sum.data(), sum.size());
}

void add(ElementType type, const std::byte* a, const std::byte* b, std::byte* sum,
         std::size_t count) {
  const auto as = [](const std::byte* bytes) {
    return reinterpret_cast<const std::uint16_t*>(bytes);
  };
  switch (type) {
    case ElementType::kFloat32:
      return sum_float32(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b),
                         reinterpret_cast<float*>(sum), count);
    case ElementType::kBfloat16:
      return sum_bfloat16(as(a), as(b), reinterpret_cast<std::uint16_t*>(sum), count);
    case ElementType::kFloat16:
      return sum_float16(as(a), as(b), reinterpret_cast<std::uint16_t*>(sum), count);
  }
}

}  // namespace wiretax::collectives
