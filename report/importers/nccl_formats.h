#pragma once

#include "report/importers/importer.h"

namespace wiretax {

/// What nccl-tests prints.
ResultFile import_nccl_text(const ForeignText& source);

/// What nccl-tests writes with -J, versions 1 to 4. Its `env`, a whole environment, is not read.
ResultFile import_nccl_json(const ForeignText& source);

}  // namespace wiretax
