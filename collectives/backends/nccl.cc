#include "collectives/backends/nccl.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "collectives/buffer_task.h"

namespace wiretax::collectives {
namespace {

// nccl.h
constexpr int kSum = 0;          // ncclSum
constexpr int kRemoteError = 6;  // ncclRemoteError
constexpr int kFloat16 = 6;      // ncclFloat16
constexpr int kFloat32 = 7;      // ncclFloat32
constexpr int kBfloat16 = 9;     // ncclBfloat16

int nccl_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return kFloat32;
    case ElementType::kBfloat16:
      return kBfloat16;
    case ElementType::kFloat16:
      return kFloat16;
  }
  return kFloat32;
}

void check_nccl(const GpuTable& table, int result, const char* call, void* communicator = nullptr) {
  if (result == 0) return;
  auto text =
      fmt::format("{}: {} (ncclResult_t {})", call, table.nccl.error_string(result), result);
  const char* const last = table.nccl.last_error(communicator);
  if (last != nullptr && *last != '\0') text += fmt::format(": {}", last);
  if (result == kRemoteError) throw PeerLost(text);
  throw LibraryError(text);
}

/// Runs what no flag can end on a thread of its own. False where it is not done in time: then the
/// thread stays behind, and what it uses has to outlive the process.
bool done_within(double seconds, std::function<void()> action) {
  std::packaged_task<void()> task(std::move(action));
  auto done = task.get_future();
  std::thread(std::move(task)).detach();
  if (done.wait_for(std::chrono::duration<double>(seconds)) != std::future_status::ready) {
    return false;
  }
  done.get();
  return true;
}

class NcclTask : public BufferTask {
 public:
  NcclTask(std::shared_ptr<Gpu> gpu, void* communicator, const NcclGroup& group,
           const Request& request)
      : BufferTask(request, static_cast<std::uint64_t>(group.rank),
                   static_cast<std::uint64_t>(group.ranks)),
        gpu_(std::move(gpu)),
        communicator_(communicator),
        type_(nccl_type(request.type)) {
    const auto bytes = memory_bytes(request);
    memory_ = gpu_->allocate(bytes);
    gpu_->set(memory_.get(), 0, bytes);
    use({memory_.get(), bytes});
  }

  /// NCCL connects and loads kernels at the first operation of a kind, which a capture does not
  /// allow; in each rank's turn, as messages that are passed on go another way then.
  void warm_up() {
    BufferTask::enqueue(ranks());
    gpu_->await();
  }

  void enqueue(std::uint64_t n) override {
    const auto each = static_cast<std::uint64_t>(request().graph);
    if (each == 0) return BufferTask::enqueue(n);
    for (std::uint64_t i = 0; i < n; i += each) enqueue_graph(each);
  }

  void check(std::uint64_t call) override {
    checking_ = true;
    try {
      BufferTask::check(call);
    } catch (...) {
      checking_ = false;
      throw;
    }
    checking_ = false;
  }

 protected:
  void set(std::byte* memory, std::uint8_t value, std::size_t bytes) override {
    gpu_->set(memory, value, bytes);
  }
  void fill(std::byte* input, std::uint64_t call) override {
    std::vector<std::byte> data(request().bytes);
    fill_input(request(), data.data(), rank(), call, ranks());
    const auto count = describe(request().operation).send_elements(elements(), ranks());
    gpu_->to_device(input, data.data(), count * size_of(request().type));
  }
  void verify(const std::byte* output, std::uint64_t call) override {
    std::vector<std::byte> data(request().bytes);
    const auto count = describe(request().operation).receive_elements(elements(), ranks());
    gpu_->to_host(data.data(), output, count * size_of(request().type));
    verify_output(request(), data.data(), rank(), call, ranks());
  }

  /// Data is checked on the way on which it is timed.
  void operate(std::size_t slot, std::uint64_t index) override {
    if (!checking_ || request().graph == 0) return start(slot, index);
    const auto once = gpu_->record([&] { start(slot, index); });
    once->enqueue();
    gpu_->await();
  }

  void start(std::size_t slot, std::uint64_t index) override {
    gpu_->expect(static_cast<double>(request().bytes));
    call(slot, index);
  }
  void finish(std::size_t /*slot*/) override {}  // a stream keeps the order
  void await() override { gpu_->await(); }
  [[nodiscard]] bool scatters_to_front() const override { return false; }

 private:
  /// A graph has fixed buffers: there is one for every place in the chain where one begins.
  void enqueue_graph(std::uint64_t operations) {
    const auto before = position();
    const std::pair key = {before.next % ranks(), before.buffers.front().source};
    auto found = graphs_.find(key);
    if (found == graphs_.end()) {
      auto recording = gpu_->record([&] { BufferTask::enqueue(operations); });
      auto behind = position();
      behind.next -= before.next;
      found = graphs_.emplace(key, Graph{std::move(recording), std::move(behind)}).first;
    }
    auto behind = found->second.behind;
    behind.next += before.next;
    found->second.recording->enqueue();
    move_to(std::move(behind));
  }

  void call(std::size_t slot, std::uint64_t index) {
    const auto& nccl = gpu_->table().nccl;
    const auto* const source = input(slot);
    auto* const target = output(slot);
    void* const stream = gpu_->stream();
    switch (request().operation) {
      case Operation::kAllReduce:
        return accept(
            nccl.all_reduce(source, target, elements(), type_, kSum, communicator_, stream),
            "ncclAllReduce");
      case Operation::kAllGather:
        return accept(nccl.all_gather(source, target, part(), type_, communicator_, stream),
                      "ncclAllGather");
      case Operation::kReduceScatter:
        return accept(
            nccl.reduce_scatter(source, target, part(), type_, kSum, communicator_, stream),
            "ncclReduceScatter");
      case Operation::kBroadcast:
        return accept(nccl.broadcast(buffers(slot).source, buffers(slot).source, elements(), type_,
                                     static_cast<int>(turn_of(index)), communicator_, stream),
                      "ncclBroadcast");
      case Operation::kSendRecv:
        return send_recv(slot, index);
      case Operation::kAllToAll:
        return all_to_all(source, target);
    }
  }

  void send_recv(std::size_t slot, std::uint64_t index) {
    const auto& [source, target] = buffers(slot);
    const bool both = sends(index) && receives(index);
    if (both) group_start();
    if (sends(index)) send(source, elements(), next_rank());
    if (receives(index)) receive(target, elements(), previous_rank());
    if (both) group_end();
  }

  void all_to_all(const std::byte* source, std::byte* target) {
    group_start();
    for (std::uint64_t peer = 0; peer < ranks(); ++peer) {
      send(source + peer * part_bytes(), part(), peer);
      receive(target + peer * part_bytes(), part(), peer);
    }
    group_end();
  }

  void send(const std::byte* source, std::uint64_t count, std::uint64_t peer) {
    accept(gpu_->table().nccl.send(source, count, type_, static_cast<int>(peer), communicator_,
                                   gpu_->stream()),
           "ncclSend");
  }
  void receive(std::byte* target, std::uint64_t count, std::uint64_t peer) {
    accept(gpu_->table().nccl.receive(target, count, type_, static_cast<int>(peer), communicator_,
                                      gpu_->stream()),
           "ncclRecv");
  }
  void group_start() { accept(gpu_->table().nccl.group_start(), "ncclGroupStart"); }
  void group_end() { accept(gpu_->table().nccl.group_end(), "ncclGroupEnd"); }
  void accept(int result, const char* call) {
    check_nccl(gpu_->table(), result, call, communicator_);
  }

  struct Graph {
    std::unique_ptr<Queue::Recording> recording;
    Position behind;  // relative to where it begins
  };

  std::shared_ptr<Gpu> gpu_;
  void* communicator_;
  int type_;
  bool checking_ = false;
  std::shared_ptr<std::byte> memory_;
  std::map<std::pair<std::uint64_t, std::byte*>, Graph> graphs_;
};

}  // namespace

UniqueId make_unique_id(const GpuTable& table) {
  UniqueId id;
  check_nccl(table, table.nccl.unique_id(&id), "ncclGetUniqueId");
  return id;
}

std::string nccl_version(const GpuTable& table) {
  int version = 0;
  check_nccl(table, table.nccl.version(&version), "ncclGetVersion");
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

NcclBackend::NcclBackend(std::shared_ptr<Gpu> gpu, const NcclGroup& group)
    : gpu_(std::move(gpu)), group_(group) {
  const auto communicator = std::make_shared<void*>(nullptr);
  const auto begin = [table = gpu_->shared_table(), context = gpu_->context(), communicator,
                      group] {
    table->cuda.set_context(context);
    check_nccl(*table, table->nccl.init_rank(communicator.get(), group.ranks, group.id, group.rank),
               "ncclCommInitRank");
  };
  if (!done_within(group.patience_s, begin)) {
    throw PeerSilent(
        fmt::format("ncclCommInitRank did not return within {:g} s: are all ranks on "
                    "the same NCCL, and the same networks?",
                    group.patience_s));
  }
  communicator_ = *communicator;
  gpu_->watchdog().watch(communicator_);
}

NcclBackend::~NcclBackend() {
  try {
    if (!gpu_->watchdog().forget(communicator_)) return;
    // Ends only where the peers end, too.
    constexpr double kPatience = 10;
    done_within(
        std::min(group_.patience_s, kPatience),
        [table = gpu_->shared_table(), context = gpu_->context(), communicator = communicator_] {
          table->cuda.set_context(context);
          table->nccl.destroy(communicator);
        });
  } catch (const std::exception& error) {
    std::fputs(fmt::format("warning: ending NCCL: {}\n", error.what()).c_str(), stderr);
  }
}

std::uint64_t NcclBackend::memory_bytes(const Request& request) {
  return BufferTask::memory_bytes(request) + request.bytes;
}

std::unique_ptr<Task> NcclBackend::prepare(const Request& request) {
  if (request.in_place && request.operation == Operation::kAllToAll) {
    throw std::invalid_argument("an all_to_all in place is not possible with NCCL: --place out");
  }
  auto task = std::make_unique<NcclTask>(gpu_, communicator_, group_, request);
  task->warm_up();
  return task;
}

}  // namespace wiretax::collectives
