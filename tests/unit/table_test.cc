#include "report/table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace wiretax {
namespace {

using enum Table::Align;

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"name", kLeft}, {"time"}});
  table.add({"a", "1"});
  table.add({"longer", "12345"});
  EXPECT_EQ(table.text(Ink(Colour::kNever)),
            "name     time\n"
            "a           1\n"
            "longer  12345\n");
}

TEST(Table, ARemarkRunsOverTheRest) {
  Table table({{"name", kLeft}, {"a"}, {"b"}});
  table.add({"x", "1", "2"});
  table.add({"y", "does not fit"});
  EXPECT_EQ(table.text(Ink(Colour::kNever)),
            "name  a  b\n"
            "x     1  2\n"
            "y     does not fit\n");
}

TEST(Table, MoreCellsThanColumnsIsABug) {
  Table table({{"name"}});
  EXPECT_THROW(table.add({"a", "b"}), std::logic_error);
}

TEST(Ink, ColoursOnlyWhenTold) {
  EXPECT_EQ(Ink(Colour::kNever).bad("x"), "x");
  EXPECT_EQ(Ink(Colour::kAlways).bad("x"), "\033[31mx\033[0m");
}

TEST(Printable, NothingCommandsTheTerminal) { EXPECT_EQ(printable("a\033[2Jb\nc"), "a?[2Jb?c"); }

}  // namespace
}  // namespace wiretax
