#pragma once

// What messages cost on a fabric, and by which rule where no curve of their own was measured.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/fabric.h"
#include "report/traffic.h"

namespace wiretax {

Band operator*(const Band& band, double factor);
Band operator+(const Band& a, const Band& b);

/// What stands for a send_recv that nobody measured.
enum class HopRule { kNone, kRingStep, kReturn };

/// Messages that are equal, and the seconds of one.
struct PricedMessage {
  Message message;
  std::uint64_t ranks = 2;  // that take part
  HopRule hop = HopRule::kNone;
  Band each_s;

  [[nodiscard]] Band all_s() const;
};

/// Where the time of a message comes from: a time on a curve, and what it is multiplied with.
struct PriceBasis {
  std::string curve;  // its operation, and its ranks where they are others; empty: a constant
  double bytes = 0;   // at which the curve is read
  CurveTime time;
  double factor = 1;
  std::string rule;  // in words; empty where the message's own curve was measured
};

/// What has to be said of a time that no measured sizes nearby give; empty where they do.
std::string unmeasured_note(std::string_view curve, const CurveTime& time);

/// A fabric of `ranks` on which messages take no time: where only the rest of a step is wanted.
Fabric silent_fabric(std::uint64_t ranks);

/// Prices messages on one fabric and writes down what it had to assume.
class Pricer {
 public:
  explicit Pricer(const Fabric& fabric) : fabric_(fabric) {}

  PricedMessage price(const Message& message, std::uint64_t ranks);
  std::vector<PricedMessage> price(const std::vector<Message>& messages, std::uint64_t ranks);
  /// A micro-batch's way through the stages. Without a curve the two tensors of a hop are one.
  std::vector<PricedMessage> price_hops(const std::vector<Message>& messages);

  [[nodiscard]] PriceBasis basis(const PricedMessage& priced);
  void note(std::string text);
  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  struct Source {
    const Curve* curve;
    std::uint64_t ranks;
  };

  Source find(Curve Curves::*curve, std::uint64_t ranks) const;
  PriceBasis read(const char* operation, const Source& source, double bytes, double factor,
                  std::string rule);
  PriceBasis all_reduce(double bytes, std::uint64_t ranks, double factor, std::string rule);
  PriceBasis half_ring(const char* operation, Curve Curves::*curve, double bytes,
                       std::uint64_t ranks);
  PriceBasis all_to_all(double bytes, std::uint64_t ranks);
  PriceBasis send_recv(double bytes, HopRule hop);
  [[nodiscard]] Band seconds(const PriceBasis& basis) const;

  const Fabric& fabric_;
  std::vector<std::string> notes_;
};

/// The band in whole: priced messages one after the other.
Band total_seconds(const std::vector<PricedMessage>& messages);

}  // namespace wiretax
