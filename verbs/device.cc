#include "verbs/device.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "verbs/check.h"

namespace wiretax::verbs {
namespace {

struct DeviceList {
  DeviceList() : devices(check_pointer(ibv_get_device_list(&count), "ibv_get_device_list")) {}
  ~DeviceList() { ibv_free_device_list(devices); }
  DeviceList(const DeviceList&) = delete;
  DeviceList& operator=(const DeviceList&) = delete;

  int count = 0;
  ibv_device** devices;
};

Context open(const std::string& name) {
  const DeviceList list;
  const std::span all(list.devices, static_cast<std::size_t>(list.count));
  const auto found = std::ranges::find_if(
      all, [&](ibv_device* device) { return name == ibv_get_device_name(device); });
  if (found == all.end()) {
    throw_error(ENODEV, fmt::format("{}: libibverbs does not know it, although sysfs does: is the "
                                    "provider's library installed (ibverbs-providers), and "
                                    "/dev/infiniband there?",
                                    name));
  }
  return Context(check_pointer(ibv_open_device(*found), "ibv_open_device of " + name));
}

GidType type_of(std::uint32_t type) {
  switch (type) {
    case IBV_GID_TYPE_ROCE_V2:
      return GidType::kRoceV2;
    case IBV_GID_TYPE_ROCE_V1:
      return GidType::kRoceV1;
    default:
      return GidType::kInfiniBand;
  }
}

/// In a container sysfs may hide the types; the driver does not.
std::vector<Gid> driver_gids(ibv_context* context, int port, int length) {
  std::vector<ibv_gid_entry> entries(static_cast<std::size_t>(length));
  const int count = check_count(ibv_query_gid_table(context, entries.data(), entries.size(), 0),
                                "ibv_query_gid_table");
  entries.resize(static_cast<std::size_t>(count));
  std::vector<Gid> gids;
  for (const auto& entry : entries) {
    if (entry.port_num != static_cast<std::uint32_t>(port)) continue;
    Gid gid{.index = static_cast<int>(entry.gid_index),
            .raw = {},
            .type = type_of(entry.gid_type),
            .netdev = {}};
    std::memcpy(gid.raw.data(), entry.gid.raw, gid.raw.size());
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(entry.ndev_ifindex, name.data()) != nullptr) gid.netdev = name.data();
    gids.push_back(std::move(gid));
  }
  return gids;
}

std::string memlock_advice() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return fmt::format(
      " (this process may lock {} KiB: ulimit -l unlimited in the shell that starts it, or memlock "
      "in /etc/security/limits.conf; docker run --ulimit memlock=-1)",
      limit.rlim_cur / 1024);
}

}  // namespace

Device::Device(const Port& port) : port_(port), context_(open(port.device)) {
  check_number(ibv_query_device(context_.get(), &limits_), "ibv_query_device of " + port.device);
  if (port.number < 1 || port.number > limits_.phys_port_cnt) {
    throw std::invalid_argument(fmt::format("{} has no port {}: it has {}", port.device,
                                            port.number, limits_.phys_port_cnt));
  }
  ibv_port_attr attributes{};
  check_number(ibv_query_port(context_.get(), static_cast<std::uint8_t>(port.number), &attributes),
               "ibv_query_port of " + port.name());
  port_.active_mtu = mtu_bytes(attributes.active_mtu);
  largest_message_ = attributes.max_msg_sz;
  lid_ = attributes.lid;
  port_.gids = driver_gids(context_.get(), port.number, attributes.gid_tbl_len);
  protection_domain_.reset(
      check_pointer(ibv_alloc_pd(context_.get()), "ibv_alloc_pd on " + port.device));
}

RegisteredMemory register_memory(const Device& device, std::span<std::byte> memory) {
  constexpr int kAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
  auto* const region =
      ibv_reg_mr(device.protection_domain(), memory.data(), memory.size(), kAccess);
  if (region == nullptr) {
    throw_error(errno, fmt::format("ibv_reg_mr of {} bytes on {}{}", memory.size(),
                                   device.port().device, memlock_advice()));
  }
  return RegisteredMemory(region);
}

CompletionQueueHandle make_completion_queue(const Device& device, int entries) {
  const auto& name = device.port().device;
  if (entries > device.limits().max_cqe) {
    throw std::invalid_argument(
        fmt::format("{}: {} completions wanted, its limit (max_cqe) is {}: use a smaller --depth "
                    "or fewer --qps",
                    name, entries, device.limits().max_cqe));
  }
  auto* const queue = ibv_create_cq(device.context(), entries, nullptr, nullptr, 0);
  if (queue == nullptr) {
    throw_error(
        errno, fmt::format("ibv_create_cq of {} entries on {}{}", entries, name, memlock_advice()));
  }
  return CompletionQueueHandle(queue);
}

int mtu_bytes(ibv_mtu mtu) { return 128 << static_cast<int>(mtu); }

ibv_mtu mtu_code(int bytes) {
  for (const auto mtu : {IBV_MTU_256, IBV_MTU_512, IBV_MTU_1024, IBV_MTU_2048, IBV_MTU_4096}) {
    if (mtu_bytes(mtu) == bytes) return mtu;
  }
  throw std::invalid_argument(
      fmt::format("{} is no path MTU: 256, 512, 1024, 2048 and 4096 are", bytes));
}

}  // namespace wiretax::verbs
