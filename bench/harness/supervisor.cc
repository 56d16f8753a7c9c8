#include "bench/harness/supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <utility>

#include "bench/harness/clock.h"

namespace wiretax::bench {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr timespec kTick = {0, 50'000'000};
constexpr double kLongStandstill = 3;
constexpr double kRespite = 3;

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

Failure stopped_by(int signal) {
  return signal == SIGINT
             ? Failure(ExitCode::kInterrupted, "stopped by Ctrl-C (SIGINT)")
             : Failure(ExitCode::kTerminated,
                       "stopped by SIGTERM, as mpirun does after Ctrl-C and when a rank is lost");
}

}  // namespace

double slow_factor() {
  static const double kFactor = [] {
    const char* const text = std::getenv("WIRETAX_SLOW");
    const double factor = text != nullptr ? std::strtod(text, nullptr) : 1;
    return factor >= 1 ? factor : 1;
  }();
  return kFactor;
}

Supervisor::Supervisor() : deadline_s_(kNever), run_deadline_s_(kNever) {
  const auto signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { loop(); });
}

Supervisor::~Supervisor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Supervisor::set_last_will(LastWill will) {
  const std::lock_guard lock(mutex_);
  last_will_ = std::move(will);
}

void Supervisor::set_parties(std::string self, std::string others) {
  const std::lock_guard lock(mutex_);
  self_ = std::move(self);
  others_ = std::move(others);
}

void Supervisor::set_grace_s(double seconds) {
  const std::lock_guard lock(mutex_);
  grace_s_ = seconds;
}

void Supervisor::set_run_deadline(double seconds, double since_s) {
  const std::lock_guard lock(mutex_);
  run_allowed_s_ = seconds;
  run_deadline_s_ = since_s + seconds;
}

void Supervisor::note_cause(const Failure& cause) {
  const std::lock_guard lock(mutex_);
  cause_ = cause;
}

void Supervisor::clear_cause() {
  const std::lock_guard lock(mutex_);
  cause_.reset();
}

void Supervisor::loop() {
  const auto signals = ending_signals();
  last_tick_s_ = now_s();
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kTick);
    // Held to the end of the process: the main thread must not tidy up what the last will needs.
    const std::lock_guard lock(mutex_);
    if (signal > 0) end(cause_.value_or(stopped_by(signal)));
    const double now = now_s();
    stood_still_s_ = std::max(stood_still_s_, now - last_tick_s_);
    last_tick_s_ = now;
    if (const auto failure = overdue()) end(after_cause(*failure));
    if (stopping_) return;
  }
}

std::optional<Failure> Supervisor::overdue() const {
  const double now = now_s();
  if (now > deadline_s_) {
    // Who was stopped and goes on finds its deadline passed, and must not blame the others for it.
    if (stood_still_s_ > kLongStandstill) {
      return Failure(ExitCode::kTimeout,
                     fmt::format("{} stood still for {:.0f} s while {}: stopped, or without a core",
                                 self_, stood_still_s_, what_));
    }
    return Failure(ExitCode::kTimeout,
                   fmt::format("{}: no answer from {} while {}: it hangs, is stopped or is cut off",
                               self_, others_, what_));
  }
  // The other ranks leave the word to rank 0, unless it is the one that hangs.
  const double respite = grace_s_ > 0 ? kRespite : 0;
  if (now > run_deadline_s_ + respite) {
    return Failure(ExitCode::kTimeout,
                   fmt::format("the run took longer than --deadline {:g} s", run_allowed_s_));
  }
  return std::nullopt;
}

Failure Supervisor::after_cause(const Failure& consequence) const {
  if (!cause_) return consequence;
  return {cause_->code(), fmt::format("{}; {}", cause_->what(), consequence.what())};
}

void Supervisor::end(const Failure& reason) const {
  usleep(static_cast<useconds_t>(grace_s_ * 1e6));
  if (last_will_) last_will_(reason);
  _exit(static_cast<int>(reason.code()));
}

Supervisor::Watch::Watch(Supervisor& supervisor, std::string what, double seconds)
    : supervisor_(supervisor) {
  const std::lock_guard lock(supervisor_.mutex_);
  outer_what_ = std::exchange(supervisor_.what_, std::move(what));
  outer_deadline_s_ = supervisor_.deadline_s_;
  supervisor_.stood_still_s_ = 0;
  supervisor_.deadline_s_ = std::min(outer_deadline_s_, now_s() + seconds * slow_factor());
}

Supervisor::Watch::~Watch() {
  const std::lock_guard lock(supervisor_.mutex_);
  supervisor_.what_ = std::move(outer_what_);
  supervisor_.deadline_s_ = outer_deadline_s_;
}

}  // namespace wiretax::bench
