#pragma once

#include <string>

#include "report/page/page.h"

namespace wiretax {

/// Everything between <body> and the scripts: readable by itself, as headings and tables.
std::string page_body(const Page& page, bool redacted);

}  // namespace wiretax
