// Goal: a value that this process keeps is never served beyond what is promised, whatever comes in whatever order, and
// what may be kept is kept. Method: the cache's core over the simulated network and clock, with a server that tracks
// and can be scripted to the byte; after each step what is served is compared with what the server has.
#include "sim_tracking.hpp"

#include "redis/cache_core.hpp"
#include "redis/feed_core.hpp"

#include <envoyou/redis/client_cache.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace envoyou::redis::client_cache_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Setting {
  ClientCacheOptions options{};
  Milliseconds stall_limit{100};
  bool knows_hello = true;
  std::string refuses_tracking{};
};

// A cache in the simulation; the client's own node is there, too.
class Stage {
 public:
  explicit Stage(Setting setting = {}) {
    client.server.knows_hello = setting.knows_hello;
    server.refuses_tracking = setting.refuses_tracking;
    core = std::make_shared<CacheCore>(client.runtime, setting.options);
    const auto elsewhere = [this](std::vector<Submission> group, Deadline deadline) {
      client.post_all(std::move(group), std::chrono::duration_cast<Milliseconds>(deadline.time() - client.now()));
    };
    feed = std::make_shared<FeedCore>(host, client.runtime, *core, setting.options.feed, elsewhere);
    core->use(feed);
    ClientOptions node;
    node.stall_limit = setting.stall_limit;
    node.port = 1;
    EXPECT_TRUE(feed->make(node));
    feed->start();
    client.settle();
  }
  ~Stage() {
    core->close();
    feed->deafen();
    feed->end(Error(Errc::kClosed));
    client.settle();
    feed->wait_ended();
  }

  using Said = std::shared_ptr<std::string>;
  static std::string text_of(const Result<CachedReply>& reply) {
    if (!reply) return std::string(to_string(reply.error().code()));
    if ((*reply)->type == ReplyType::kInteger) return std::to_string((*reply)->integer);
    return (*reply)->type == ReplyType::kNull ? "(nil)" : (*reply)->text;
  }
  Said ask(const std::string& key, Milliseconds timeout = 100ms, const std::string& command = "GET") {
    auto said = std::make_shared<std::string>("pending");
    const std::string aspect = command == "GET" ? "" : command;
    if (auto hit = core->find(key, aspect, client.now())) {
      *said = text_of(*hit);
      return said;
    }
    std::vector<CacheCore::Question> one;
    one.push_back({key, aspect, Words(command, std::string_view(key)),
                   Completion<CachedReply>([said](const Result<CachedReply>& reply) { *said = text_of(reply); })});
    core->ask(std::move(one), client.now() + timeout);
    return said;
  }
  std::string get(const std::string& key) {
    const auto said = ask(key);
    client.settle();
    return *said;
  }
  std::optional<std::string> kept(const std::string& key) {
    const auto hit = core->find(key, "", client.now());
    return hit ? std::optional(text_of(*hit)) : std::nullopt;
  }
  void expect_true(const std::string& key) {
    const auto value = kept(key);
    if (!value) return;
    EXPECT_EQ(*value, server.now_of(key).value_or("(nil)"));
  }

  SimClient client;
  SimTracking server{client};
  SimNodeHost host{client};
  std::shared_ptr<CacheCore> core;
  std::shared_ptr<FeedCore> feed;
};

TEST(ClientCache, AnswersFromThisProcessUntilTheServerTellsOfAChange) {
  Stage stage;
  stage.server.write("k", "1");
  EXPECT_EQ(stage.feed->source(), FeedSource::kTracking);
  EXPECT_EQ(stage.get("k"), "1");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(stage.get("k"), "1");
  EXPECT_EQ(stage.server.count("GET"), 1);
  stage.server.write("k", "2");
  stage.client.settle();
  EXPECT_EQ(stage.get("k"), "2");
  EXPECT_EQ(stage.server.count("GET"), 2);
  EXPECT_EQ(stage.core->stats().hits, 5u);
  EXPECT_EQ(stage.core->stats().invalidations, 1u);
  EXPECT_THAT(stage.client.recorder->logged,
              Contains("info values are kept in this process, and dropped as the server tells"));
}

TEST(ClientCache, KeepsThatAKeyIsAbsent) {
  Stage stage;
  EXPECT_EQ(stage.get("k"), "(nil)");
  EXPECT_EQ(stage.kept("k"), "(nil)");
  stage.server.write("k", "1");
  stage.client.settle();
  EXPECT_EQ(stage.get("k"), "1");
}

TEST(ClientCache, KeepsSeveralAspectsOfAKeyAndDropsThemTogether) {
  Stage stage;
  stage.server.write("k", "abc");
  stage.get("k");
  const auto length = stage.ask("k", 100ms, "STRLEN");
  stage.client.settle();
  EXPECT_EQ(*length, "3");
  EXPECT_EQ(*stage.ask("k", 100ms, "STRLEN"), "3");
  EXPECT_EQ(stage.kept("k"), "abc");
  EXPECT_EQ(stage.server.count("STRLEN"), 1);
  stage.server.write("k", "abcd");
  stage.client.settle();
  EXPECT_EQ(stage.kept("k"), std::nullopt);
  EXPECT_FALSE(stage.core->find("k", "STRLEN", stage.client.now()).has_value());
}

// The two replies and a write that falls before, between or behind what they tell, with the bytes of all of it cut at
// every place: what is kept in the end is what the server has, also when its time to live has passed.
TEST(ClientCache, ServesNothingOldWhereverAWriteFallsBetweenQuestionAndAnswer) {
  for (const auto mode : {TrackingMode::kByKey, TrackingMode::kBroadcast}) {
    for (const std::string at : {"PTTL", "GET", "after"}) {
      for (std::size_t cut = 0;; ++cut) {
        Stage stage({.options = {.feed = {.tracking = mode}}});
        stage.server.write("k", "old");
        stage.client.settle();
        stage.server.holds = true;
        stage.server.before = [&](const Argv& argv) {
          if (argv[0] == at) stage.server.write("k", "new", 50ms);
        };
        const auto said = stage.ask("k");
        stage.client.settle();
        if (at == "after") stage.server.write("k", "new", 50ms);
        const std::size_t all = stage.server.held();
        stage.server.deliver(cut);
        stage.client.settle();
        stage.server.deliver();
        stage.client.settle();
        EXPECT_NE(*said, "pending");
        stage.expect_true("k");
        stage.client.run_for(60ms);
        stage.expect_true("k");
        if (cut >= all) break;
      }
    }
  }
}

// A server with threads may tell of a write before it gives the reply that was made before it.
TEST(ClientCache, KeepsNoReplyThatWasInvalidatedBeforeItCame) {
  const std::string frames[] = {":-1\r\n", SimPubSub::bulk("old")};
  for (const std::string& push : {SimTracking::invalidation("k"), std::string(">2\r\n$10\r\ninvalidate\r\n_\r\n")}) {
    for (int place = 0; place <= 2; ++place) {
      Stage stage;
      stage.server.holds = true;  // its own answers never come
      const auto said = stage.ask("k");
      stage.client.settle();
      std::string bytes;
      for (int i = 0; i <= 2; ++i) {
        if (i == place) bytes += push;
        if (i < 2) bytes += frames[i];
      }
      for (const char byte : bytes) {
        stage.server.tracked_link()->to_client += byte;
        stage.client.settle();
      }
      EXPECT_EQ(*said, "old");
      EXPECT_EQ(stage.kept("k"), std::nullopt) << place;
      EXPECT_EQ(stage.core->stats().not_kept, place < 2 ? 1u : 0u);
    }
  }
}

TEST(ClientCache, KeepsWhatAnInvalidationOfAnotherKeyPasses) {
  Stage stage;
  stage.server.holds = true;
  stage.ask("k");
  stage.client.settle();
  stage.server.tracked_link()->to_client += SimTracking::invalidation("other");
  stage.server.deliver();
  stage.client.settle();
  EXPECT_EQ(stage.kept("k"), "(nil)");
}

TEST(ClientCache, DropsAllWithTheLinkBeforeAnyoneIsToldOfIt) {
  Stage stage;
  stage.server.write("k", "1");
  stage.get("k");
  stage.server.holds = true;
  std::optional<std::string> seen = "not told";
  std::vector<CacheCore::Question> one;
  one.push_back({"other", "", Words("GET", "other"),
                 Completion<CachedReply>([&](const Result<CachedReply>&) { seen = stage.kept("k"); })});
  stage.client.server.refuses_port = 1;
  stage.core->ask(std::move(one), stage.client.now() + 100ms);
  stage.client.settle();
  stage.client.server.drop_links();
  stage.client.settle();
  EXPECT_EQ(seen, std::nullopt);
  EXPECT_EQ(stage.feed->epoch(), 0u);
  EXPECT_EQ(stage.core->stats().entries, 0u);
  EXPECT_EQ(stage.core->stats().drops, 1u);
}

// A read that was sent on a link that is gone is sent again on the next, whose tracking begins anew: what it answers
// belongs to no epoch.
TEST(ClientCache, KeepsNothingThatWasAskedOverAnotherLink) {
  Stage stage;
  stage.server.write("k", "1");
  stage.server.holds = true;
  const auto said = stage.ask("k", 5s);
  stage.client.settle();
  stage.client.server.drop_links();
  stage.server.holds = false;
  stage.client.run_for(1s);
  EXPECT_EQ(*said, "1");
  EXPECT_EQ(stage.kept("k"), std::nullopt);
  EXPECT_EQ(stage.get("k"), "1");
  EXPECT_EQ(stage.kept("k"), "1");
  EXPECT_EQ(stage.feed->epoch(), 2u);
}

TEST(ClientCache, ServesAFrozenServersValuesForTheLeaseAndNotLonger) {
  // A stall limit that lets the link live on: the lease alone must do it.
  Stage stage({.options = {.feed = {.heartbeat = 500ms, .lease = 2s}}, .stall_limit = 60s});
  stage.server.write("k", "1");
  stage.client.run_for(3s);
  stage.get("k");
  stage.client.run_for(600ms);
  const TimePoint frozen = stage.client.now();
  stage.client.server.frozen = true;
  stage.server.values["k"].text = "2";  // changed, and nobody can tell
  TimePoint last_served = frozen;
  while (stage.client.now() < frozen + 5s) {
    if (stage.kept("k") == "1") last_served = stage.client.now();
    stage.client.run_for(10ms);
  }
  EXPECT_GE(last_served - frozen, 1400ms);
  EXPECT_LE(last_served - frozen, 2s);
  EXPECT_GT(stage.core->stats().lease_expiries, 0u);
  // Not dead, only slow: what it says now is in order, and what it has not told of is still true.
  stage.server.values["k"].text = "1";
  stage.client.server.frozen = false;
  stage.client.run_for(600ms);
  EXPECT_EQ(stage.kept("k"), "1");
}

TEST(ClientCache, NoticesAHalfOpenLinkBeforeTheLeaseByItsHeartbeat) {
  Stage stage;
  stage.server.write("k", "1");
  stage.get("k");
  stage.client.run_for(700ms);
  stage.client.server.frozen = true;
  stage.client.run_for(600ms);
  EXPECT_EQ(stage.feed->epoch(), 0u);
  EXPECT_EQ(stage.kept("k"), std::nullopt);
}

TEST(ClientCache, DropsAllWhenTheServerIsFlushed) {
  Stage stage;
  stage.server.write("a", "1");
  stage.server.write("b", "2");
  stage.get("a");
  stage.get("b");
  stage.server.flush_all();
  stage.client.settle();
  EXPECT_EQ(stage.kept("a"), std::nullopt);
  EXPECT_EQ(stage.get("b"), "(nil)");
}

TEST(ClientCache, EndsAValueWithItsTimeToLiveOrItsOwnIfThatIsShorter) {
  Stage stage({.options = {.max_ttl = 1000ms}});
  stage.server.write("short", "1", 300ms);
  stage.server.write("long", "2", 10s);
  stage.server.write("for ever", "3");
  for (const auto* key : {"short", "long", "for ever"}) stage.get(key);
  stage.client.run_for(300ms - 1ns);
  EXPECT_EQ(stage.kept("short"), "1");
  stage.client.run_for(1ns);
  EXPECT_EQ(stage.kept("short"), std::nullopt);
  stage.client.run_for(700ms - 1ns);
  EXPECT_EQ(stage.kept("long"), "2");
  stage.client.run_for(1ns);
  EXPECT_EQ(stage.kept("long"), std::nullopt);
  EXPECT_EQ(stage.kept("for ever"), std::nullopt);
}

TEST(ClientCache, CountsTheTimeToLiveFromTheQuestion) {
  Stage stage;
  stage.server.write("k", "1", 60ms);
  stage.server.holds = true;
  const auto said = stage.ask("k");
  stage.client.settle();
  stage.client.run_for(50ms);
  stage.server.deliver();
  stage.client.settle();
  EXPECT_EQ(*said, "1");
  EXPECT_EQ(stage.kept("k"), "1");
  stage.client.run_for(10ms);
  EXPECT_EQ(stage.kept("k"), std::nullopt);
}

TEST(ClientCache, IsBoundedInEntriesAndInBytes) {
  Stage few({.options = {.max_bytes = 1u << 20, .max_entries = 10}});
  for (int i = 0; i < 100; ++i) few.get(std::to_string(i));
  EXPECT_LE(few.core->stats().entries, 10u);
  EXPECT_GE(few.core->stats().entries, 9u);
  Stage small({.options = {.max_bytes = 8'192}});
  for (int i = 0; i < 100; ++i) {
    small.server.write(std::to_string(i), std::string(1000, 'x'));
    small.get(std::to_string(i));
    EXPECT_LE(small.core->stats().bytes, 8'192u);
  }
  EXPECT_GE(small.core->stats().entries, 4u);
  small.server.write("large", std::string(10'000, 'x'));
  EXPECT_EQ(small.get("large").size(), 10'000u);
  EXPECT_EQ(small.kept("large"), std::nullopt);
}

TEST(ClientCache, AsksOnceForAllWhoAskTheSame) {
  Stage stage;
  stage.server.holds = true;
  std::vector<Stage::Said> all;
  for (int i = 0; i < 10; ++i) all.push_back(stage.ask("k"));
  stage.client.settle();
  stage.server.deliver();
  stage.client.settle();
  for (const auto& said : all) EXPECT_EQ(*said, "(nil)");
  EXPECT_EQ(stage.server.count("GET"), 1);
  EXPECT_EQ(stage.core->stats().joined, 9u);
}

TEST(ClientCache, LetsNobodyWaitBeyondHisOwnDeadline) {
  Stage stage({.stall_limit = 10s});
  stage.server.holds = true;
  const auto patient = stage.ask("k", 1s);
  const auto hasty = stage.ask("k", 20ms);  // does not join: he would wait too long
  const auto middle = stage.ask("k", 50ms);
  stage.client.run_for(20ms);
  EXPECT_EQ(*hasty, "timeout");
  EXPECT_EQ(*middle, "pending");
  stage.client.run_for(30ms);
  EXPECT_EQ(*middle, "timeout");
  EXPECT_EQ(*patient, "pending");
  stage.server.holds = false;
  stage.server.deliver();
  stage.client.run_for(100ms);
  EXPECT_EQ(*patient, "(nil)");
}

TEST(ClientCache, AsksAgainForThoseWhoHaveTimeLeftWhenAFlightHasNone) {
  Stage stage({.stall_limit = 10s});
  stage.server.holds = true;
  const auto hasty = stage.ask("k", 20ms);
  const auto patient = stage.ask("k", 500ms);  // joins
  EXPECT_EQ(stage.core->stats().joined, 1u);
  stage.client.run_for(20ms);
  EXPECT_EQ(*hasty, "timeout");
  EXPECT_EQ(*patient, "pending");
  stage.server.holds = false;
  stage.server.deliver();
  stage.client.run_for(50ms);
  EXPECT_EQ(*patient, "(nil)");
}

TEST(ClientCache, JoinsNobodyWithAReadFromBeforeAWriteOfThisProcess) {
  Stage stage;
  stage.server.write("k", "old");
  stage.server.holds = true;
  const auto before = stage.ask("k");
  stage.client.settle();
  stage.server.values["k"].text = "new";  // as by a write whose invalidation is on its way
  stage.core->invalidate("k");
  const auto after = stage.ask("k");
  stage.client.settle();
  stage.server.deliver();
  stage.client.settle();
  EXPECT_EQ(*before, "old");
  EXPECT_EQ(*after, "new");
  EXPECT_EQ(stage.kept("k"), "new");
}

TEST(ClientCache, KeepsNoErrors) {
  Stage stage;
  const auto link = stage.server.tracked_link();
  stage.server.holds = true;
  const auto said = stage.ask("k");
  stage.client.settle();
  link->to_client += ":-1\r\n-WRONGTYPE Operation against a key\r\n";
  stage.client.settle();
  EXPECT_EQ(*said, "wrong_type");
  EXPECT_EQ(stage.kept("k"), std::nullopt);
}

TEST(ClientCache, KeepsInBroadcastModeWhatThePrefixesCoverAndNothingElse) {
  Stage stage({.options = {.feed = {.tracking = TrackingMode::kBroadcast, .prefixes = {"user:", "page:"}}}});
  stage.get("user:1");
  stage.get("other");
  EXPECT_EQ(stage.kept("user:1"), "(nil)");
  EXPECT_EQ(stage.kept("other"), std::nullopt);
  const auto asked = stage.client.server.last()->commands;
  EXPECT_THAT(asked, Contains(Argv{"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:", "PREFIX", "page:"}));
}

TEST(ClientCache, AsksForTrackingAgainWhereTheServerIsLoading) {
  Stage stage({.refuses_tracking = "-LOADING Redis is loading the dataset in memory\r\n"});
  EXPECT_EQ(stage.feed->source(), FeedSource::kNone);
  EXPECT_EQ(stage.get("k"), "(nil)");
  EXPECT_EQ(stage.kept("k"), std::nullopt);
  stage.server.refuses_tracking.clear();
  stage.client.run_for(100ms);
  EXPECT_EQ(stage.feed->source(), FeedSource::kTracking);
}

struct Refusal {
  std::string name;
  Setting setting;
  std::string why;
};

class ClientCacheWithoutTracking : public ::testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Servers, ClientCacheWithoutTracking,
    ::testing::Values(Refusal{"Resp2", {.knows_hello = false}, "does not speak RESP3"},
                      Refusal{"Acl", {.refuses_tracking = "-NOPERM this user may not\r\n"}, "NOPERM"},
                      Refusal{"Proxy", {.refuses_tracking = "-ERR unknown subcommand\r\n"}, "unknown subcommand"}),
    [](const auto& about) { return about.param.name; });

TEST_P(ClientCacheWithoutTracking, StandsOnTheChannelAndSaysSo) {
  Stage stage(GetParam().setting);
  EXPECT_EQ(stage.feed->source(), FeedSource::kPubSub);
  EXPECT_THAT(stage.feed->why(), HasSubstr(GetParam().why));
  EXPECT_THAT(stage.client.recorder->logged,
              Contains(HasSubstr("warning values are kept in this process, and dropped as writers tell")));
  stage.server.write("k", "1");
  EXPECT_EQ(stage.get("k"), "1");
  EXPECT_EQ(stage.kept("k"), "1");
  stage.server.write("k", "2");
  stage.feed->publish({"k"}, Deadline::at(stage.client.now() + 100ms));
  stage.client.settle();
  EXPECT_EQ(stage.get("k"), "2");
  stage.server.pubsub().publish("envoyou:invalidated", "");
  stage.client.settle();
  EXPECT_EQ(stage.kept("k"), std::nullopt);
}

TEST_P(ClientCacheWithoutTracking, DropsAllWhenTheChannelIsLostAndGoesOnWhenItIsBack) {
  Stage stage(GetParam().setting);
  stage.get("k");
  stage.client.server.drop_links();
  stage.client.settle();
  EXPECT_EQ(stage.kept("k"), std::nullopt);
  stage.client.run_for(1s);
  EXPECT_EQ(stage.feed->source(), FeedSource::kPubSub);
  stage.get("k");
  EXPECT_EQ(stage.kept("k"), "(nil)");
  stage.client.run_for(10s);  // the heartbeats of the channel's link renew the lease
  EXPECT_EQ(stage.kept("k"), "(nil)");
}

TEST_P(ClientCacheWithoutTracking, KeepsNothingAndJoinsNobodyWithoutAChannel) {
  Setting setting = GetParam().setting;
  setting.options.feed.channel.clear();
  Stage stage(setting);
  EXPECT_EQ(stage.feed->source(), FeedSource::kNone);
  EXPECT_THAT(stage.client.recorder->logged, Contains(HasSubstr("warning no values are kept in this process")));
  stage.ask("k");
  stage.ask("k");
  stage.client.settle();
  EXPECT_EQ(stage.kept("k"), std::nullopt);
  EXPECT_EQ(stage.server.count("GET"), 2);
}

TEST(ClientCache, SaysWhenNotEvenTheChannelIsAllowed) {
  Stage stage({.options = {.feed = {.channel = "forbidden"}}, .knows_hello = false});
  stage.server.pubsub().refused["forbidden"] = "-NOPERM no\r\n";
  stage.client.server.drop_links();
  stage.client.run_for(1s);
  EXPECT_EQ(stage.feed->source(), FeedSource::kNone);
  EXPECT_THAT(stage.feed->why(), HasSubstr("no channel"));
  stage.server.pubsub().refused.clear();
  stage.client.server.drop_links();
  stage.client.run_for(1s);
  EXPECT_EQ(stage.feed->source(), FeedSource::kPubSub);
}

// Over the channel, question and invalidation travel on two links: the reply from before a write may come after the
// word of it.
TEST(ClientCache, KeepsNoReplyThatTheChannelOvertook) {
  for (const bool word_first : {true, false}) {
    Stage stage({.refuses_tracking = "-NOPERM no\r\n"});
    stage.server.write("k", "old");
    stage.server.holds = true;
    const auto said = stage.ask("k");
    stage.client.settle();
    stage.server.write("k", "new");
    if (!word_first) stage.server.deliver();
    stage.client.settle();
    stage.server.pubsub().publish("envoyou:invalidated", "k");
    stage.client.settle();
    stage.server.deliver();
    stage.client.settle();
    EXPECT_EQ(*said, "old");
    EXPECT_EQ(stage.kept("k"), std::nullopt);
  }
}

TEST(ClientCache, GoesBackToTrackingOnALinkToAServerThatHasIt) {
  Stage stage({.refuses_tracking = "-NOPERM no\r\n"});
  stage.get("k");
  stage.server.refuses_tracking.clear();
  stage.client.server.drop_links();
  stage.client.run_for(1s);
  EXPECT_EQ(stage.feed->source(), FeedSource::kTracking);
  EXPECT_EQ(stage.feed->why(), "");
  EXPECT_EQ(stage.kept("k"), std::nullopt);
}

TEST(ClientCache, EndsWhatWaitsWhenItEnds) {
  Stage stage;
  stage.server.holds = true;
  const auto said = stage.ask("k", 1s);
  stage.core->close();
  stage.feed->end(Error(Errc::kClosed));
  stage.client.settle();
  EXPECT_EQ(*said, "closed");
}

TEST(ClientCache, CountsInMetricsUnderTheirNames) {
  Stage stage;
  stage.get("k");
  stage.get("k");
  stage.client.run_for(1s);
  std::map<std::string, double> samples;
  stage.client.runtime.metrics->visit([&](const auto& sample) { samples[std::string(sample.name)] = sample.value; });
  EXPECT_EQ(samples["envoyou_redis_client_cache_hits_total"], 1);
  EXPECT_EQ(samples["envoyou_redis_client_cache_misses_total"], 1);
  EXPECT_EQ(samples["envoyou_redis_client_cache_entries"], 1);
  for (const auto* name : {"invalidations", "not_kept", "drops", "lease_expiries"}) {
    EXPECT_TRUE(samples.contains("envoyou_redis_client_cache_" + std::string(name) + "_total")) << name;
  }
}

}  // namespace
}  // namespace envoyou::redis::client_cache_test
