// Any bytes as output of perftest.

#include "import_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return wiretax::check_importer("perftest", data, size);
}
