#include "verbs/completion.h"

#include <fmt/format.h>

namespace wiretax::verbs {
namespace {

const char* name_of(ibv_wc_status status) {
  switch (status) {
    case IBV_WC_LOC_LEN_ERR:
      return "IBV_WC_LOC_LEN_ERR";
    case IBV_WC_LOC_QP_OP_ERR:
      return "IBV_WC_LOC_QP_OP_ERR";
    case IBV_WC_LOC_PROT_ERR:
      return "IBV_WC_LOC_PROT_ERR";
    case IBV_WC_WR_FLUSH_ERR:
      return "IBV_WC_WR_FLUSH_ERR";
    case IBV_WC_REM_INV_REQ_ERR:
      return "IBV_WC_REM_INV_REQ_ERR";
    case IBV_WC_REM_ACCESS_ERR:
      return "IBV_WC_REM_ACCESS_ERR";
    case IBV_WC_REM_OP_ERR:
      return "IBV_WC_REM_OP_ERR";
    case IBV_WC_RETRY_EXC_ERR:
      return "IBV_WC_RETRY_EXC_ERR";
    case IBV_WC_RNR_RETRY_EXC_ERR:
      return "IBV_WC_RNR_RETRY_EXC_ERR";
    default:
      return ibv_wc_status_str(status);
  }
}

const char* meaning_of(ibv_wc_status status) {
  switch (status) {
    case IBV_WC_LOC_LEN_ERR:
      return "a message was longer than the buffer that waited for it: do both ends use the same "
             "size?";
    case IBV_WC_LOC_QP_OP_ERR:
      return "the device refused its own request, as it also does when its port goes down";
    case IBV_WC_LOC_PROT_ERR:
      return "the local buffer is not registered for this, or its key is wrong";
    case IBV_WC_WR_FLUSH_ERR:
      return "thrown away after an earlier error on the same queue pair";
    case IBV_WC_REM_INV_REQ_ERR:
      return "the other end took the request for invalid: do both ends use the same size?";
    case IBV_WC_REM_ACCESS_ERR:
      return "the other end refused access to its memory: wrong key, or beyond what it registered";
    case IBV_WC_REM_OP_ERR:
      return "the other end failed while it served the request";
    case IBV_WC_RETRY_EXC_ERR:
      return "the other end no longer acknowledges: its process or link is down, packets are lost, "
             "a firewall drops UDP 4791, or the path carries no packets of this MTU";
    case IBV_WC_RNR_RETRY_EXC_ERR:
      return "the other end had no receive posted for too long: its process is stuck or gone";
    default:
      return "see ibv_poll_cq(3)";
  }
}

}  // namespace

std::string explain(const ibv_wc& completion) {
  return fmt::format("{} ({}, vendor error {}): {}", name_of(completion.status),
                     static_cast<int>(completion.status), completion.vendor_err,
                     meaning_of(completion.status));
}

}  // namespace wiretax::verbs
