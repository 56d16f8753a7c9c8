// Two threads play two ranks, over real TCP connections on loopback.

#include "bench/harness/tcp_bodies.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <span>
#include <thread>
#include <utility>

#include "bench/harness/tcp_handshake.h"
#include "bench/harness/tcp_links_body.h"

namespace wiretax::bench {
namespace {

using Streams = std::vector<Descriptor>;

/// Connected pairs of sockets: the sender's ends and the receiver's.
std::pair<Streams, Streams> connected(std::size_t count) {
  const Descriptor listener(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener.number(), generic, length), 0);
  EXPECT_EQ(listen(listener.number(), static_cast<int>(count)), 0);
  EXPECT_EQ(getsockname(listener.number(), generic, &length), 0);
  Streams from;
  Streams to;
  for (std::size_t i = 0; i < count; ++i) {
    from.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(from.back().number(), generic, length), 0);
    to.emplace_back(accept(listener.number(), nullptr, nullptr));
  }
  return {std::move(from), std::move(to)};
}

constexpr StreamPair kPair = {{.from = 0, .to = 1}};

/// Runs the same on both ranks at once; the failures of each, or "".
template <typename Action>
std::pair<std::string, std::string> on_both(Body& from, Body& to, Action action) {
  std::pair<std::string, std::string> failures;
  const auto guarded = [&](Body& body, std::string& failure) {
    try {
      action(body);
    } catch (const std::exception& error) {
      failure = error.what();
      body.hang_up();
    }
  };
  std::jthread other([&] { guarded(to, failures.second); });
  guarded(from, failures.first);
  other.join();
  return failures;
}

const std::pair<std::string, std::string> kNoFailures = {"", ""};

class Waitings : public ::testing::TestWithParam<Waiting> {};

TEST_P(Waitings, StreamsShareTheBlocksOfManyBatches) {
  auto [from, to] = connected(4);
  BandwidthBody sender(kPair, 0, 0, std::move(from), GetParam(), 10'000, {});
  BandwidthBody receiver(kPair, 0, 1, std::move(to), GetParam(), 10'000, {});
  for (int batch = 0; batch < 5; ++batch) {
    EXPECT_EQ(on_both(sender, receiver, [](Body& body) { body.run(50); }), kNoFailures);
  }
  EXPECT_EQ(on_both(sender, receiver, [](Body& body) { body.check(); }), kNoFailures);
  const auto evidence = nlohmann::json::parse(sender.evidence());
  if (evidence.empty()) GTEST_SKIP() << "whoever runs this does not tell what TCP counted";
  EXPECT_GE(evidence["sent"], 5 * 50 * 4 * 10'000 + 4 * 10'000) << "what is sent again counts too";
}

TEST_P(Waitings, LinksShareTheBlocksAndTheReceiverTellsWhatEachDid) {
  auto [from, to] = connected(4);
  verbs::Port port;
  port.netdev = "lo";
  const std::vector<verbs::Port> ports = {port, port};
  constexpr std::uint64_t kBytes = 10'000;
  TcpLinksBody sender(kPair, 0, 0, std::move(from), ports, GetParam(), kBytes, {});
  TcpLinksBody receiver(kPair, 0, 1, std::move(to), ports, GetParam(), kBytes, {});
  for (int batch = 0; batch < 3; ++batch) {
    EXPECT_EQ(on_both(sender, receiver, [](Body& body) { body.run(2); }), kNoFailures);
  }
  EXPECT_EQ(on_both(sender, receiver, [](Body& body) { body.check(); }), kNoFailures);
  const auto seen = decode_links_together(receiver.evidence());
  ASSERT_EQ(seen.links.size(), 2U);
  EXPECT_EQ(seen.links[0].bytes + seen.links[1].bytes,
            3.0 * 2 * TcpLinksBody::kBlocks * 4 * kBytes);
  for (const auto& link : seen.links) {
    EXPECT_EQ(link.port, "lo");
    EXPECT_GE(link.common_bytes, 0);
    EXPECT_LE(link.common_bytes, link.bytes);
  }
  EXPECT_GE(seen.overlap(), 0);
  EXPECT_LE(seen.overlap(), 1);
  const auto sent = decode_links_together(sender.evidence());
  EXPECT_EQ(sent.links[0].bytes, 0) << "a sender knows only what it has buffered";
  EXPECT_GE(sent.links[0].growth.at("netdev_tx_bytes"), seen.links[0].bytes);
  receiver.begin_measuring();
  EXPECT_EQ(decode_links_together(receiver.evidence()).overlap(), 0) << "that was the warm-up";
}

TEST_P(Waitings, RoundTripsComeBackUnchanged) {
  auto [from, to] = connected(1);
  RoundTripBody here(kPair, 0, 0, std::move(from), GetParam(), 70'000);
  RoundTripBody there(kPair, 0, 1, std::move(to), GetParam(), 70'000);
  EXPECT_EQ(on_both(here, there, [](Body& body) { body.run(20); }), kNoFailures);
  EXPECT_EQ(on_both(here, there, [](Body& body) { body.check(); }), kNoFailures);
  EXPECT_EQ(here.group(), 0);
  EXPECT_EQ(there.group(), Body::kIdle) << "only the rank that begins a round trip can time it";
}

INSTANTIATE_TEST_SUITE_P(Waiting, Waitings,
                         ::testing::Values(Waiting::kBlocking, Waiting::kBusyPoll));

/// A connection to the door, with nothing sent yet.
Descriptor knock(const Door& door) {
  Descriptor visitor(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(door.address);
  address.sin_port = htons(door.port);
  EXPECT_EQ(connect(visitor.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return visitor;
}

TEST(Listener, WaitsForAHelloThatComesLateAndForNobodyElse) {
  Listener listener(INADDR_LOOPBACK, 2);
  const auto silent = knock(listener.door());
  const auto stranger = knock(listener.door());
  send_all(stranger, std::vector<std::byte>(sizeof(Hello)), Waiting::kBlocking);
  std::vector<Descriptor> mine;
  std::jthread peer([&] {
    mine.push_back(connect_stream(INADDR_LOOPBACK, listener.door(), 1));
    mine.push_back(knock(listener.door()));
    usleep(100'000);  // the listener has accepted by now, and waits for the hello alone
    const Hello hello = {.token = listener.door().token, .stream = 0};
    send_all(mine.back(), std::as_bytes(std::span(&hello, 1)), Waiting::kBlocking);
  });
  const auto streams = listener.accept_streams(2);
  peer.join();
  std::vector<std::byte> word(3);
  send_all(streams[0], std::vector<std::byte>(3, std::byte{7}), Waiting::kBlocking);
  receive_all(mine[1], word, Waiting::kBlocking);
  EXPECT_EQ(word[2], std::byte{7})
      << "streams are told apart by their number, not by when they came";
}

TEST(Listener, SaysHowManyConnectionsCame) {
  Listener listener(INADDR_LOOPBACK, 2);
  const auto silent = knock(listener.door());
  try {
    listener.accept_streams(1);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kPeer);
    EXPECT_THAT(failure.what(), ::testing::HasSubstr("0 of 1 connections reached 127.0.0.1"));
  }
}

TEST(TcpBodies, WrongDataIsFound) {
  auto [from, to] = connected(1);
  std::vector<std::byte> garbage(100, std::byte{1});
  BandwidthBody receiver(kPair, 0, 1, std::move(to), Waiting::kBlocking, 100, {});
  send_all(from.front(), garbage, Waiting::kBlocking);
  try {
    receiver.check();
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kDataMismatch);
    EXPECT_THAT(failure.what(), ::testing::HasSubstr("wrong data at byte"));
  }
}

TEST(TcpBodies, APeerThatHangsUpEndsAllStreamsAtOnce) {
  auto [from, to] = connected(3);
  BandwidthBody receiver(kPair, 0, 1, std::move(to), Waiting::kBlocking, 100, {});
  std::jthread leaver([&streams = from] { streams.clear(); });
  try {
    receiver.run(1000);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kPeer);
  }
}

TEST(TcpBodies, ARankOutsideThePairDoesNothing) {
  BandwidthBody idle(StreamPair{}, 0, 2, {}, Waiting::kBlocking, 100, {});
  idle.run(1'000'000);
  idle.check();
  EXPECT_EQ(idle.group(), Body::kIdle);
}

}  // namespace
}  // namespace wiretax::bench
