#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace wiretax {

/// The subcommand scale: an all_reduce of N machines, on paper.
void add_scale(CLI::App& app, std::function<int()>& chosen);

}  // namespace wiretax
