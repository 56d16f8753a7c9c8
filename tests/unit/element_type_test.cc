#include "collectives/element_type.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace wiretax::collectives {
namespace {

float value_of(ElementType type, std::uint16_t bits) {
  return load(type, reinterpret_cast<const std::byte*>(&bits), 0);
}

std::uint16_t bits_of(ElementType type, float value) {
  std::uint16_t bits = 0;
  store(type, reinterpret_cast<std::byte*>(&bits), 0, value);
  return bits;
}

/// What a half of these bits stands for, by the definition of IEEE 754.
double half_by_definition(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 0x1f) return fraction != 0 ? std::nan("") : sign * INFINITY;
  return sign *
         (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

TEST(Float16, EveryValueReadsByItsDefinitionAndComesBack) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const double wanted = half_by_definition(bits);
    const float found = value_of(ElementType::kFloat16, bits);
    if (std::isnan(wanted)) {
      EXPECT_TRUE(std::isnan(found)) << i;
      EXPECT_TRUE(
          std::isnan(value_of(ElementType::kFloat16, bits_of(ElementType::kFloat16, found))));
    } else {
      EXPECT_EQ(found, wanted) << i;
      EXPECT_EQ(bits_of(ElementType::kFloat16, found), bits) << i;
    }
  }
}

TEST(Float16, RoundsToNearestEvenAndOverflowsToInfinity) {
  EXPECT_EQ(bits_of(ElementType::kFloat16, 2049), bits_of(ElementType::kFloat16, 2048));
  EXPECT_EQ(bits_of(ElementType::kFloat16, 2051), bits_of(ElementType::kFloat16, 2052));
  EXPECT_EQ(value_of(ElementType::kFloat16, bits_of(ElementType::kFloat16, 65519)), 65504);
  EXPECT_TRUE(std::isinf(value_of(ElementType::kFloat16, bits_of(ElementType::kFloat16, 65520))));
}

TEST(Bfloat16, EveryValueComesBack) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float value = value_of(ElementType::kBfloat16, bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(
          std::isnan(value_of(ElementType::kBfloat16, bits_of(ElementType::kBfloat16, value))));
    } else {
      EXPECT_EQ(bits_of(ElementType::kBfloat16, value), bits) << i;
    }
  }
}

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(value_of(ElementType::kBfloat16, bits_of(ElementType::kBfloat16, 257)), 256);
  EXPECT_EQ(value_of(ElementType::kBfloat16, bits_of(ElementType::kBfloat16, 259)), 260);
}

/// The vectorised sums against one element at a time, at lengths around a vector's.
template <typename Add>
void check_sums(ElementType type, Add add) {
  for (const std::size_t length : {0UL, 1UL, 7UL, 16UL, 31UL, 33UL, 1000UL}) {
    std::vector<std::uint16_t> addend(length);
    std::vector<std::uint16_t> sum(length);
    for (std::size_t i = 0; i < length; ++i) {
      addend[i] = bits_of(type, static_cast<float>(i) * 0.37F - 100);
      sum[i] = bits_of(type, 55 - static_cast<float>(i) * 0.11F);
    }
    auto wanted = sum;
    for (std::size_t i = 0; i < length; ++i) {
      wanted[i] = bits_of(type, value_of(type, sum[i]) + value_of(type, addend[i]));
    }
    add(addend, sum);
    EXPECT_EQ(sum, wanted) << length;
  }
}

TEST(Sums, EqualOneElementAtATime) {
  check_sums(ElementType::kBfloat16, add_bfloat16);
  check_sums(ElementType::kFloat16, add_float16);
}

TEST(Names, AreFound) {
  EXPECT_EQ(find_element_type("bfloat16"), ElementType::kBfloat16);
  EXPECT_FALSE(find_element_type("bf16"));
}

/// Sums of a and b where a, b and the sum are apart, and where the sum takes the place of one.
class Adding : public testing::TestWithParam<ElementType> {
 protected:
  static constexpr std::size_t kCount = 1003;  // no multiple of a vector

  static std::vector<std::byte> values(std::size_t step) {
    std::vector<std::byte> bytes(kCount * size_of(GetParam()));
    for (std::size_t i = 0; i < kCount; ++i) {
      store(GetParam(), bytes.data(), i, static_cast<float>(i * step % 97));
    }
    return bytes;
  }

  static void expect_sum(const std::vector<std::byte>& sum) {
    for (std::size_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(load(GetParam(), sum.data(), i), static_cast<float>(i * 3 % 97 + i * 5 % 97)) << i;
    }
  }
};

TEST_P(Adding, IntoAThirdPlaceOrIntoOneOfTheTwo) {
  const auto a = values(3);
  const auto b = values(5);
  std::vector<std::byte> sum(a.size());
  add(GetParam(), a.data(), b.data(), sum.data(), kCount);
  expect_sum(sum);
  sum = a;
  add(GetParam(), sum.data(), b.data(), sum.data(), kCount);
  expect_sum(sum);
  sum = b;
  add(GetParam(), a.data(), sum.data(), sum.data(), kCount);
  expect_sum(sum);
}

INSTANTIATE_TEST_SUITE_P(Types, Adding,
                         testing::Values(ElementType::kFloat32, ElementType::kBfloat16,
                                         ElementType::kFloat16));

}  // namespace
}  // namespace wiretax::collectives
