// compare_all_reduce_loop: what wiretax times as a chained all_reduce, against a bare loop of
// MPI_Allreduce in the same process, their batches alternating (ABBA). Run it under mpirun:
//   mpirun -np 2 compare_all_reduce_loop
// Prints, for each size, the ratio of the mean times for every pair and its median with interval.

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "bench/harness/clock.h"
#include "bench/harness/placement.h"
#include "collectives/backends/mpi.h"
#include "report/statistics.h"
#include "report/units.h"

namespace {

using namespace wiretax;  // NOLINT(google-build-using-namespace)

constexpr int kPairs = 40;
constexpr double kBatch = 0.05;

/// The peer: what anybody would write.
class BareLoop {
 public:
  explicit BareLoop(std::size_t bytes) : a_(bytes / sizeof(float)), b_(a_.size()) {}
  void run(std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      MPI_Allreduce(a_.data(), b_.data(), static_cast<int>(a_.size()), MPI_FLOAT, MPI_SUM,
                    MPI_COMM_WORLD);
      std::swap(a_, b_);
    }
  }

 private:
  std::vector<float> a_;
  std::vector<float> b_;
};

/// Mean seconds per operation of one batch: the slowest rank's.
template <typename Operations>
double batch_mean(Operations& operations, std::uint64_t n) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double begin_s = bench::now_s();
  operations.run(n);
  double elapsed_s = bench::now_s() - begin_s;
  MPI_Allreduce(MPI_IN_PLACE, &elapsed_s, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return elapsed_s / static_cast<double>(n);
}

void compare(collectives::MpiBackend& backend, std::uint64_t bytes, bool prints) {
  const auto task = backend.prepare({.operation = collectives::Operation::kAllReduce,
                                     .type = collectives::ElementType::kFloat32,
                                     .bytes = bytes});
  BareLoop bare(bytes);
  const double warm_s = batch_mean(*task, 100) + batch_mean(bare, 100);
  const auto n = static_cast<std::uint64_t>(kBatch / (warm_s / 2)) + 1;
  batch_mean(*task, n);
  batch_mean(bare, n);
  std::vector<double> ratios;
  for (int pair = 0; pair < kPairs; ++pair) {
    double ours_s = 0;
    double theirs_s = 0;
    if (pair % 2 == 0) {
      ours_s = batch_mean(*task, n);
      theirs_s = batch_mean(bare, n);
    } else {
      theirs_s = batch_mean(bare, n);
      ours_s = batch_mean(*task, n);
    }
    ratios.push_back(ours_s / theirs_s);
    if (prints) {
      fmt::print("{} pair {}: wiretax {}, bare loop {}\n", format_bytes(bytes), pair + 1,
                 format_seconds(ours_s), format_seconds(theirs_s));
    }
  }
  const auto interval = median_interval(ratios);
  if (prints) {
    fmt::print(
        "all_reduce {}: time / bare loop's {:.4f} [{:.4f}, {:.4f}] of {} pairs of {} operations\n",
        format_bytes(bytes), median(ratios), interval->low, interval->high, kPairs, n);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const auto placement = wiretax::bench::place({}, rank, ranks, "");
  if (!placement.cores.empty()) wiretax::bench::bind_thread(placement.cores.front());
  {
    collectives::MpiBackend backend(MPI_COMM_WORLD);
    for (const std::uint64_t bytes : {8 * kKibibyte, 64 * kKibibyte, kMebibyte}) {
      compare(backend, bytes, rank == 0);
    }
  }
  MPI_Finalize();
  return 0;
}
