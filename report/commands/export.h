#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace wiretax {

/// The subcommand export: results in another tool's format, warnings on standard error.
void add_export(CLI::App& app, std::function<int()>& chosen);

}  // namespace wiretax
