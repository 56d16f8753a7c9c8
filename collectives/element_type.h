#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace wiretax::collectives {

enum class ElementType { kFloat32, kBfloat16, kFloat16 };

struct ElementTypeName {
  ElementType type;
  std::string_view name;
  std::size_t size;  // bytes
};

inline constexpr std::array kElementTypes = {
    ElementTypeName{ElementType::kFloat32, "float32", 4},
    ElementTypeName{ElementType::kBfloat16, "bfloat16", 2},
    ElementTypeName{ElementType::kFloat16, "float16", 2},
};

std::optional<ElementType> find_element_type(std::string_view name);
std::string_view name_of(ElementType type);
std::size_t size_of(ElementType type);

/// Elements of a buffer as float and back, rounding to nearest even.
float load(ElementType type, const std::byte* buffer, std::size_t index);
void store(ElementType type, std::byte* buffer, std::size_t index, float value);

/// sum[i] += addend[i], in float, rounded to nearest even; equally long.
void add_bfloat16(std::span<const std::uint16_t> addend, std::span<std::uint16_t> sum);
void add_float16(std::span<const std::uint16_t> addend, std::span<std::uint16_t> sum);

/// sum[i] = a[i] + b[i], rounded likewise, of `count` elements. The sum may be where a or b is, and
/// must not overlap them in another way.
void add(ElementType type, const std::byte* a, const std::byte* b, std::byte* sum,
         std::size_t count);

}  // namespace wiretax::collectives
