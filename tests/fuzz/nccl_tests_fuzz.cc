// Any bytes as output of nccl-tests.

#include "import_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return wiretax::check_importer("nccl-tests", data, size);
}
