#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace wiretax {

/// The subcommand compare. Exit code: 4 where a point is slower by the threshold, else 3 where the
/// comparison is not to be relied on, as its first sentence says.
void add_compare(CLI::App& app, std::function<int()>& chosen);

}  // namespace wiretax
