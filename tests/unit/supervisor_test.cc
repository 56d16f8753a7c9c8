#include "bench/harness/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

namespace wiretax::bench {
namespace {

/// Each runs in a process of its own, which the supervisor ends. A fork is enough, for there are no
/// threads yet, and an emulated program cannot start itself anew.
class SupervisorEnds : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "fast"); }
};

void tell(const Failure& failure) { std::fprintf(stderr, "%s\n", failure.what()); }

void overstay() {
  Supervisor supervisor;
  supervisor.set_last_will(tell);
  supervisor.set_parties("rank 0", "rank 1");
  const Supervisor::Watch outer(supervisor, "measuring x", 0.2);
  const Supervisor::Watch inner(supervisor, "waiting for a byte", 100);
  sleep(20);
  _exit(99);
}

TEST_F(SupervisorEnds, AtTheEarliestDeadlineWithWhatIsGoingOn) {
  EXPECT_EXIT(overstay(), ::testing::ExitedWithCode(7),
              "rank 0: no answer from rank 1 while waiting for a byte");
}

void be_terminated() {
  Supervisor supervisor;
  supervisor.set_last_will(tell);
  kill(getpid(), SIGTERM);
  sleep(20);
  _exit(99);
}

TEST_F(SupervisorEnds, AtASignalAfterItsLastWill) {
  EXPECT_EXIT(be_terminated(), ::testing::ExitedWithCode(143), "stopped by SIGTERM");
}

void be_terminated_for_a_cause() {
  Supervisor supervisor;
  supervisor.set_last_will(tell);
  supervisor.note_cause({ExitCode::kPeer, "the wire fell out"});
  kill(getpid(), SIGTERM);
  sleep(20);
  _exit(99);
}

TEST_F(SupervisorEnds, WithTheCauseThatItKnewBeforeTheSignal) {
  EXPECT_EXIT(be_terminated_for_a_cause(), ::testing::ExitedWithCode(6), "the wire fell out");
}

void overstay_after_a_cause() {
  Supervisor supervisor;
  supervisor.set_last_will(tell);
  supervisor.set_parties("rank 0", "rank 1");
  supervisor.note_cause({ExitCode::kPeer, "the wire fell out"});
  const Supervisor::Watch watch(supervisor, "ending a batch", 0.2);
  sleep(20);
  _exit(99);
}

TEST_F(SupervisorEnds, WithTheCauseAndWhatCameOfIt) {
  EXPECT_EXIT(overstay_after_a_cause(), ::testing::ExitedWithCode(6),
              "the wire fell out; rank 0: no answer from rank 1 while ending a batch");
}

void outlast_the_run() {
  Supervisor supervisor;
  supervisor.set_last_will(tell);
  supervisor.set_run_deadline(0.2);
  sleep(20);
  _exit(99);
}

TEST_F(SupervisorEnds, WhenTheWholeRunTakesTooLong) {
  EXPECT_EXIT(outlast_the_run(), ::testing::ExitedWithCode(7), "longer than --deadline");
}

TEST(Supervisor, LeavesAloneWhatIsInTime) {
  Supervisor supervisor;
  for (int i = 0; i < 3; ++i) {
    const Supervisor::Watch watch(supervisor, "something short", 10);
    usleep(1000);
  }
}

}  // namespace
}  // namespace wiretax::bench
