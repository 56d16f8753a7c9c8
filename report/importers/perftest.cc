#include "report/importers/perftest.h"

#include "report/importers/loose_json.h"
#include "report/importers/perftest_formats.h"

namespace wiretax {

bool is_perftest(std::string_view text) {
  const auto has = [&](std::string_view word) { return text.find(word) != std::string_view::npos; };
  if (begins_as_json(text)) return has("test_info") && has("MsgSize");
  return has("#bytes") && has("#iterations");
}

ResultFile import_perftest(const ForeignText& source) {
  return begins_as_json(source.text) ? import_perftest_json(source) : import_perftest_text(source);
}

}  // namespace wiretax
