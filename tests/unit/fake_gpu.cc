// NVIDIA's driver and NCCL for machines without a GPU, one file under two names. Ranks are real
// processes of one host, whose data go through shared memory; kernels only take time.
//
//   FAKE_GPU_COUNT, FAKE_GPU_NAME, FAKE_GPU_MEMORY  4, "NVIDIA GB10", 1 GiB in bytes
//   CUDA_VISIBLE_DEVICES     numbers of those that this process may use
//   FAKE_NCCL_NETWORK=IB     NCCL's log says RDMA, not sockets
//   FAKE_NCCL_VERSION=22703  for all ranks; FAKE_NCCL_VERSION@1=22703 for one
//   FAKE_GPU_FAULT=CALL[@RANK][#N][=WHAT],...  from its N-th call on (the first) CALL fails with
//   the
//     code WHAT (1). WHAT can be "hang" too, and for NCCL's operations "async:CODE" and "wrong".
//     ncclGetVersion's code is the version.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collectives/element_type.h"
#include "collectives/nccl/table.h"

namespace {

using namespace std::chrono_literals;
using wiretax::collectives::ElementType;
using wiretax::collectives::GpuTable;
using wiretax::collectives::UniqueId;
using Clock = std::chrono::steady_clock;

// The driver's codes, and NCCL's.
constexpr int kInvalidValue = 1;
constexpr int kOutOfMemory = 2;
constexpr int kNoContext = 201;
constexpr int kInvalidHandle = 400;
constexpr int kIllegalState = 401;
constexpr int kCaptureUnsupported = 900;
constexpr int kCaptureInvalidated = 901;
constexpr int kSystemError = 2;
constexpr int kInvalidArgument = 4;
constexpr int kInvalidUsage = 5;
constexpr int kRemoteError = 6;

template <typename... Part>
std::string text(const Part&... part) {
  std::ostringstream out;
  (out << ... << part);
  return out.str();
}

std::string setting(const std::string& name, const char* otherwise = "") {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? otherwise : value;
}

std::string own_rank() { return setting("OMPI_COMM_WORLD_RANK"); }

[[noreturn]] void hang() {
  for (;;) std::this_thread::sleep_for(1h);
}

/// What outlives main: other threads may still call when the process ends, so it is never
/// destroyed.
template <typename State>
State& global() {
  static State* const kState = new State;
  return *kState;
}

/// NCCL's text for whoever asks next, one for the process.
struct LastError {
  std::mutex mutex;
  std::string text;
};

int fail_with(int code, std::string what) {
  const std::lock_guard lock(global<LastError>().mutex);
  global<LastError>().text = std::move(what);
  return code;
}

std::string last_error() {
  const std::lock_guard lock(global<LastError>().mutex);
  return global<LastError>().text;
}

// ---- Faults ----

struct Fault {
  enum class Kind { kNone, kCode, kHang, kAsync, kWrong };
  Kind kind = Kind::kNone;
  int code = 0;
};

/// FAKE_GPU_FAULT, which a test may change between its cases: calls are counted anew then.
class Faults {
 public:
  Fault next(const std::string& call) {
    const std::lock_guard lock(mutex_);
    read(setting("FAKE_GPU_FAULT"));
    const int count = ++calls_[call];
    for (const auto& order : orders_) {
      if (order.call == call && count >= order.from) return order.fault;
    }
    return {};
  }

 private:
  struct Order {
    std::string call;
    int from = 1;
    Fault fault;
  };

  void read(const std::string& list) {
    if (list == list_) return;
    list_ = list;
    orders_.clear();
    calls_.clear();
    std::istringstream entries(list);
    for (std::string entry; std::getline(entries, entry, ',');) add(entry);
  }

  void add(std::string entry) {
    const auto what = cut(entry, '=');
    const auto from = cut(entry, '#');
    const auto rank = cut(entry, '@');
    if (!rank.empty() && rank != own_rank()) return;
    orders_.push_back({entry, from.empty() ? 1 : std::stoi(from), fault(what)});
  }

  /// What stands behind the mark, which is cut off with it.
  static std::string cut(std::string& entry, char mark) {
    const auto at = entry.find(mark);
    if (at == std::string::npos) return {};
    auto tail = entry.substr(at + 1);
    entry.resize(at);
    return tail;
  }

  static Fault fault(const std::string& what) {
    static const std::string kAsync = "async:";
    if (what.empty()) return {Fault::Kind::kCode, 1};
    if (what == "hang") return {Fault::Kind::kHang, 0};
    if (what == "wrong") return {Fault::Kind::kWrong, 0};
    if (what.starts_with(kAsync))
      return {Fault::Kind::kAsync, std::stoi(what.substr(kAsync.size()))};
    return {Fault::Kind::kCode, std::stoi(what)};
  }

  std::mutex mutex_;
  std::string list_;
  std::vector<Order> orders_;
  std::map<std::string, int> calls_;
};

int refuse(const std::string& call, int code) {
  return fail_with(code, text("fake: ", call, " failed as ordered"));
}

/// The body of a call, unless a fault is ordered for it. One that returns nothing succeeds.
template <typename Body>
int call(const char* name, Body body) {
  const auto fault = global<Faults>().next(name);
  if (fault.kind == Fault::Kind::kHang) hang();
  if (fault.kind == Fault::Kind::kCode) return refuse(name, fault.code);
  if constexpr (!std::is_void_v<decltype(body())>) {
    return body();
  } else {
    body();
    return 0;
  }
}

// ---- The device ----

using Work = std::function<void()>;
using Graph = std::vector<Work>;

/// All that is captured is here and not in a table of the process: the library may be loaded twice.
struct Stream {
  bool capturing = false;
  bool invalid = false;
  Graph captured;
};

struct Event {
  bool recorded = false;
  Clock::time_point at;
};

struct Device {
  std::mutex mutex;
  std::map<void*, std::size_t> memory;
  std::size_t allocated = 0;
  std::set<Stream*> capturing;
};

Device& device() { return global<Device>(); }

thread_local bool has_context = false;  // contexts are a thread's own, as in reality
int dummy;                              // for handles that nothing looks into

Stream& stream_of(void* handle) {
  return handle == nullptr ? global<Stream>() : *static_cast<Stream*>(handle);
}

int enqueue(void* handle, Work work) {
  auto& stream = stream_of(handle);
  if (stream.capturing) {
    stream.captured.push_back(std::move(work));
  } else {
    work();
  }
  return 0;
}

std::size_t total_memory() { return std::stoull(setting("FAKE_GPU_MEMORY", "1073741824")); }

int allocate(void** memory, std::size_t bytes) {
  constexpr std::size_t kAlignment = 256;
  auto& gpu = device();
  const std::lock_guard lock(gpu.mutex);
  for (auto* const stream : gpu.capturing) stream->invalid = true;
  if (!gpu.capturing.empty()) return kCaptureUnsupported;
  if (!has_context) return kNoContext;
  if (bytes == 0) return kInvalidValue;
  if (bytes > total_memory() - std::min(total_memory(), gpu.allocated)) return kOutOfMemory;
  *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (*memory == nullptr) return kOutOfMemory;
  std::memset(*memory, 0xa5, bytes);  // what nobody wrote must not look like zeros
  gpu.memory[*memory] = bytes;
  gpu.allocated += bytes;
  return 0;
}

int release(void* memory) {
  auto& gpu = device();
  const std::lock_guard lock(gpu.mutex);
  const auto found = gpu.memory.find(memory);
  if (found == gpu.memory.end()) return kInvalidValue;
  gpu.allocated -= found->second;
  gpu.memory.erase(found);
  std::free(memory);
  return 0;
}

int begin_capture(void* handle) {
  auto& stream = stream_of(handle);
  if (handle == nullptr) return kCaptureUnsupported;
  if (stream.capturing) return kIllegalState;
  stream.capturing = true;
  const std::lock_guard lock(device().mutex);
  device().capturing.insert(&stream);
  return 0;
}

int end_capture(void* handle, void** graph) {
  auto& stream = stream_of(handle);
  *graph = nullptr;
  if (!stream.capturing) return kIllegalState;
  {
    const std::lock_guard lock(device().mutex);
    device().capturing.erase(&stream);
  }
  const auto ended = std::exchange(stream, {});
  if (ended.invalid) return kCaptureInvalidated;
  *graph = new Graph(ended.captured);
  return 0;
}

void destroy(Stream* stream) {
  const std::lock_guard lock(device().mutex);
  device().capturing.erase(stream);
  delete stream;
}

void busy() {
  const auto end = Clock::now() + 20us;
  while (Clock::now() < end) continue;
}

/// The numbers of the GPUs that this process may use.
std::vector<int> visible_gpus() {
  std::vector<int> numbers(std::stoul(setting("FAKE_GPU_COUNT", "4")));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  if (std::getenv("CUDA_VISIBLE_DEVICES") == nullptr) return numbers;
  numbers.clear();
  std::istringstream list(setting("CUDA_VISIBLE_DEVICES"));
  for (std::string number; std::getline(list, number, ',');) numbers.push_back(std::stoi(number));
  return numbers;
}

std::string gpu_name() { return setting("FAKE_GPU_NAME", "NVIDIA GB10"); }

int attribute_of_gpu(int attribute) {
  const int spark = gpu_name().find("GB10") != std::string::npos ? 1 : 0;
  // Integrated, GPUDirect, processors, compute capability's numbers.
  const std::map<int, int> known = {
      {18, spark}, {116, 0}, {16, 48}, {75, spark != 0 ? 12 : 9}, {76, spark}};
  const auto found = known.find(attribute);
  return found == known.end() ? 1 : found->second;
}

// ---- Ranks and what they share ----

constexpr std::size_t kMaxRanks = 4;
constexpr std::size_t kMailboxBytes = std::size_t{1} << 20;
constexpr std::size_t kPieceBytes = std::size_t{1} << 18;
constexpr const char* kPrefix = "wiretax-fake-nccl-";

/// A ring of bytes from one rank to another. Fresh shared memory is zero, which is an empty one.
struct Mailbox {
  alignas(64) std::atomic<std::uint64_t> written;
  alignas(64) std::atomic<std::uint64_t> taken;
  alignas(64) std::array<std::byte, kMailboxBytes> bytes;

  /// Both move what there is room for or what is there, a piece at most, and return how much.
  std::size_t put(const std::byte* source, std::size_t size) {
    const auto end = written.load(std::memory_order_relaxed);
    const auto room = kMailboxBytes - (end - taken.load(std::memory_order_acquire));
    const auto [count, at, straight] = piece(end, std::min<std::size_t>(size, room));
    std::copy_n(source, straight, &bytes[at]);
    std::copy_n(source + straight, count - straight, bytes.data());
    written.store(end + count, std::memory_order_release);
    return count;
  }

  std::size_t take(std::byte* target, std::size_t size) {
    const auto begin = taken.load(std::memory_order_relaxed);
    const auto there = written.load(std::memory_order_acquire) - begin;
    const auto [count, at, straight] = piece(begin, std::min<std::size_t>(size, there));
    std::copy_n(&bytes[at], straight, target);
    std::copy_n(bytes.data(), count - straight, target + straight);
    taken.store(begin + count, std::memory_order_release);
    return count;
  }

 private:
  static std::array<std::size_t, 3> piece(std::uint64_t position, std::size_t size) {
    const auto count = std::min(size, kPieceBytes);
    const auto at = static_cast<std::size_t>(position % kMailboxBytes);
    return {count, at, std::min(count, kMailboxBytes - at)};
  }
};

struct Shared {
  std::atomic<std::size_t> arrived;
  std::array<std::atomic<int>, kMaxRanks> pids;
  std::array<std::atomic<bool>, kMaxRanks> left;  // by ncclCommDestroy: not to be missed
  std::array<std::array<Mailbox, kMaxRanks>, kMaxRanks> mail;  // from, to
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free);

/// A process that nobody has waited for still has its number, so kill alone would not do.
bool is_gone(int pid) {
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  std::ifstream file(text("/proc/", pid, "/stat"));
  std::string line;
  std::getline(file, line);
  return line.find(") Z") != std::string::npos || line.find(") X") != std::string::npos;
}

std::string hex(const UniqueId& id, std::size_t bytes) {
  std::ostringstream out;
  for (std::size_t i = 0; i < bytes; ++i) {
    out << std::hex << std::setw(2) << std::setfill('0')
        << (static_cast<unsigned>(id.bytes[i]) & 0xff);
  }
  return out.str();
}

Shared* map_shared(const std::string& name) {
  const int file = shm_open(name.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  void* memory = MAP_FAILED;
  if (ftruncate(file, sizeof(Shared)) == 0) {
    memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  close(file);
  return memory == MAP_FAILED ? nullptr : static_cast<Shared*>(memory);
}

/// Ranks that were killed while they waited for others leave a name behind. Nobody waits as long.
void remove_stale() {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator("/dev/shm", ignored)) {
    if (!file.path().filename().string().starts_with(kPrefix)) continue;
    const auto written = std::filesystem::last_write_time(file, ignored);
    const auto age = std::filesystem::file_time_type::clock::now() - written;
    if (!ignored && age > 60s) std::filesystem::remove(file, ignored);
  }
}

struct Communicator {
  explicit Communicator(const UniqueId& id)
      : label("0x" + hex(id, 8)), name(text("/", kPrefix, hex(id, 16))) {}
  ~Communicator() {
    if (shared != nullptr) munmap(shared, sizeof(Shared));
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// The name goes as soon as all are there: nothing is left behind, however they end.
  bool meet() {
    shared = map_shared(name);
    if (shared == nullptr) return false;
    shared->pids[rank] = getpid();
    ++shared->arrived;
    const auto end = Clock::now() + 30s;
    while (shared->arrived < ranks && Clock::now() < end) std::this_thread::sleep_for(1ms);
    shm_unlink(name.c_str());
    return shared->arrived >= ranks;
  }

  [[nodiscard]] std::vector<std::size_t> others() const {
    std::vector<std::size_t> peers;
    for (std::size_t peer = 0; peer < ranks; ++peer) {
      if (peer != rank) peers.push_back(peer);
    }
    return peers;
  }

  void wait_until_aborted() const {
    while (!aborted) std::this_thread::sleep_for(1ms);
  }

  /// As in NCCL's kernels, what waits for a rank that is gone waits on.
  void look_for_gone() {
    for (const auto peer : others()) {
      if (async_error != 0 || shared->left[peer] || !is_gone(shared->pids[peer])) continue;
      async_error = fail_with(kRemoteError, text("fake: rank ", peer, " is gone"));
    }
  }

  std::string label;  // commId
  std::string name;   // of the shared memory
  std::size_t rank = 0;
  std::size_t ranks = 0;
  Shared* shared = nullptr;
  std::atomic<bool> aborted = false;
  std::atomic<bool> connected = false;
  std::atomic<int> async_error = 0;
};

/// Operations hold their communicator, so that an abort frees nothing that another thread is in.
using CommunicatorPointer = std::shared_ptr<Communicator>;

struct Communicators {
  std::mutex mutex;
  std::map<void*, CommunicatorPointer> known;
};

CommunicatorPointer find(void* handle) {
  const std::lock_guard lock(global<Communicators>().mutex);
  const auto& known = global<Communicators>().known;
  const auto found = known.find(handle);
  return found == known.end() ? nullptr : found->second;
}

void forget(void* handle) {
  const std::lock_guard lock(global<Communicators>().mutex);
  global<Communicators>().known.erase(handle);
}

int no_communicator() {
  return fail_with(kInvalidArgument, "fake: no communicator, or destroyed or aborted");
}

// ---- Operations ----

struct Transfer {
  Communicator* communicator;  // of an operation that is under way
  bool sends;
  std::size_t peer;
  std::byte* memory;
  std::size_t bytes;

  bool is_done() const { return bytes == 0; }
  bool progress() {
    auto& mail = communicator->shared->mail;
    const auto own = communicator->rank;
    const auto moved =
        sends ? mail[own][peer].put(memory, bytes) : mail[peer][own].take(memory, bytes);
    memory += moved;
    bytes -= moved;
    return moved != 0;
  }
};

/// One piece of each that can go on. Messages of one direction and peer keep their order.
bool progress(std::vector<Transfer>& transfers) {
  std::set<std::pair<Communicator*, std::size_t>> busy_lanes;
  bool moved = false;
  for (auto& one : transfers) {
    if (one.is_done() || busy_lanes.contains({one.communicator, one.peer * 2 + one.sends}))
      continue;
    moved = one.progress() || moved;
    if (!one.is_done()) busy_lanes.insert({one.communicator, one.peer * 2 + one.sends});
  }
  return moved;
}

/// All at once, so that no order of calls can block. False: aborted. Whoever waits for long leaves
/// the processor to other tests.
bool exchange(std::vector<Transfer> transfers) {
  auto next_look = Clock::now() + 50ms;
  bool waits_long = false;
  while (!std::ranges::all_of(transfers, &Transfer::is_done)) {
    for (const auto& one : transfers) {
      if (one.communicator->aborted) return false;
    }
    if (progress(transfers)) continue;
    waits_long ? std::this_thread::sleep_for(100us) : std::this_thread::yield();
    if (Clock::now() < next_look) continue;
    for (const auto& one : transfers) one.communicator->look_for_gone();
    next_look = Clock::now() + 50ms;
    waits_long = true;
  }
  return true;
}

std::byte* bytes(const void* memory) {
  return const_cast<std::byte*>(static_cast<const std::byte*>(memory));  // sends only read it
}

struct Operation {
  enum class Kind { kAllReduce, kAllGather, kReduceScatter, kBroadcast, kSend, kReceive };
  const char* call;
  Kind kind;
  std::byte* source;
  std::byte* target;
  std::size_t elements;  // as NCCL counts them: of a part where there are parts
  int type;
  int peer = 0;  // or root
  int sum = 0;
  CommunicatorPointer communicator = {};
  Fault fault = {};

  [[nodiscard]] bool reduces() const {
    return kind == Kind::kAllReduce || kind == Kind::kReduceScatter;
  }
  [[nodiscard]] bool is_message() const { return kind == Kind::kSend || kind == Kind::kReceive; }
  [[nodiscard]] std::size_t element_bytes() const {
    static constexpr std::array<std::size_t, 10> kBytes = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
    return kBytes.at(static_cast<std::size_t>(type));
  }
  [[nodiscard]] std::size_t size() const { return elements * element_bytes(); }
};
using Kind = Operation::Kind;

const std::map<int, ElementType>& summed_types() {
  static const std::map<int, ElementType> kTypes = {
      {6, ElementType::kFloat16}, {7, ElementType::kFloat32}, {9, ElementType::kBfloat16}};
  return kTypes;
}

bool is_valid(const Operation& op) {
  if (op.type < 0 || op.type > 9 || op.sum != 0) return false;
  if (op.peer < 0 || static_cast<std::size_t>(op.peer) >= op.communicator->ranks) return false;
  return !op.reduces() || summed_types().contains(op.type);
}

/// A slice of a sum, in the order of the ranks, so that all get the same bits. Sources are read
/// before the target is written: it may be where one of them is.
bool reduce_slice(const Operation& op, std::size_t offset, std::size_t size) {
  auto& own = *op.communicator;
  const std::size_t stride = op.kind == Kind::kReduceScatter ? op.size() : 0;
  const auto source = [&](std::size_t rank) { return op.source + rank * stride + offset; };
  std::vector<std::byte> parts(own.ranks * size);
  std::copy_n(source(own.rank), size, parts.data() + own.rank * size);
  std::vector<Transfer> transfers;
  for (const auto peer : own.others()) {
    transfers.push_back({&own, true, peer, source(peer), size});
    transfers.push_back({&own, false, peer, parts.data() + peer * size, size});
  }
  if (!exchange(std::move(transfers))) return false;
  for (std::size_t peer = 1; peer < own.ranks; ++peer) {
    add(summed_types().at(op.type), parts.data(), parts.data() + peer * size, parts.data(),
        size / op.element_bytes());
  }
  std::copy_n(parts.data(), size, op.target + offset);
  return true;
}

void reduce(const Operation& op) {
  for (std::size_t offset = 0; offset < op.size(); offset += kPieceBytes) {
    if (!reduce_slice(op, offset, std::min(kPieceBytes, op.size() - offset))) return;
  }
}

void all_gather(const Operation& op) {
  auto& own = *op.communicator;
  std::vector<Transfer> transfers;
  for (const auto peer : own.others()) {
    transfers.push_back({&own, true, peer, op.source, op.size()});
    transfers.push_back({&own, false, peer, op.target + peer * op.size(), op.size()});
  }
  std::memmove(op.target + own.rank * op.size(), op.source, op.size());
  exchange(std::move(transfers));
}

void broadcast(const Operation& op) {
  auto& own = *op.communicator;
  const auto root = static_cast<std::size_t>(op.peer);
  if (own.rank != root) {
    exchange({{&own, false, root, op.target, op.size()}});
    return;
  }
  std::vector<Transfer> transfers;
  for (const auto peer : own.others()) {
    transfers.push_back({&own, true, peer, op.source, op.size()});
  }
  std::memmove(op.target, op.source, op.size());
  exchange(std::move(transfers));
}

Transfer message(const Operation& op) {
  const bool sends = op.kind == Kind::kSend;
  return {op.communicator.get(), sends, static_cast<std::size_t>(op.peer),
          sends ? op.source : op.target, op.size()};
}

void run_collective(const Operation& op) {
  if (op.communicator->aborted) return;
  if (op.reduces()) reduce(op);
  if (op.kind == Kind::kAllGather) all_gather(op);
  if (op.kind == Kind::kBroadcast) broadcast(op);
}

bool stalls(const Operation& op) {
  return op.fault.kind == Fault::Kind::kHang || op.fault.kind == Fault::Kind::kAsync;
}

void stall(const Operation& op) {
  auto& own = *op.communicator;
  if (op.fault.kind == Fault::Kind::kAsync) own.async_error = refuse(op.call, op.fault.code);
  own.wait_until_aborted();
}

/// One element becomes another, a 2 of 0: its exponent's highest bit changes.
void spoil(const Operation& op) {
  if (op.fault.kind != Fault::Kind::kWrong || op.target == nullptr || op.elements == 0) return;
  op.target[(op.elements / 2 + 1) * op.element_bytes() - 1] ^= std::byte{0x40};
}

/// One operation or a group of them, whose messages go together.
void run(const std::vector<Operation>& operations) {
  const auto stalled = std::ranges::find_if(operations, stalls);
  if (stalled != operations.end()) return stall(*stalled);
  std::vector<Transfer> messages;
  for (const auto& op : operations) {
    if (op.is_message()) messages.push_back(message(op));
    run_collective(op);
  }
  exchange(std::move(messages));
  std::ranges::for_each(operations, spoil);
}

struct Group {
  int depth = 0;
  int error = 0;  // of a call within, which its end returns again
  void* stream = nullptr;
  std::vector<Operation> operations;
};
thread_local Group group;

// ---- The log ----

int version() {
  const auto all = setting("FAKE_NCCL_VERSION", "22809");
  return std::stoi(setting("FAKE_NCCL_VERSION@" + own_rank(), all.c_str()));
}

bool logs(const std::string& subsystem) {
  const auto level = setting("NCCL_DEBUG");
  if (level != "INFO" && level != "TRACE") return false;
  const auto list = setting("NCCL_DEBUG_SUBSYS", "INIT,BOOTSTRAP,ENV");
  const bool named =
      list.find(subsystem) != std::string::npos || list.find("ALL") != std::string::npos;
  return named != list.starts_with('^');
}

std::string host() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  const std::string whole = name.data();
  return whole.substr(0, whole.find('.'));
}

std::string log_file() {
  auto name = setting("NCCL_DEBUG_FILE");
  const auto put = [&name](const char* mark, const std::string& value) {
    const auto at = name.find(mark);
    if (at != std::string::npos) name.replace(at, std::strlen(mark), value);
  };
  put("%h", host());
  put("%p", std::to_string(getpid()));
  return name;
}

template <typename... Part>
void log(const char* subsystem, const Part&... part) {
  const auto name = log_file();
  if (name.empty() || !logs(subsystem)) return;
  std::ofstream file(name, std::ios::app);
  file << text(host(), ':', getpid(), ':', gettid(), " [0] NCCL INFO ", part..., '\n');
}

bool uses_ib() { return setting("FAKE_NCCL_NETWORK") == "IB"; }

void log_settings() {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string one = *entry;
    const auto name = one.substr(0, one.find('='));
    if (!name.starts_with("NCCL_")) continue;
    log("ENV", name, " set by environment to ", one.substr(name.size() + 1), '.');
  }
}

void log_network(std::size_t rank) {
  const int number = version();
  if (rank == 0) {
    log("INIT", "NCCL version ", number / 10000, '.', number / 100 % 100, '.', number % 100,
        "+cuda13.0");
  }
  log("BOOTSTRAP", "Bootstrap: Using lo:127.0.0.1<0>");
  log_settings();
  if (uses_ib()) {
    log("INIT", "NET/IB : Using [0]rocep1s0f0:1/RoCE [1]roceP2p1s0f0:1/RoCE [RO]; ",
        "OOB lo:127.0.0.1<0>");
    return log("INIT", "Using network IB");
  }
  log("INIT", "NET/IB : No device found.");
  log("INIT", "NET/Socket : Using [0]lo:127.0.0.1<0>");
  log("INIT", "Using network Socket");
}

/// NCCL's threads inherit the cores of the thread that makes them.
void log_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof cores, &cores);
  log("INIT", "fake: a thread made here may run on ", CPU_COUNT(&cores), " cores");
}

void log_init(const Communicator& own, const char* state) {
  log("INIT", "ncclCommInitRank comm ", &own, " rank ", own.rank, " nranks ", own.ranks,
      " cudaDev 0 nvmlDev 0 busId f01000 commId ", own.label, " - Init ", state);
}

/// Each rank is a node of its own.
void log_nodes(const Communicator& own) {
  log("INIT", "comm ", &own, " rank ", own.rank, " nRanks ", own.ranks, " nNodes ", own.ranks,
      " localRanks 1 localRank 0 MNNVL 0");
}

/// Channels are made when the first operation needs them.
void log_channels(Communicator& own) {
  if (own.connected.exchange(true)) return;
  const auto next = (own.rank + 1) % own.ranks;
  const auto last = (own.rank + own.ranks - 1) % own.ranks;
  for (int channel = 0; own.ranks > 1 && channel < 2; ++channel) {
    const auto via = uses_ib() ? text("NET/IB/", channel) : std::string("NET/Socket/0");
    log("INIT", "Channel 0", channel, "/0 : ", last, "[0] -> ", own.rank, "[0] [receive] via ",
        via);
    log("INIT", "Channel 0", channel, "/0 : ", own.rank, "[0] -> ", next, "[0] [send] via ", via);
  }
  log("INIT", "Connected all rings, use ring PXN 0 GDR 0");
}

/// By rank 0 only, as NCCL does.
void log_operation(const Operation& op) {
  log_channels(*op.communicator);
  if (op.is_message() || op.communicator->rank != 0) return;
  log("TUNING", op.call + std::strlen("nccl"), ": ", op.size(),
      " Bytes -> Algo RING proto LL channel{Lo..Hi}={0..1}");
}

// ---- NCCL's calls ----

int prepare(Operation& op, void* handle) {
  op.communicator = find(handle);
  if (op.communicator == nullptr) return no_communicator();
  op.fault = global<Faults>().next(op.call);
  if (op.fault.kind == Fault::Kind::kCode) return refuse(op.call, op.fault.code);
  if (op.communicator->async_error != 0) return op.communicator->async_error;
  if (!is_valid(op)) return kInvalidArgument;
  log_operation(op);
  return 0;
}

int submit(Operation op, void* handle, void* stream) {
  const int error = prepare(op, handle);
  if (group.depth == 0) return error != 0 ? error : enqueue(stream, [op] { run({op}); });
  if (error != 0) return group.error = error;
  group.stream = stream;
  group.operations.push_back(std::move(op));
  return 0;
}

int end_group() {
  if (group.depth == 0) return kInvalidUsage;
  if (--group.depth > 0) return 0;
  const auto ended = std::exchange(group, {});
  if (ended.error != 0 || ended.operations.empty()) return ended.error;
  return enqueue(ended.stream, [operations = ended.operations] { run(operations); });
}

int init_rank(void** handle, int ranks, const UniqueId& id, int rank) {
  if (rank < 0 || rank >= ranks || ranks > static_cast<int>(kMaxRanks)) return kInvalidArgument;
  const auto own = std::make_shared<Communicator>(id);
  own->rank = static_cast<std::size_t>(rank);
  own->ranks = static_cast<std::size_t>(ranks);
  log_network(own->rank);
  log_cores();
  log_init(*own, "START");
  if (!own->meet()) return fail_with(kSystemError, "fake: not all ranks came");
  log_nodes(*own);
  log_init(*own, "COMPLETE");
  const std::lock_guard lock(global<Communicators>().mutex);
  global<Communicators>().known[*handle = own.get()] = own;
  return 0;
}

void make_unique_id(UniqueId& id) {
  remove_stale();
  std::random_device random;
  id = {};
  std::generate_n(id.bytes.begin(), 16, [&] { return static_cast<char>(random()); });
}

/// For a call of one communicator, whose hang ends when that is aborted.
template <typename Body>
int call_of(const char* name, void* handle, Body body) {
  const auto own = find(handle);
  if (own == nullptr) return no_communicator();
  const auto fault = global<Faults>().next(name);
  if (fault.kind == Fault::Kind::kHang) own->wait_until_aborted();
  if (fault.kind == Fault::Kind::kCode) return refuse(name, fault.code);
  body(*own);
  return 0;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the names are NVIDIA's.
extern "C" {

int ncclGetVersion(int* number) {
  const auto fault = global<Faults>().next(__func__);
  if (fault.kind == Fault::Kind::kHang) hang();
  *number = fault.kind == Fault::Kind::kCode ? fault.code : version();
  return 0;
}

int ncclGetUniqueId(UniqueId* id) {
  return call(__func__, [&] {
    const char* const name = std::getenv("NCCL_SOCKET_IFNAME");
    const std::string interface = name == nullptr ? "lo" : name + (*name == '=' ? 1 : 0);
    if (!std::filesystem::exists("/sys/class/net/" + interface)) {
      log("INIT", "Bootstrap : no socket interface found");
      return kInvalidUsage;
    }
    make_unique_id(*id);
    return 0;
  });
}

int ncclCommInitRank(void** communicator, int ranks, UniqueId id, int rank) {
  return call(__func__, [&] { return init_rank(communicator, ranks, id, rank); });
}

int ncclCommDestroy(void* communicator) {
  return call_of(__func__, communicator, [&](Communicator& own) {
    own.shared->left[own.rank] = true;
    forget(communicator);
  });
}

int ncclCommAbort(void* communicator) {
  return call(__func__, [&] {
    const auto own = find(communicator);
    if (own == nullptr) return no_communicator();
    own->aborted = true;
    forget(communicator);
    return 0;
  });
}

int ncclCommGetAsyncError(void* communicator, int* error) {
  return call_of(__func__, communicator, [&](Communicator& own) { *error = own.async_error; });
}

const char* ncclGetErrorString(int error) {
  static constexpr std::array kTexts = {
      "no error",
      "unhandled cuda error (run with NCCL_DEBUG=INFO for details)",
      "unhandled system error (run with NCCL_DEBUG=INFO for details)",
      "internal error - please report this issue to the NCCL developers",
      "invalid argument (run with NCCL_DEBUG=WARN for details)",
      "invalid usage (run with NCCL_DEBUG=WARN for details)",
      "remote process exited or there was a network error",
      "NCCL operation in progress",
  };
  const bool known = error >= 0 && error < static_cast<int>(kTexts.size());
  return known ? kTexts[static_cast<std::size_t>(error)] : "unknown result code";
}

const char* ncclGetLastError(void* /*communicator*/) {
  thread_local std::array<char, 256> last;
  last = {};
  last_error().copy(last.data(), last.size() - 1);
  return last.data();
}

int ncclGroupStart() {
  return call(__func__, [] { ++group.depth; });
}

/// A group that a fault ends is over nevertheless.
int ncclGroupEnd() {
  const int fault = call(__func__, [] {});
  if (fault != 0) group = {};
  return fault != 0 ? fault : end_group();
}

int ncclAllReduce(const void* source, void* target, std::size_t elements, int type, int sum,
                  void* communicator, void* stream) {
  return submit({__func__, Kind::kAllReduce, bytes(source), bytes(target), elements, type, 0, sum},
                communicator, stream);
}

int ncclAllGather(const void* source, void* target, std::size_t part, int type, void* communicator,
                  void* stream) {
  return submit({__func__, Kind::kAllGather, bytes(source), bytes(target), part, type},
                communicator, stream);
}

int ncclReduceScatter(const void* source, void* target, std::size_t part, int type, int sum,
                      void* communicator, void* stream) {
  return submit({__func__, Kind::kReduceScatter, bytes(source), bytes(target), part, type, 0, sum},
                communicator, stream);
}

int ncclBroadcast(const void* source, void* target, std::size_t elements, int type, int root,
                  void* communicator, void* stream) {
  return submit({__func__, Kind::kBroadcast, bytes(source), bytes(target), elements, type, root},
                communicator, stream);
}

int ncclSend(const void* source, std::size_t elements, int type, int peer, void* communicator,
             void* stream) {
  return submit({__func__, Kind::kSend, bytes(source), nullptr, elements, type, peer}, communicator,
                stream);
}

int ncclRecv(void* target, std::size_t elements, int type, int peer, void* communicator,
             void* stream) {
  return submit({__func__, Kind::kReceive, nullptr, bytes(target), elements, type, peer},
                communicator, stream);
}

// ---- The driver's calls ----

int cuInit(unsigned flags) {
  return call(__func__, [&] { return flags == 0 ? 0 : kInvalidValue; });
}

int cuDriverGetVersion(int* number) {
  return call(__func__, [&] { *number = 13000; });
}

int cuGetErrorString(int error, const char** what) {
  static const std::map<int, const char*> kTexts = {
      {0, "no error"},
      {kOutOfMemory, "out of memory"},
      {100, "no CUDA-capable device is detected"},
      {700, "an illegal memory access was encountered"},
      {719, "unspecified launch failure"},
      {kCaptureUnsupported, "operation not permitted when stream is capturing"},
      {kCaptureInvalidated, "operation failed due to a previous error during capture"},
  };
  const auto found = kTexts.find(error);
  *what = found == kTexts.end() ? "unknown error" : found->second;
  return 0;
}

int cuDeviceGetCount(int* count) {
  return call(__func__, [&] { *count = static_cast<int>(visible_gpus().size()); });
}

int cuDeviceGet(int* ordinal, int wanted) {
  return call(__func__, [&] { *ordinal = wanted; });
}

int cuDeviceGetName(char* name, int length, int /*device*/) {
  return call(__func__,
              [&] { name[gpu_name().copy(name, static_cast<std::size_t>(length - 1))] = '\0'; });
}

int cuDeviceGetUuid_v2(std::array<unsigned char, 16>* uuid, int device) {
  return call(__func__, [&] {
    *uuid = {};
    uuid->back() = static_cast<unsigned char>(visible_gpus().at(static_cast<std::size_t>(device)));
  });
}

int cuDeviceGetAttribute(int* value, int attribute, int /*device*/) {
  return call(__func__, [&] { *value = attribute_of_gpu(attribute); });
}

int cuDevicePrimaryCtxRetain(void** context, int /*device*/) {
  return call(__func__, [&] { *context = &dummy; });
}

int cuCtxSetCurrent(void* context) {
  return call(__func__, [&] { has_context = context != nullptr; });
}

int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  return call(__func__, [&] {
    const std::lock_guard lock(device().mutex);
    *total = total_memory();
    *free = *total - std::min(*total, device().allocated);
  });
}

int cuMemAlloc_v2(void** memory, std::size_t size) {
  return call(__func__, [&] { return allocate(memory, size); });
}

int cuMemFree_v2(void* memory) {
  return call(__func__, [&] { return release(memory); });
}

int cuMemHostAlloc(void** memory, std::size_t size, unsigned /*flags*/) {
  return call(__func__, [&] {
    if (!has_context) return kNoContext;
    *memory = std::malloc(size);
    return *memory == nullptr ? kOutOfMemory : 0;
  });
}

int cuMemFreeHost(void* memory) {
  return call(__func__, [&] { std::free(memory); });
}

int cuMemsetD8Async(void* memory, unsigned char value, std::size_t size, void* stream) {
  return call(__func__, [&] { enqueue(stream, [=] { std::memset(memory, value, size); }); });
}

int cuMemcpyHtoDAsync_v2(void* target, const void* source, std::size_t size, void* stream) {
  return call(__func__, [&] { enqueue(stream, [=] { std::memcpy(target, source, size); }); });
}

int cuMemcpyDtoHAsync_v2(void* target, const void* source, std::size_t size, void* stream) {
  return call(__func__, [&] { enqueue(stream, [=] { std::memcpy(target, source, size); }); });
}

int cuStreamCreate(void** stream, unsigned /*flags*/) {
  return call(__func__, [&] {
    if (has_context) *stream = new Stream;
    return has_context ? 0 : kNoContext;
  });
}

int cuStreamDestroy_v2(void* stream) {
  return call(__func__, [&] { destroy(static_cast<Stream*>(stream)); });
}

int cuStreamSynchronize(void* stream) {
  return call(__func__, [&] {
    stream_of(stream).invalid = stream_of(stream).capturing;
    return stream_of(stream).capturing ? kCaptureUnsupported : 0;
  });
}

int cuEventCreate(void** event, unsigned /*flags*/) {
  return call(__func__, [&] {
    if (has_context) *event = new Event;
    return has_context ? 0 : kNoContext;
  });
}

int cuEventDestroy_v2(void* event) {
  return call(__func__, [&] { delete static_cast<Event*>(event); });
}

int cuEventRecordWithFlags(void* event, void* stream, unsigned /*flags*/) {
  return call(__func__, [&] {
    enqueue(stream, [event] { *static_cast<Event*>(event) = {true, Clock::now()}; });
  });
}

int cuEventElapsedTime(float* milliseconds, void* begin, void* end) {
  return call(__func__, [&] {
    const auto& first = *static_cast<Event*>(begin);
    const auto& last = *static_cast<Event*>(end);
    *milliseconds = std::chrono::duration<float, std::milli>(last.at - first.at).count();
    return first.recorded && last.recorded ? 0 : kInvalidHandle;
  });
}

int cuStreamBeginCapture_v2(void* stream, int /*mode*/) {
  return call(__func__, [&] { return begin_capture(stream); });
}

/// A capture that a fault ends is over nevertheless.
int cuStreamEndCapture(void* stream, void** graph) {
  const int ended = end_capture(stream, graph);
  const int fault = call(__func__, [] {});
  if (fault != 0) delete static_cast<Graph*>(std::exchange(*graph, nullptr));
  return fault != 0 ? fault : ended;
}

int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long /*flags*/) {
  return call(__func__, [&] { *executable = new Graph(*static_cast<Graph*>(graph)); });
}

int cuGraphDestroy(void* graph) {
  return call(__func__, [&] { delete static_cast<Graph*>(graph); });
}

int cuGraphLaunch(void* executable, void* stream) {
  return call(__func__, [&] {
    enqueue(stream, [executable] {
      for (const auto& work : *static_cast<Graph*>(executable)) work();
    });
  });
}

int cuGraphExecDestroy(void* executable) {
  return call(__func__, [&] { delete static_cast<Graph*>(executable); });
}

int cuModuleLoadData(void** module, const void* /*image*/) {
  return call(__func__, [&] { *module = &dummy; });
}

int cuModuleGetFunction(void** function, void* /*module*/, const char* /*name*/) {
  return call(__func__, [&] { *function = &dummy; });
}

int cuLaunchKernel(void* /*function*/, unsigned /*grid_x*/, unsigned /*grid_y*/,
                   unsigned /*grid_z*/, unsigned /*block_x*/, unsigned /*block_y*/,
                   unsigned /*block_z*/, unsigned /*shared_bytes*/, void* stream,
                   void** /*arguments*/, void** /*extra*/) {
  return call(__func__, [&] { enqueue(stream, busy); });
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)

namespace {

template <typename Table, typename... Function>
constexpr bool fills(Function... function) {
  const Table table{function...};
  (void)table;
  return sizeof(Table) == (sizeof(function) + ...);
}

// All are here, and their signatures are those that the backend calls.
static_assert(fills<GpuTable::Nccl>(ncclGetVersion, ncclGetUniqueId, ncclCommInitRank,
                                    ncclCommDestroy, ncclCommAbort, ncclCommGetAsyncError,
                                    ncclGetErrorString, ncclGetLastError, ncclGroupStart,
                                    ncclGroupEnd, ncclAllReduce, ncclAllGather, ncclReduceScatter,
                                    ncclBroadcast, ncclSend, ncclRecv));
static_assert(fills<GpuTable::Cuda>(
    cuInit, cuDriverGetVersion, cuGetErrorString, cuDeviceGetCount, cuDeviceGet, cuDeviceGetName,
    cuDeviceGetUuid_v2, cuDeviceGetAttribute, cuDevicePrimaryCtxRetain, cuCtxSetCurrent,
    cuMemGetInfo_v2, cuMemAlloc_v2, cuMemFree_v2, cuMemsetD8Async, cuMemcpyHtoDAsync_v2,
    cuMemcpyDtoHAsync_v2, cuStreamCreate, cuStreamDestroy_v2, cuStreamSynchronize, cuEventCreate,
    cuEventDestroy_v2, cuEventRecordWithFlags, cuEventElapsedTime, cuStreamBeginCapture_v2,
    cuStreamEndCapture, cuGraphInstantiateWithFlags, cuGraphDestroy, cuGraphLaunch,
    cuGraphExecDestroy, cuModuleLoadData, cuModuleGetFunction, cuLaunchKernel));

}  // namespace
