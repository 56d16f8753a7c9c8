#pragma once

#include <stdexcept>
#include <string>

namespace wiretax::bench {

/// What a program's end means; scripts rely on these numbers, see README.md.
enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kSuspect = 3,
  kEnvironment = 5,
  kPeer = 6,
  kTimeout = 7,
  kDataMismatch = 8,
  kInterrupted = 130,
  kTerminated = 143,
};

/// Why this rank cannot go on: what failed and what to do, and the code to end with.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A failure that every rank has learned of: all of them throw it, with the same text, at the same
/// call.
class AgreedFailure : public Failure {
 public:
  using Failure::Failure;
};

/// The failure that a caught exception stands for.
Failure as_failure(const std::exception& error);

/// Runs what knows no exit codes: a wrong argument is a wrong option, all else the environment's.
template <typename Action>
void with_exit_codes(Action action) {
  try {
    action();
  } catch (const Failure&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw Failure(ExitCode::kUsage, error.what());
  } catch (const std::exception& error) {
    throw Failure(ExitCode::kEnvironment, error.what());
  }
}

/// Error number `code` of the system call `call` on this rank, with the meaning.
Failure system_failure(ExitCode exit_code, const std::string& call, int code);

}  // namespace wiretax::bench
