#include "collectives/nccl/watchdog.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "collectives/backend.h"

namespace wiretax::collectives {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::atomic<int> async_error = 0;
std::atomic<int> aborts = 0;

/// NCCL as far as a watchdog sees it.
std::shared_ptr<const GpuTable> table_of_nccl() {
  async_error = 0;
  aborts = 0;
  GpuTable table;
  table.nccl.async_error = [](void* /*communicator*/, int* error) {
    *error = async_error;
    return 0;
  };
  table.nccl.error_string = [](int /*error*/) { return "remote process exited"; };
  table.nccl.last_error = [](void* /*communicator*/) { return "NET/IB: retries exceeded"; };
  table.nccl.abort = [](void* /*communicator*/) {
    ++aborts;
    return 0;
  };
  return std::make_shared<const GpuTable>(table);
}

/// Until the condition holds, at most ten seconds.
template <typename Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

class WatchdogTest : public testing::Test {
 protected:
  std::shared_ptr<const GpuTable> table_ = table_of_nccl();
  int communicators_[2] = {};
};

TEST_F(WatchdogTest, AbortsAllWhereOneFailsAndRepeatsNcclsWords) {
  Watchdog watchdog(table_, 10);
  watchdog.watch(&communicators_[0]);
  watchdog.watch(&communicators_[1]);
  EXPECT_NO_THROW(watchdog.check());
  async_error = 6;
  EXPECT_TRUE(comes_true([] { return aborts == 2; }));
  EXPECT_THAT([&] { watchdog.check(); },
              ThrowsMessage<PeerLost>(
                  HasSubstr("remote process exited (ncclResult_t 6): NET/IB: retries exceeded")));
  EXPECT_FALSE(watchdog.forget(&communicators_[0])) << "it is gone";
}

TEST_F(WatchdogTest, LeavesThoseAloneThatAreAtWork) {
  Watchdog watchdog(table_, 10);
  watchdog.watch(&communicators_[0]);
  async_error = 7;  // ncclInProgress
  std::this_thread::sleep_for(350ms);
  EXPECT_NO_THROW(watchdog.check());
  EXPECT_TRUE(watchdog.forget(&communicators_[0]));
  EXPECT_EQ(aborts, 0);
}

TEST_F(WatchdogTest, AbortsWhereNothingComes) {
  Watchdog watchdog(table_, 0.3);
  watchdog.watch(&communicators_[0]);
  watchdog.expect(1024);
  EXPECT_TRUE(comes_true([] { return aborts == 1; }));
  EXPECT_THAT([&] { watchdog.check(); },
              ThrowsMessage<PeerSilent>(HasSubstr("nothing has come over NCCL for 0.3 s")));
}

TEST_F(WatchdogTest, DoesNotCountWhileNothingIsExpected) {
  Watchdog watchdog(table_, 0.2);
  watchdog.watch(&communicators_[0]);
  watchdog.expect(1024);
  watchdog.rest();
  std::this_thread::sleep_for(600ms);
  EXPECT_NO_THROW(watchdog.check());
}

}  // namespace
}  // namespace wiretax::collectives
