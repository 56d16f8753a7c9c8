#pragma once

#include <string>

namespace wiretax::bench {

/// What the linker wrote into this executable to tell builds apart, in hexadecimal; "" without one.
std::string own_build_id();
/// The same of what is loaded at this address, as dladdr tells it (dli_fbase).
std::string build_id_of(const void* base);

}  // namespace wiretax::bench
