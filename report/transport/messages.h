#pragma once

#include "report/transport/cursor.h"
#include "report/transport/log.h"

namespace wiretax {

/// Understands the text of one line, for the thread that wrote it. Unknown text is passed over;
/// unknown warnings are counted.
class Messages {
 public:
  static constexpr std::size_t kMostFailures = 64;  // of a process; they repeat each other

  Messages(NcclLog& log, NcclLog::Thread& thread)
      : log_(log), thread_(thread), process_(log.processes_[thread.process]) {}

  void take(const LogLine& line);

 private:
  void take_network(Cursor text);
  void take_ib_devices(Cursor text);
  void take_socket_interfaces(Cursor text);
  void take_virtual_device(Cursor text);
  void take_bootstrap(Cursor text);
  void take_provider(Cursor text);
  void take_channel(Cursor text);
  void take_rings(Cursor text);
  void take_version(Cursor text);
  void take_modify_qp(Cursor text);
  void take_memory(Cursor text);
  void take_completion(Cursor text);

  bool take_by_prefix(std::string_view text);
  bool take_sign(std::string_view text);
  bool take_setting(std::string_view text);
  bool take_communicator(std::string_view text);
  static void take_nodes(Membership& membership, Cursor text);
  bool take_tuning(std::string_view text);
  bool take_wrong_type(std::string_view text);
  bool take_counts(std::string_view text);

  void note(Sign sign) { process_.signs.try_emplace(sign, log_.evidence()); }
  void fail(Failure failure);
  std::string split_of(Cursor text) const;
  std::size_t add_membership(std::string handle, int rank);
  std::size_t membership_of(const std::string& handle, int rank, const std::string& communicator);
  std::size_t membership_with(int rank, int peer);
  Membership* current();

  NcclLog& log_;
  NcclLog::Thread& thread_;
  Process& process_;
};

}  // namespace wiretax
