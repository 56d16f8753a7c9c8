#pragma once

// wiretax-report as a user runs it.

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace wiretax {

struct Run {
  int code = -1;
  std::string output;  // both streams
};

inline Run run(const std::string& arguments) {
  const auto command = std::string(WIRETAX_REPORT) + " " + arguments + " 2>&1";
  Run result;
  FILE* const pipe = popen(command.c_str(), "r");  // NOLINT(bugprone-command-processor)
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    result.output.append(buffer.data(), n);
  }
  result.code = WEXITSTATUS(pclose(pipe));
  return result;
}

}  // namespace wiretax
