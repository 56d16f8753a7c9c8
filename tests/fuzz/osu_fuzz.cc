// Any bytes as output of osu.

#include "import_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return wiretax::check_importer("osu", data, size);
}
