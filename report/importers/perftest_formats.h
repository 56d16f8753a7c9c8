#pragma once

#include "report/importers/importer.h"

namespace wiretax {

/// What the programs of perftest print.
ResultFile import_perftest_text(const ForeignText& source);

/// What they write with --out_json.
ResultFile import_perftest_json(const ForeignText& source);

}  // namespace wiretax
