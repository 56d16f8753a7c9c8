#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace wiretax {

/// The subcommand page: a run, or several, as one file of HTML. Exit code 5 where something could
/// not be used; the page is there all the same and says so.
void add_page(CLI::App& app, std::function<int()>& chosen);

}  // namespace wiretax
