// Goal: whatever the servers of a cluster do to a command, it is answered once, rightly, in time, and by the right
// server; and the map changes when it should and only then. Method: a whole cluster and the client's side of it on one
// thread over a clock and a network in memory (sim_cluster.hpp): every step can be looked at, and every figure is
// exact.
#include "sim_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace envoyou::redis::fleet_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// "foo" is slot 12182, of the third of three servers; "bar" is 5061, of the first; "b" is 3300, of the first; "hello"
// is 866.
constexpr Slot kFoo = 12182;

std::unique_ptr<SimFleet> known(std::uint16_t servers = 3) {
  auto sim = std::make_unique<SimFleet>(servers);
  sim->settle();
  EXPECT_TRUE(sim->router->board().is_up());
  return sim;
}

std::vector<std::string> data_asked(SimServer& server) {
  auto all = server.asked();
  std::erase_if(all, [](const std::string& line) { return line.starts_with("CLUSTER"); });
  return all;
}

TEST(Fleet, LearnsTheMapFromOneSeedAndSendsEachKeyToItsServer) {
  auto sim = known();
  EXPECT_EQ(sim->ports(), (std::set<std::uint16_t>{1, 2, 3}));
  const auto foo = sim->submit(get("foo"));
  const auto bar = sim->submit(get("bar"));
  sim->settle();
  EXPECT_EQ((**foo).value(), "value of foo");
  EXPECT_EQ((**bar).value(), "value of bar");
  EXPECT_THAT(data_asked(sim->cluster.server(3)), ElementsAre("GET foo"));
  EXPECT_THAT(data_asked(sim->cluster.server(1)), ElementsAre("GET bar"));
  EXPECT_THAT(sim->recorder->told, Contains("answered"));
}

TEST(Fleet, HoldsCommandsUntilItKnowsTheMap) {
  SimFleet sim;
  const auto early = sim.submit(get("foo"));
  EXPECT_EQ(outcome(early), "pending");
  sim.settle();
  EXPECT_EQ((**early).value(), "value of foo");
}

TEST(Fleet, FollowsMovedAndAsksForTheMapOnceForAStormOfThem) {
  auto sim = known();
  const int asked = sim->cluster.maps_asked;
  for (auto& owner : sim->cluster.owner) owner = owner == 3 ? 1 : owner;
  sim->cluster.told = sim->cluster.owner;
  sim->cluster.epoch = 2;
  std::vector<std::shared_ptr<std::optional<Result<std::optional<std::string>>>>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(sim->submit(get("{foo}" + std::to_string(i))));
  sim->run_for(50ms);
  for (const auto& answer : answers) EXPECT_EQ(outcome(answer), "ok");
  EXPECT_LE(sim->cluster.maps_asked - asked, 3);  // one question to each of them
  sim->run_for(2s);
  EXPECT_EQ(sim->ports(), (std::set<std::uint16_t>{1, 2}));
  const std::size_t before = data_asked(sim->cluster.server(3)).size();
  sim->submit(get("foo"));
  sim->settle();
  EXPECT_EQ(data_asked(sim->cluster.server(3)).size(), before);
}

TEST(Fleet, FollowsMovedToANodeNotSeenBeforeWithTheSameSettings) {
  auto sim = std::make_unique<SimFleet>();
  sim->options.tls.enabled = true;
  sim->options.password = "secret";
  sim->settle();
  sim->cluster.owner[kFoo] = 9;  // nobody has heard of it, and the map does not tell yet
  const auto answer = sim->submit(set("foo", "v", Repeat::kNever));
  sim->run_for(20ms);
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_THAT(data_asked(sim->cluster.server(9)), ElementsAre("SET foo v"));
  ASSERT_GE(sim->made.size(), 4u);
  for (const ClientOptions& options : sim->made) {
    EXPECT_TRUE(options.tls.enabled);
    EXPECT_EQ(options.password, "secret");
  }
}

TEST(Fleet, SaysThatANodeItIsSentToCannotBeDialled) {
  auto sim = known();
  sim->unreachable.insert(9);
  sim->cluster.owner[kFoo] = 9;
  const auto answer = sim->submit(get("foo"));
  sim->settle();
  EXPECT_EQ(outcome(answer), "redirect");
}

TEST(Fleet, SendsAskingRightBeforeTheCommandAndKeepsTheMap) {
  auto sim = known();
  sim->cluster.handler = [&](std::uint16_t port, const Argv& argv) -> std::optional<std::string> {
    if (argv.size() < 2 || argv[1] != "foo") return std::nullopt;
    if (port == 3) return "-ASK 12182 10.0.0.1:2\r\n";
    return port == 2 ? std::optional<std::string>("$3\r\nnew\r\n") : std::nullopt;
  };
  const int asked = sim->cluster.maps_asked;
  const auto answer = sim->submit(get("foo"));
  const auto other = sim->submit(get("bar"));
  sim->settle();
  EXPECT_EQ((**answer).value(), "new");
  EXPECT_EQ((**other).value(), "value of bar");
  EXPECT_THAT(data_asked(sim->cluster.server(2)), ElementsAre("ASKING", "GET foo"));
  EXPECT_EQ(sim->cluster.maps_asked, asked);
  EXPECT_EQ(sim->router->stats().late_replies, 0u);
}

TEST(Fleet, GivesUpAtTheDeadlineWhereServersSendACommandToEachOther) {
  auto sim = known();
  int hops = 0;
  sim->cluster.handler = [&](std::uint16_t port, const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "INCR") return std::nullopt;
    ++hops;
    return "-MOVED 12182 10.0.0.1:" + std::to_string(port == 3 ? 2 : 3) + "\r\n";
  };
  const auto answer = sim->submit(incr("foo"));
  sim->settle();
  EXPECT_EQ(hops, 1 + Fleet::kMaxHops);
  EXPECT_EQ(outcome(answer), "pending");  // a moment's rest
  sim->run_for(100ms);
  EXPECT_EQ(outcome(answer), "redirect");
  EXPECT_LE(hops, 6 * (1 + Fleet::kMaxHops));
  sim->run_for(1s);
  EXPECT_LE(hops, 6 * (1 + Fleet::kMaxHops));
}

TEST(Fleet, TriesAgainAfterAMomentWhatWasRefusedForNow) {
  for (const char* later : {"TRYAGAIN", "CLUSTERDOWN The cluster is down", "LOADING", "MASTERDOWN"}) {
    auto sim = known();
    int refusals = 3;
    sim->cluster.handler = [&](std::uint16_t, const Argv& argv) -> std::optional<std::string> {
      if (argv[0] != "INCR" || refusals-- <= 0) return std::nullopt;
      return "-" + std::string(later) + "\r\n";
    };
    const auto answer = sim->submit(incr("foo"));
    sim->run_for(27ms);  // 4 + 8 + 16
    EXPECT_EQ(outcome(answer), "pending") << later;
    sim->run_for(1ms);
    EXPECT_EQ(outcome(answer), "ok") << later;
    EXPECT_EQ(data_asked(sim->cluster.server(3)).size(), 4u);
  }
}

TEST(Fleet, TellsWhatItWasRefusedForWhenTimeRunsOut) {
  auto sim = known();
  sim->cluster.handler = [](std::uint16_t, const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "INCR") return std::nullopt;
    return "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
  };
  const auto answer = sim->submit(incr("foo"), 50ms);
  sim->run_for(50ms);
  EXPECT_EQ(outcome(answer), "loading");
  EXPECT_THAT(message(answer), HasSubstr("TRYAGAIN"));
}

TEST(Fleet, RefusesTheKeysOfADeadShardAtOnceWhileTheOthersGoOn) {
  auto sim = known();
  sim->cluster.server(3).refuses = true;
  sim->cluster.server(3).drop_links();
  sim->run_for(10ms);
  const auto dead = sim->submit(get("foo"));
  EXPECT_EQ(outcome(dead), "unavailable");
  const auto alive = sim->submit(get("bar"));
  sim->settle();
  EXPECT_EQ(outcome(alive), "ok");
  EXPECT_TRUE(sim->router->board().is_up());
  EXPECT_THAT(sim->recorder->told, Not(Contains(HasSubstr("refused"))));
  // All are dead: now the listener hears of it.
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}}) {
    sim->cluster.server(port).refuses = true;
    sim->cluster.server(port).drop_links();
  }
  sim->run_for(10ms);
  EXPECT_THAT(sim->recorder->told, Contains(HasSubstr("refused")));
  EXPECT_TRUE(sim->router->board().is_away());
  sim->cluster.server(1).refuses = false;
  sim->run_for(1s);
  EXPECT_EQ(sim->recorder->told.back(), "answered");
  EXPECT_TRUE(sim->router->board().is_up());
}

TEST(Fleet, FollowsAFailoverWithinARefreshAndSendsOnWhatWasNotSent) {
  auto sim = known();
  sim->cluster.server(3).refuses = true;
  sim->cluster.server(3).drop_links();
  sim->run_for(1s);
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (sim->cluster.owner[slot] == 3) sim->cluster.give(static_cast<Slot>(slot), 4);
  }
  sim->cluster.epoch = 2;
  sim->run_for(RefreshPace::kWhileUnwell);
  const auto answer = sim->submit(get("foo"));
  sim->settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_THAT(data_asked(sim->cluster.server(4)), ElementsAre("GET foo"));
  sim->run_for(2s);
  EXPECT_EQ(sim->ports(), (std::set<std::uint16_t>{1, 2, 4}));
}

TEST(Fleet, LeavesASlotWithoutAnOwnerToWhoHadIt) {
  auto sim = known();
  for (auto& port : sim->cluster.told) port = port == 3 ? 0 : port;
  sim->cluster.epoch = 2;
  sim->submit(get("foo"));
  sim->run_for(2 * RefreshPace::kAnyway);
  const int asked = sim->cluster.maps_asked;
  const auto answer = sim->submit(get("foo"));
  sim->settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_THAT(data_asked(sim->cluster.server(3)), ElementsAre("GET foo", "GET foo"));
  // And it goes on asking who has it.
  sim->run_for(2 * RefreshPace::kWhileUnwell);
  EXPECT_GT(sim->cluster.maps_asked, asked);
  EXPECT_FALSE(sim->fleet->is_well());
}

TEST(Fleet, PublishesAMapOnlyWhenItsNewServersHaveBeenTried) {
  auto sim = known();
  sim->cluster.server(4).silent = true;  // connects, sometime
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (sim->cluster.told[slot] == 3) sim->cluster.told[slot] = 4;
  }
  sim->cluster.epoch = 2;
  sim->fleet->withdraw();  // only to make it ask anew, as a hint would
  sim->run_for(300ms);
  EXPECT_EQ(sim->router->map(), nullptr);
  for (const auto& link : sim->cluster.server(4).links()) link->connected = true;
  sim->cluster.server(4).silent = false;
  sim->run_for(10ms);
  EXPECT_NE(sim->router->map(), nullptr);
}

TEST(Fleet, BelievesNoNodeThatWasLeftBehind) {
  auto sim = known();
  SlotOwners old = sim->cluster.told;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (sim->cluster.owner[slot] == 3) sim->cluster.give(static_cast<Slot>(slot), 2);
  }
  sim->cluster.epoch = 5;
  sim->cluster.confused[3] = old;
  sim->cluster.epochs[3] = 1;
  const auto moved = sim->submit(get("foo"));
  sim->run_for(20ms);
  EXPECT_EQ(outcome(moved), "ok");
  EXPECT_EQ(sim->ports().count(2), 1u);
  EXPECT_EQ(slots_covered(sim->fleet->shards()), kSlots);
  for (int i = 0; i < 20; ++i) sim->run_for(1s);
  sim->submit(get("foo"));
  sim->settle();
  EXPECT_EQ(data_asked(sim->cluster.server(2)).back(), "GET foo");
}

TEST(Fleet, EndsEverythingOnceWhenItIsClosed) {
  auto sim = std::make_unique<SimFleet>();
  sim->cluster.server(1).frozen = true;
  const auto waits = sim->submit(get("foo"), 10s);
  sim->run_for(10ms);
  EXPECT_EQ(outcome(waits), "pending");
  sim->reactor.close();
  sim->reactor.drop_everything(Error(Errc::kClosed));
  EXPECT_EQ(outcome(waits), "closed");
  EXPECT_EQ(outcome(sim->submit(get("foo"))), "closed");
}

TEST(Fleet, MakesNoMoreNodesThanItsBoundWhateverItIsTold) {
  auto sim = known();
  std::uint16_t next = 100;
  sim->cluster.handler = [&](std::uint16_t, const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "INCR") return std::nullopt;
    return "-MOVED 1 10.0.0.1:" + std::to_string(next++) + "\r\n";
  };
  for (int i = 0; i < 300; ++i) {
    sim->submit(incr("k" + std::to_string(i)));
    sim->settle();
  }
  EXPECT_LE(sim->ports().size(), 3 + Fleet::kMaxStrangers);
  sim->cluster.handler = nullptr;
  sim->run_for(30s);
  EXPECT_EQ(sim->ports(), (std::set<std::uint16_t>{1, 2, 3}));
}

TEST(Fleet, TellsWhereASlotIsAndBelievesAServerThatSaysMovedUntilTheNextMap) {
  SimFleet early;
  EXPECT_EQ(early.router->where_is(kFoo), std::nullopt);
  auto sim = known();
  const auto port_of_foo = [&] { return sim->router->where_is(kFoo).value().value().port; };
  EXPECT_EQ(port_of_foo(), 3);
  sim->run_for(1s);
  const int asked = sim->cluster.maps_asked;
  sim->router->learn(kFoo, {"10.0.0.1", 2});
  EXPECT_EQ(port_of_foo(), 2);
  sim->run_for(20ms);
  EXPECT_GT(sim->cluster.maps_asked, asked);
  EXPECT_EQ(port_of_foo(), 2) << "the servers' map is behind, too";
  sim->cluster.give(kFoo, 1);
  sim->cluster.epoch = 2;
  sim->router->call_for_map();
  sim->run_for(200ms);
  EXPECT_EQ(port_of_foo(), 1);
}

TEST(Fleet, TellsThatASlotHasNoOwner) {
  SimFleet sim;
  sim.cluster.give(kFoo, 0);
  sim.settle();
  EXPECT_EQ(sim.router->where_is(kFoo).value().error().code(), Errc::kUnavailable);
}

TEST(Fleet, AsksSeldomWhenAllIsWell) {
  auto sim = known();
  sim->run_for(1s);
  const int asked = sim->cluster.maps_asked;
  sim->run_for(60s);
  EXPECT_LE(sim->cluster.maps_asked - asked, 8 * 3);
  EXPECT_GE(sim->cluster.maps_asked - asked, 5 * 3);
}

}  // namespace
}  // namespace envoyou::redis::fleet_test
