#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wiretax {

/// What an article says beside its tokens per second, worked out again. `kind` is one of
///   perftest    MBps, said_Gbps: perftest's MB/s are 2^20 bytes
///   bandwidth   operation, bytes, time_us, ranks: algorithm and bus bandwidth
///   line        two points (bytes, bus_GBps), at_bytes, known_us: alpha and beta, and their miss
///   hops        model, low_us, high_us, known_low_us, known_high_us: all-reduces of a token
///   simulator   model, ranks, link_GiBps, link_latency_ns, memory_GBps, row, log
///   split       model, ranks, memory_GBps, low_us, high_us: is tensor parallelism slower?
///   ratio       what, high, low, said
/// Throws InputError with `origin` and the field.
std::string work_out(const nlohmann::json& statement, const std::string& origin);

}  // namespace wiretax
