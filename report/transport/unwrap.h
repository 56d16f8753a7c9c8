#pragma once

#include <string>
#include <string_view>

namespace wiretax {

/// The line without what terminals and log drivers put around it: colours, and the JSON of Docker
/// and Kubernetes. A view into `line`, or into `buffer` where something was taken off.
std::string_view unwrapped(std::string_view line, std::string& buffer);

}  // namespace wiretax
