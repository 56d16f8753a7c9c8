#include "collectives/nccl/gpu.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <stdexcept>
#include <utility>

#include "collectives/nccl/read_memory.h"
#include "report/units.h"

namespace wiretax::collectives {
namespace {

// cuda.h
constexpr unsigned kNonBlocking = 1;  // CU_STREAM_NON_BLOCKING: waits for no default stream
constexpr int kThreadLocal = 1;       // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
constexpr unsigned kInGraphs = 1;     // CU_EVENT_RECORD_EXTERNAL: a node that is timed
constexpr int kMultiprocessors = 16;  // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
constexpr int kIntegrated = 18;       // CU_DEVICE_ATTRIBUTE_INTEGRATED
constexpr int kOutOfMemory = 2;       // CUDA_ERROR_OUT_OF_MEMORY

constexpr std::size_t kVector = 16;                        // bytes that a thread reads at once
constexpr std::size_t kReadFrom = std::size_t{256} << 20;  // more than the caches of an H200
constexpr unsigned kThreads = 512;
constexpr unsigned kBlocks = 3;  // for every multiprocessor: 1536 threads fit on each of GB10's

std::string explain(const GpuTable::Cuda& cuda, int result, const char* call) {
  const char* text = nullptr;
  cuda.error_string(result, &text);
  return fmt::format("{}: CUDA error {} ({})", call, result, text == nullptr ? "unknown" : text);
}

void check_cuda(const GpuTable::Cuda& cuda, int result, const char* call) {
  if (result != 0) throw LibraryError(explain(cuda, result, call));
}

}  // namespace

int gpu_count(const GpuTable& table) {
  check_cuda(table.cuda, table.cuda.init(0), "cuInit");
  int count = 0;
  check_cuda(table.cuda, table.cuda.device_count(&count), "cuDeviceGetCount");
  return count;
}

GpuIdentity identify_gpu(const GpuTable& table, int ordinal) {
  const auto& cuda = table.cuda;
  int device = 0;
  check_cuda(cuda, cuda.device(&device, ordinal), "cuDeviceGet");
  std::array<char, 256> name{};
  check_cuda(cuda, cuda.device_name(name.data(), static_cast<int>(name.size()) - 1, device),
             "cuDeviceGetName");
  std::array<unsigned char, 16> uuid{};
  check_cuda(cuda, cuda.device_uuid(&uuid, device), "cuDeviceGetUuid");
  int integrated = 0;
  check_cuda(cuda, cuda.device_attribute(&integrated, kIntegrated, device), "cuDeviceGetAttribute");
  int version = 0;
  check_cuda(cuda, cuda.driver_version(&version), "cuDriverGetVersion");
  return {name.data(), fmt::format("{:02x}", fmt::join(uuid, "")), integrated != 0,
          fmt::format("{}.{}", version / 1000, version % 1000 / 10)};
}

/// What was captured, ready to be launched.
class Gpu::Graph : public Queue::Recording {
 public:
  Graph(Gpu& gpu, void* executable, double bytes)
      : gpu_(gpu), executable_(executable), bytes_(bytes) {}
  ~Graph() override { gpu_.table().cuda.destroy_executable(executable_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void enqueue() override {
    gpu_.expect(bytes_);
    gpu_.check(gpu_.table().cuda.launch_graph(executable_, gpu_.stream()), "cuGraphLaunch");
  }

 private:
  Gpu& gpu_;
  void* executable_;
  double bytes_;
};

struct Gpu::Reader {
  void* function = nullptr;
  unsigned blocks = 0;
  std::shared_ptr<std::byte> memory;
  std::shared_ptr<std::byte> sink;
  double bytes_per_s = 0;

  [[nodiscard]] std::uint64_t vectors(double seconds) const {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(seconds * bytes_per_s) / kVector);
  }
};

Gpu::Gpu(std::shared_ptr<const GpuTable> table, int ordinal, double patience_s)
    : table_(std::move(table)), watchdog_(table_, patience_s) {
  const auto& cuda = table_->cuda;
  check(cuda.init(0), "cuInit");
  check(cuda.device(&device_, ordinal), "cuDeviceGet");
  check(cuda.retain_context(&context_, device_), "cuDevicePrimaryCtxRetain");
  check(cuda.set_context(context_), "cuCtxSetCurrent");
  check(cuda.create_stream(&stream_, kNonBlocking), "cuStreamCreate");
}

// The context ends with the program: NCCL has threads that may still use it.
Gpu::~Gpu() {
  for (const auto& [number, event] : events_) table_->cuda.destroy_event(event);
  reader_.reset();
  table_->cuda.destroy_stream(stream_);
}

void Gpu::check(int result, const char* call) const { check_cuda(table_->cuda, result, call); }

int Gpu::attribute(int number) const {
  int value = 0;
  check(table_->cuda.device_attribute(&value, number, device_), "cuDeviceGetAttribute");
  return value;
}

std::shared_ptr<std::byte> Gpu::allocate(std::size_t bytes) {
  void* memory = nullptr;
  const int result = table_->cuda.allocate(&memory, bytes);
  if (result == kOutOfMemory) {
    std::size_t free = 0;
    std::size_t total = 0;
    check(table_->cuda.memory_info(&free, &total), "cuMemGetInfo");
    // As of a wrong option: other sizes fit.
    throw std::invalid_argument(
        fmt::format("{} of the GPU's memory are needed and {} of {} are free: choose smaller "
                    "--bytes, or end what uses the GPU",
                    format_bytes(bytes), format_bytes(free), format_bytes(total)));
  }
  check(result, "cuMemAlloc");
  return {static_cast<std::byte*>(memory),
          [table = table_](std::byte* allocated) { table->cuda.free(allocated); }};
}

void Gpu::set(std::byte* memory, std::uint8_t value, std::size_t bytes) {
  check(table_->cuda.set_bytes(memory, value, bytes, stream_), "cuMemsetD8Async");
  await();
}

void Gpu::to_device(std::byte* target, const void* source, std::size_t bytes) {
  check(table_->cuda.to_device(target, source, bytes, stream_), "cuMemcpyHtoDAsync");
  await();
}

void Gpu::to_host(void* target, const std::byte* source, std::size_t bytes) {
  check(table_->cuda.to_host(target, source, bytes, stream_), "cuMemcpyDtoHAsync");
  await();
}

void Gpu::expect(double bytes) {
  watchdog_.check();
  if (recording_) {
    recorded_bytes_ += bytes;
  } else {
    watchdog_.expect(bytes);
  }
}

void Gpu::await() {
  const int result = table_->cuda.synchronize(stream_);
  watchdog_.rest();
  watchdog_.check();  // its reason is the better one
  check(result, "cuStreamSynchronize");
}

std::unique_ptr<Queue::Recording> Gpu::record(const std::function<void()>& work) {
  const auto& cuda = table_->cuda;
  const auto cannot = [&](const std::string& reason) {
    return LibraryError("this cannot be captured in a CUDA graph (" + reason +
                        "): --launch eager measures without");
  };
  check(cuda.begin_capture(stream_, kThreadLocal), "cuStreamBeginCapture");
  recording_ = true;
  recorded_bytes_ = 0;
  std::string problem;
  std::exception_ptr lost;
  try {
    work();
  } catch (const LibraryError& error) {
    problem = error.what();
  } catch (...) {
    lost = std::current_exception();
  }
  recording_ = false;
  void* graph = nullptr;
  const int ended = cuda.end_capture(stream_, &graph);
  if (lost) std::rethrow_exception(lost);
  watchdog_.check();
  if (!problem.empty()) throw cannot(problem);
  if (ended != 0) throw cannot(explain(cuda, ended, "cuStreamEndCapture"));
  void* executable = nullptr;
  const int result = cuda.instantiate(&executable, graph, 0);
  cuda.destroy_graph(graph);
  if (result != 0) throw cannot(explain(cuda, result, "cuGraphInstantiate"));
  return std::make_unique<Graph>(*this, executable, recorded_bytes_);
}

void Gpu::mark(std::size_t number) {
  auto& event = events_[number];
  if (event == nullptr) check(table_->cuda.create_event(&event, 0), "cuEventCreate");
  check(table_->cuda.record_event(event, stream_, recording_ ? kInGraphs : 0), "cuEventRecord");
}

double Gpu::between(std::size_t begin, std::size_t end) {
  float milliseconds = 0;
  check(table_->cuda.elapsed_ms(&milliseconds, events_.at(begin), events_.at(end)),
        "cuEventElapsedTime");
  return milliseconds * 1e-3;
}

Gpu::Reader& Gpu::reader() {
  if (reader_) return *reader_;
  const auto& cuda = table_->cuda;
  auto reader = std::make_unique<Reader>();
  void* module = nullptr;
  check(cuda.load_module(&module, kReadMemory), "cuModuleLoadData");
  check(cuda.function(&reader->function, module, "read_memory"), "cuModuleGetFunction");
  reader->blocks = kBlocks * static_cast<unsigned>(attribute(kMultiprocessors));
  reader->memory = allocate(kReadFrom);
  reader->sink = allocate(std::size_t{reader->blocks} * kThreads * sizeof(std::uint32_t));
  set(reader->memory.get(), 1, kReadFrom);
  reader_ = std::move(reader);
  // Once to warm up, once to know how fast it is.
  constexpr std::size_t kBegin = SIZE_MAX - 1;
  constexpr std::size_t kEnd = SIZE_MAX;
  for (int i = 0; i < 2; ++i) {
    mark(kBegin);
    read(4 * kReadFrom / kVector);
    mark(kEnd);
    await();
  }
  reader_->bytes_per_s = 4 * static_cast<double>(kReadFrom) / between(kBegin, kEnd);
  return *reader_;
}

void Gpu::read(std::uint64_t vectors) {
  auto* memory = reader_->memory.get();
  auto* sink = reader_->sink.get();
  std::uint64_t mask = kReadFrom / kVector - 1;
  static_assert(std::has_single_bit(kReadFrom));
  std::array<void*, 4> arguments = {&memory, &mask, &vectors, &sink};
  check(table_->cuda.launch(reader_->function, reader_->blocks, 1, 1, kThreads, 1, 1, 0, stream_,
                            arguments.data(), nullptr),
        "cuLaunchKernel");
}

void Gpu::pause(double seconds) { read(reader().vectors(seconds)); }

double Gpu::pause_bytes(double seconds) {
  return static_cast<double>(reader().vectors(seconds) * kVector);
}

}  // namespace wiretax::collectives
