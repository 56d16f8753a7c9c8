#include "bench/harness/table.h"

namespace wiretax::bench {
std::string result_table(std::string_view result_text, bool color) {
  static_cast<void>(color);
  return std::string(result_text);
}
}  // namespace wiretax::bench
