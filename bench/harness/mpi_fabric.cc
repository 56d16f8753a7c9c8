#include "bench/harness/mpi_fabric.h"

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Sets a parameter of Open MPI, unless mpirun set it: then it has to be the same.
void set_parameter(const std::string& name, const std::string& value) {
  const auto variable = "OMPI_MCA_" + name;
  const auto present = environment(variable.c_str());
  if (!present.empty() && present != value) {
    throw Failure(ExitCode::kUsage,
                  fmt::format("mpirun sets {} to '{}', but --interface needs '{}': leave it out of "
                              "mpirun's --mca",
                              name, present, value));
  }
  setenv(variable.c_str(), value.c_str(), 1);
}

/// Whether a launcher started this process, and not a shell.
bool launched() {
  return !environment("SLURM_PROCID").empty() || !environment("PMIX_RANK").empty();
}

bool all_ranks_local() {
  // Other launchers than mpirun do not say; then the network has to be named.
  const auto local = environment("OMPI_COMM_WORLD_LOCAL_SIZE");
  return local == environment("OMPI_COMM_WORLD_SIZE") && (!local.empty() || !launched());
}

std::string default_interface() {
  if (auto named = environment("OMPI_MCA_btl_tcp_if_include"); !named.empty()) return named;
  if (all_ranks_local()) return "lo";
  throw Failure(
      ExitCode::kUsage,
      "--interface is needed across hosts: the NAME or network that MPI is to be timed on");
}

/// A text setting of the running MPI library through MPI_T: what is in force, not what was asked
/// for.
std::string mpi_setting(const char* name) {
  int provided = 0;
  int index = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return {};
  std::string value;
  MPI_T_cvar_handle handle = nullptr;
  int length = 0;
  if (MPI_T_cvar_get_index(name, &index) == MPI_SUCCESS &&
      MPI_T_cvar_handle_alloc(index, nullptr, &handle, &length) == MPI_SUCCESS) {
    value.resize(static_cast<std::size_t>(length) + 1);
    if (MPI_T_cvar_read(handle, value.data()) != MPI_SUCCESS) value.clear();
    value.resize(std::strlen(value.c_str()));
    MPI_T_cvar_handle_free(&handle);
  }
  MPI_T_finalize();
  return value;
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string_view whole(text.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.find(',')));
}

}  // namespace

void MpiFabric::pin(const std::string& wanted) {
  shared_memory_ = wanted == "shm";
  set_parameter("pml", "ob1");
  if (shared_memory_) {
    if (!all_ranks_local()) {
      throw Failure(ExitCode::kUsage, "--interface shm: shared memory does not reach other hosts");
    }
    interface_.name = "shm";
    set_parameter("btl", "vader,self");
    return;
  }
  interface_ = find_interface(interfaces(), wanted.empty() ? default_interface() : wanted);
  set_parameter("btl", "tcp,self");
  setenv("OMPI_MCA_btl_tcp_if_include", interface_.name.c_str(), 1);
}

void MpiFabric::verify(const Session& /*session*/) const {
  const auto btl = mpi_setting("btl");
  const auto wanted = shared_memory_ ? "vader,self" : "tcp,self";
  if (btl != wanted) {
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("MPI uses btl '{}' where '{}' was asked for", btl, wanted));
  }
  if (shared_memory_) return;
  const auto used = mpi_setting("btl_tcp_if_include");
  if (used != interface_.name) {
    throw Failure(
        ExitCode::kEnvironment,
        fmt::format("MPI uses interface '{}' where '{}' was asked for", used, interface_.name));
  }
}

std::optional<double> MpiFabric::bound(const Session& session) const {
  for (int a = 0; a < session.ranks.size(); ++a) {
    for (int b = 0; b < a; ++b) {
      if (session.same_network_stack(a, b)) return std::nullopt;
    }
  }
  return tcp_bound(interface_);
}

std::map<std::string, std::string> MpiFabric::context(const Session& session) const {
  const bool one_stack = session.one_network_stack();
  const auto* const network_kind = one_stack ? "loopback" : "host_mpi";
  std::map<std::string, std::string> entries;
  entries["wiretax_fabric"] = Json("mpi " + interface_.name).dump();
  entries["wiretax_fabric_kind"] = Json(shared_memory_ ? "shared_memory" : network_kind).dump();
  if (!shared_memory_ && !one_stack) entries["wiretax_fabric_path"] = Json("tcp").dump();
  entries["transport"] =
      Json(fmt::format("pml {}, btl {}", mpi_setting("pml"), mpi_setting("btl"))).dump();
  entries["libraries"] = Json(mpi_version()).dump();
  if (shared_memory_) return entries;
  entries["interface"] =
      Json(fmt::format("{} {}/{}", interface_.name, format_address(interface_.address),
                       interface_.prefix_length))
          .dump();
  entries["mtu"] = Json(interface_.mtu).dump();
  return entries;
}

}  // namespace wiretax::bench
