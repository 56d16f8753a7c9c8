#include "bench/harness/ranks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bench/harness/clock.h"
#include "bench/harness/host.h"

namespace wiretax::bench {
namespace {

constexpr double kProgressDeadline = 10;
constexpr int kReportTag = 1;
constexpr int kVerdictTag = 2;

/// One rank's status at the end of a phase, as it travels.
struct Report {
  std::int32_t code = 0;
  std::int32_t rank_lost = 0;
  double at_s = 0;  // since the phase began, which was the same moment for all ranks
  std::array<char, 496> text{};
};

void check(int result, const std::string& phase) {
  if (result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(result, text.data(), &length);
  throw Failure(ExitCode::kPeer, fmt::format("{}: MPI: {}", phase, text.data()));
}

Report make_report(const std::optional<Failure>& failure, double at_s) {
  Report report;
  report.at_s = at_s;
  if (!failure) return report;
  report.code = static_cast<std::int32_t>(failure->code());
  const std::string_view text = failure->what();
  std::memcpy(report.text.data(), text.data(), std::min(text.size(), report.text.size() - 1));
  return report;
}

/// Polls gently: at first without a pause, then yielding, since ranks may share a core, then with
/// pauses that grow with the wait, since where RDMA is software, it needs the core as well.
class Backoff {
 public:
  void pause() {
    ++polls_;
    if (polls_ > kSpins + kYields) {
      usleep(pause_us_);
      pause_us_ = std::min(kLongestPause, pause_us_ + pause_us_ / kSlower);
    } else if (polls_ > kSpins) {
      sched_yield();
    }
  }

 private:
  static constexpr int kSpins = 200;
  static constexpr int kYields = 2000;
  static constexpr useconds_t kLongestPause = 10000;
  static constexpr useconds_t kSlower = 16;
  int polls_ = 0;
  useconds_t pause_us_ = 50;
};

/// True when the request completed before the deadline.
bool completes(MPI_Request& request, double deadline_s, const std::string& phase) {
  Backoff backoff;
  for (;;) {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), phase);
    if (done != 0) return true;
    if (now_s() > deadline_s) return false;
    backoff.pause();
  }
}

/// "; no answer from rank 1 (spark-b)", or nothing.
std::string without_answer(const std::vector<std::string>& silent) {
  return silent.empty() ? "" : fmt::format("; no answer from {}", fmt::join(silent, ", "));
}

}  // namespace

Ranks::Ranks(Supervisor& supervisor) : supervisor_(supervisor) {
  const Supervisor::Watch watch(supervisor_, "starting MPI", 60);
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting MPI");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check(MPI_Comm_dup(MPI_COMM_WORLD, &control_), "starting MPI");
  MPI_Comm_set_errhandler(control_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(control_, &rank_);
  MPI_Comm_size(control_, &size_);
  phase_began_s_ = now_s();
  hosts_.assign(static_cast<std::size_t>(size_), "?");
  hosts_ = all_gather(host_name(), "meeting the other ranks");
}

Ranks::~Ranks() {
  if (lost_) return;
  const Supervisor::Watch watch(supervisor_, "ending MPI", kProgressDeadline);
  MPI_Comm_free(&control_);
  MPI_Finalize();
}

std::string Ranks::describe(int rank) const {
  return fmt::format("rank {} ({})", rank, host(rank));
}

std::string Ranks::others() const { return size_ == 2 ? describe(1 - rank_) : "another rank"; }

void Ranks::wait(MPI_Request& request, const std::string& phase) {
  const double allowed_s = kProgressDeadline * slow_factor();
  if (completes(request, now_s() + allowed_s, phase)) return;
  lost_ = true;
  throw Failure(ExitCode::kTimeout, fmt::format("{} has waited {:.0f} s for {} while {}",
                                                describe(rank_), allowed_s, others(), phase));
}

void Ranks::agree(const std::optional<Failure>& mine, const std::string& phase, double patience_s) {
  // Nothing is to be agreed with a rank that is gone, and messages to it may still be under way.
  if (lost_) throw mine.value_or(Failure(ExitCode::kTimeout, "a rank was lost before " + phase));
  if (mine) {
    supervisor_.note_cause({mine->code(), fmt::format("{}: {}", describe(rank_), mine->what())});
  }
  Report report = make_report(mine, now_s() - phase_began_s_);
  Report verdict = report;
  if (size_ > 1) {
    const Supervisor::Watch watch(supervisor_, phase, 2 * patience_s);
    std::string raw(reinterpret_cast<const char*>(&report), sizeof report);
    raw =
        leads() ? collect_verdict(raw, phase, patience_s) : receive_verdict(raw, phase, patience_s);
    std::memcpy(&verdict, raw.data(), sizeof verdict);
  } else if (mine) {
    throw AgreedFailure(mine->code(), mine->what());
  }
  phase_began_s_ = now_s();
  supervisor_.clear_cause();
  if (verdict.code == 0) return;
  lost_ = lost_ || verdict.rank_lost != 0;
  throw AgreedFailure(static_cast<ExitCode>(verdict.code), verdict.text.data());
}

/// Rank 0: the earliest error of all, prefixed with its rank, sent to everybody.
std::string Ranks::collect_verdict(const std::string& mine, const std::string& phase,
                                   double patience_s) {
  const auto count = static_cast<std::size_t>(size_);
  std::vector<Report> reports(count);
  std::memcpy(&reports[0], mine.data(), sizeof(Report));
  std::vector<MPI_Request> requests(count, MPI_REQUEST_NULL);
  for (int peer = 1; peer < size_; ++peer) {
    const auto at = static_cast<std::size_t>(peer);
    check(MPI_Irecv(&reports[at], sizeof(Report), MPI_BYTE, peer, kReportTag, control_,
                    &requests[at]),
          phase);
  }
  const double deadline_s = now_s() + patience_s * slow_factor();
  std::vector<std::string> silent;
  for (int peer = 1; peer < size_; ++peer) {
    const auto waiting = fmt::format("waiting for {} after {}", describe(peer), phase);
    const Supervisor::Watch watch(supervisor_, waiting, patience_s + 1);
    if (!completes(requests[static_cast<std::size_t>(peer)], deadline_s, phase)) {
      silent.push_back(describe(peer));
    }
  }
  Report verdict;
  int first = -1;
  for (int peer = 0; peer < size_; ++peer) {
    const auto& report = reports[static_cast<std::size_t>(peer)];
    if (report.code == 0) continue;
    if (first >= 0 && report.at_s >= reports[static_cast<std::size_t>(first)].at_s) continue;
    first = peer;
  }
  if (first >= 0) {
    const auto& cause = reports[static_cast<std::size_t>(first)];
    verdict = make_report(Failure(static_cast<ExitCode>(cause.code),
                                  fmt::format("{}: {}{}", describe(first), cause.text.data(),
                                              without_answer(silent))),
                          cause.at_s);
  } else if (!silent.empty()) {
    verdict = make_report(
        Failure(ExitCode::kTimeout,
                fmt::format("no answer from {} within {:.0f} s while {}", fmt::join(silent, ", "),
                            patience_s * slow_factor(), phase)),
        0);
  }
  verdict.rank_lost = silent.empty() ? 0 : 1;
  for (int peer = 1; peer < size_; ++peer) {
    check(MPI_Isend(&verdict, sizeof verdict, MPI_BYTE, peer, kVerdictTag, control_,
                    &requests[static_cast<std::size_t>(peer)]),
          phase);
  }
  const double sent_by_s = now_s() + slow_factor();
  for (auto& request : requests) completes(request, sent_by_s, phase);
  return {reinterpret_cast<const char*>(&verdict), sizeof verdict};
}

std::string Ranks::receive_verdict(const std::string& mine, const std::string& phase,
                                   double patience_s) {
  std::string verdict(sizeof(Report), '\0');
  std::array<MPI_Request, 2> requests{};
  check(MPI_Irecv(verdict.data(), sizeof(Report), MPI_BYTE, 0, kVerdictTag, control_, &requests[0]),
        phase);
  check(MPI_Isend(mine.data(), sizeof(Report), MPI_BYTE, 0, kReportTag, control_, &requests[1]),
        phase);
  // Rank 0 waits for the slowest rank first.
  const double deadline_s = now_s() + 2 * patience_s * slow_factor();
  for (auto& request : requests) {
    if (completes(request, deadline_s, phase)) continue;
    lost_ = true;
    throw Failure(ExitCode::kTimeout,
                  fmt::format("no answer from {} while {}", describe(0), phase));
  }
  return verdict;
}

void Ranks::barrier(const std::string& phase) {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibarrier(control_, &request), phase);
  wait(request, phase);
}

std::string Ranks::broadcast(const std::string& text, const std::string& phase) {
  std::array<std::uint64_t, 1> length = {text.size()};
  broadcast(length, phase);
  std::string result = text;
  result.resize(length[0]);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibcast(result.data(), static_cast<int>(length[0]), MPI_BYTE, 0, control_, &request),
        phase);
  wait(request, phase);
  return result;
}

void Ranks::broadcast(std::span<std::uint64_t> values, const std::string& phase) {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibcast(values.data(), static_cast<int>(values.size()), MPI_UINT64_T, 0, control_,
                   &request),
        phase);
  wait(request, phase);
}

std::vector<std::string> Ranks::all_gather(const std::string& text, const std::string& phase) {
  const auto count = static_cast<std::size_t>(size_);
  const auto length = static_cast<int>(text.size());
  std::vector<int> lengths(count);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Iallgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, control_, &request), phase);
  wait(request, phase);
  std::vector<int> offsets(count, 0);
  for (std::size_t i = 1; i < count; ++i) offsets[i] = offsets[i - 1] + lengths[i - 1];
  std::string all(static_cast<std::size_t>(offsets.back() + lengths.back()), '\0');
  check(MPI_Iallgatherv(text.data(), length, MPI_BYTE, all.data(), lengths.data(), offsets.data(),
                        MPI_BYTE, control_, &request),
        phase);
  wait(request, phase);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(
        all.substr(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(lengths[i])));
  }
  return texts;
}

std::vector<std::vector<double>> Ranks::gather(std::span<const double> values,
                                               const std::string& phase) {
  const auto each = static_cast<int>(values.size());
  std::vector<double> all(leads() ? values.size() * static_cast<std::size_t>(size_) : 0);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Igather(values.data(), each, MPI_DOUBLE, all.data(), each, MPI_DOUBLE, 0, control_,
                    &request),
        phase);
  wait(request, phase);
  std::vector<std::vector<double>> by_rank;
  for (auto at = all.begin(); at != all.end(); at += each) by_rank.emplace_back(at, at + each);
  return by_rank;
}

}  // namespace wiretax::bench
