#include "report/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace wiretax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Units, BytesAreReadInPowersOf1024) {
  EXPECT_EQ(parse_bytes("10240"), 10240U);
  EXPECT_EQ(parse_bytes("10240B"), 10240U);
  EXPECT_EQ(parse_bytes("64Ki"), 65536U);
  EXPECT_EQ(parse_bytes("64K"), 65536U);  // nccl-tests means 1024 too
  EXPECT_EQ(parse_bytes("1.5MiB"), 1'572'864U);
  EXPECT_EQ(parse_bytes("2Gi"), std::uint64_t{2} << 30);
}

TEST(Units, SizesThatAreNoneAreNamed) {
  for (const auto* const text :
       {"", "abc", "-1", "0", "0.5", "1.5", "10 Ki", "10Q", "nan", "inf", "1e9Gi", "2000000Gi"}) {
    try {
      parse_bytes(text);
      ADD_FAILURE() << "'" << text << "' was accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

TEST(Units, ByteListsAreSortedAndWithoutRepeats) {
  EXPECT_THAT(parse_byte_list("8:64"), ElementsAre(8, 16, 32, 64));
  EXPECT_THAT(parse_byte_list("8:40"), ElementsAre(8, 16, 32, 40));
  EXPECT_THAT(parse_byte_list("1Ki,16,8:16"), ElementsAre(8, 16, 1024));
  EXPECT_THROW(parse_byte_list("64:8"), std::invalid_argument);
  EXPECT_THROW(parse_byte_list("8:16:32"), std::invalid_argument);
  EXPECT_THROW(parse_byte_list("8,,16"), std::invalid_argument);
}

TEST(Units, CountListsAreWholeNumbersAboveZero) {
  EXPECT_THAT(parse_count_list("8,1,32,8"), ElementsAre(1, 8, 32));
  for (const auto* const text : {"", "0", "-1", "1.5", "x", "1,", "99999999999999999999"}) {
    EXPECT_THROW(parse_count_list(text), std::invalid_argument) << text;
  }
}

TEST(Units, BytesAreWrittenExactly) {
  EXPECT_EQ(format_bytes(10240), "10 KiB");
  EXPECT_EQ(format_bytes(10250), "10,250 B");
  EXPECT_EQ(format_bytes(5), "5 B");
  EXPECT_EQ(format_bytes(1'234'567), "1,234,567 B");
  EXPECT_EQ(format_bytes(kMebibyte), "1 MiB");
  EXPECT_EQ(format_bytes(16 * kGibibyte), "16 GiB");
}

TEST(Units, SecondsAreScaled) {
  EXPECT_EQ(format_seconds(28.4e-6), "28.4 us");
  EXPECT_EQ(format_seconds(1.23e-3), "1.23 ms");
  EXPECT_EQ(format_seconds(2.5), "2.5 s");
  EXPECT_EQ(format_seconds(1e-3), "1 ms");
}

TEST(Units, RatesAndFigures) {
  EXPECT_EQ(format_gigabytes_per_second(12.3e9), "12.3");
  EXPECT_EQ(format_figures(7.784), "7.78");
  EXPECT_EQ(format_figures(53.3), "53.3");
  EXPECT_EQ(format_figures(1284.4), "1284");
}

TEST(FormatRange, SaysOnceWhatIsTheSame) {
  EXPECT_EQ(format_range("5.4", "19"), "5.4 to 19");
  EXPECT_EQ(format_range("15", "15"), "15");
}

TEST(FormatRoughly, KeepsTwoFigures) {
  EXPECT_EQ(format_roughly(7.78), "7.8");
  EXPECT_EQ(format_roughly(14.2), "14");
  EXPECT_EQ(format_roughly(478.5), "480");
  EXPECT_EQ(format_roughly(1284), "1300");
  EXPECT_EQ(format_roughly(0), "0");
  EXPECT_EQ(format_seconds_roughly(478.5e-6), "480 us");
  EXPECT_EQ(format_seconds_roughly(2.26e-3), "2.3 ms");
  EXPECT_EQ(format_seconds_roughly(12.4), "12 s");
}

}  // namespace
}  // namespace wiretax
