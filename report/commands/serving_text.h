#pragma once

#include "report/decide.h"
#include "report/table.h"

namespace wiretax {

/// What requests of the asked shape get, for every row that fits; nothing where none was asked for.
void print_serving(const Request& request, const Decision& decision, const Ink& ink);

/// The derivation of every row that has one.
void print_derivations(const Decision& decision, const Ink& ink);

}  // namespace wiretax
