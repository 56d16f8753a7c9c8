#pragma once

// One function for each of the verbs' return conventions, as their man pages give them: reading
// errno after a call that returns its error number would tell of another error. All throw
// std::system_error that names the call.

#include <cerrno>
#include <string>
#include <system_error>

namespace wiretax::verbs {

[[noreturn]] inline void throw_error(int code, const std::string& call) {
  throw std::system_error(code, std::generic_category(), call);
}

/// ibv_open_device, ibv_alloc_pd, ibv_reg_mr, ibv_create_cq, ibv_create_qp: null, and errno.
template <typename T>
T* check_pointer(T* pointer, const std::string& call) {
  if (pointer == nullptr) throw_error(errno, call);
  return pointer;
}

/// ibv_query_device, ibv_query_port, ibv_modify_qp, ibv_post_recv: 0, or the error number itself.
inline void check_number(int result, const std::string& call) {
  if (result != 0) throw_error(result, call);
}

/// librdmacm: 0, or -1 and errno.
inline void check_errno(int result, const std::string& call) {
  if (result != 0) throw_error(errno, call);
}

/// ibv_query_gid_table: how many, or an error number below 0.
inline int check_count(long result, const std::string& call) {
  if (result < 0) throw_error(static_cast<int>(-result), call);
  return static_cast<int>(result);
}

}  // namespace wiretax::verbs
