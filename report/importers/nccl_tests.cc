#include "report/importers/nccl_tests.h"

#include "report/importers/loose_json.h"
#include "report/importers/nccl_formats.h"

namespace wiretax {

bool is_nccl_tests(std::string_view text) {
  const auto has = [&](std::string_view word) { return text.find(word) != std::string_view::npos; };
  if (begins_as_json(text)) {
    return has("\"nccl_version\"") || (has("\"out_of_place\"") && has("\"bus_bw\""));
  }
  return has("algbw") && has("busbw");
}

ResultFile import_nccl_tests(const ForeignText& source) {
  return begins_as_json(source.text) ? import_nccl_json(source) : import_nccl_text(source);
}

}  // namespace wiretax
