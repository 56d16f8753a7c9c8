// Operations that failed after the network was chosen.

#include <algorithm>
#include <array>

#include "report/transport/messages.h"

namespace wiretax {
namespace {

/// NCCL 2.18 prints only the text of an errno.
constexpr std::array<std::pair<std::string_view, int>, 6> kErrors = {{
    {"Connection timed out", 110},
    {"No data available", 61},
    {"Invalid argument", 22},
    {"Network is unreachable", 101},
    {"No route to host", 113},
    {"Cannot allocate memory", 12},
}};

/// "110 Connection timed out, ...", "error Connection timed out errno 110" or "error Connection
/// timed out".
int errno_of(std::string_view text) {
  Cursor cursor(text);
  if (const auto code = cursor.number()) return *code;
  if (Cursor behind(text); behind.skip_past(" errno ")) return behind.number().value_or(0);
  for (const auto& [name, code] : kErrors) {
    if (text.find(name) != std::string_view::npos) return code;
  }
  return 0;
}

std::string word_behind(std::string_view text, std::string_view label) {
  Cursor cursor(text);
  return cursor.skip_past(label) ? std::string(cursor.until(" :,")) : std::string();
}

}  // namespace

void Messages::fail(Failure failure) {
  const auto same = [&](const Failure& other) {
    return other.kind == failure.kind && other.code == failure.code &&
           other.device == failure.device;
  };
  if (process_.failures.size() < kMostFailures && std::ranges::none_of(process_.failures, same)) {
    process_.failures.push_back(std::move(failure));
  }
}

void Messages::take_modify_qp(Cursor text) {
  const auto rest = text.rest();
  if (rest.find(", retrying ") != std::string_view::npos) return;  // not given up yet
  const bool link_local = rest.find("local GID fe80") != std::string_view::npos;
  fail({Failure::Kind::kQueuePair, errno_of(rest), 0, link_local, word_behind(rest, "on dev "),
        log_.evidence()});
}

/// "mr failed with error Cannot allocate memory errno 12". Others are tried in another way, and
/// said elsewhere.
void Messages::take_memory(Cursor text) {
  if (!text.skip_past(" failed with ")) return;
  if (errno_of(text.rest()) != 12) return;
  fail({Failure::Kind::kMemory, 12, 0, false, {}, log_.evidence()});
}

/// "with status=12", "with status=IBV_WC_RETRY_EXC_ERR(12)" since 2.28, "with error 12" in 2.18.
void Messages::take_completion(Cursor text) {
  if (!text.skip_past(" with ")) return;
  if (!text.skip("status=")) text.skip("error ");
  auto code = text.number();
  if (!code && text.skip_past("(")) code = text.number();
  if (!code) return;
  fail({Failure::Kind::kCompletion, *code, 0, false, word_behind(text.rest(), " hca "),
        log_.evidence()});
}

}  // namespace wiretax
