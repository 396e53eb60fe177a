// Goal: a subscriber keeps its promises through everything that a server and a network do to it, and a queue of
// messages is bounded and tells what is missing. Method: its core over the simulated network and clock (sim.hpp), with
// a server that does pub/sub; every event is written down in order.
#include "sim_pubsub.hpp"

#include "redis/pubsub_push.hpp"
#include "redis/subscriber_core.hpp"

#include <envoyou/redis/message_queue.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace envoyou::redis::subscriber_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Notes final : public SubscriptionListener {
 public:
  void on_message(const MessageView& message) noexcept override {
    std::string line(message.pattern);
    lines.push_back(line + (line.empty() ? "" : " ") + std::string(message.channel) + "=" +
                    std::string(message.payload));
    if (then) then(message);
  }
  void on_lost(const Error&) noexcept override { lines.push_back("lost"); }
  void on_resubscribed() noexcept override { lines.push_back("resubscribed"); }
  void on_rejected(const Subscription& subscription, const Error& why) noexcept override {
    lines.push_back("rejected " + subscription.name + " " + std::string(to_string(why.code())));
  }
  void on_heartbeat(TimePoint) noexcept override { ++heartbeats; }

  std::vector<std::string> lines;
  std::function<void(const MessageView&)> then;
  int heartbeats = 0;
};

// A subscriber in the simulation. The client's own node is there, too, and stays idle.
class Stage {
 public:
  explicit Stage(bool knows_hello = true, SubscriberOptions limits = {}) {
    client.server.knows_hello = knows_hello;
    core = std::make_shared<SubscriberCore>(host, client.runtime, notes, limits);
    ClientOptions home;
    home.port = 1;
    EXPECT_TRUE(core->start(home));
    client.settle();
  }
  ~Stage() {
    core->end(Error(Errc::kClosed));
    client.settle();
    core->wait_ended();
  }

  using Said = std::shared_ptr<std::string>;
  Said ask(bool wanted, const Subscription& subscription, Milliseconds timeout = 100ms) {
    auto said = std::make_shared<std::string>("pending");
    Completion<void> then(
        [said](Result<void> result) { *said = result ? "ok" : std::string(to_string(result.error().code())); });
    const TimePoint deadline = client.now() + timeout;
    if (wanted) core->subscribe(subscription, deadline, std::move(then));
    if (!wanted) core->unsubscribe(subscription, deadline, std::move(then));
    return said;
  }
  Said subscribe(const Subscription& subscription, Milliseconds timeout = 100ms) {
    auto said = ask(true, subscription, timeout);
    client.settle();
    return said;
  }
  void publish(std::string_view channel, std::string_view payload) {
    server.publish(channel, payload);
    client.settle();
  }

  SimClient client;
  SimPubSub server{client.server};
  SimNodeHost host{client};
  Notes notes;
  std::shared_ptr<SubscriberCore> core;
};

const Subscription kNews = Subscription::channel("news");
const Subscription kUsers = Subscription::pattern("user.*");
const Subscription kShard = Subscription::shard_channel("shard");

class SubscriberOver : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Protocols, SubscriberOver, ::testing::Bool(),
                         [](const auto& about) { return about.param ? "Resp3" : "Resp2"; });

TEST_P(SubscriberOver, HearsChannelsPatternsAndShardChannels) {
  Stage stage(GetParam());
  EXPECT_EQ(*stage.subscribe(kNews), "ok");
  EXPECT_EQ(*stage.subscribe(kUsers), "ok");
  EXPECT_EQ(*stage.subscribe(kShard), "ok");
  stage.publish("news", "1");
  stage.publish("user.7", "2");
  stage.publish("shard", "3");
  stage.publish("other", "4");
  EXPECT_THAT(stage.notes.lines, ElementsAre("news=1", "user.* user.7=2", "shard=3"));
}

TEST_P(SubscriberOver, BeatsWhileItHasSubscriptionsAndStaysUp) {
  Stage stage(GetParam());
  stage.subscribe(kNews);
  stage.client.run_for(10s);
  EXPECT_GE(stage.notes.heartbeats, 9);
  EXPECT_THAT(stage.notes.lines, IsEmpty());
  EXPECT_EQ(stage.client.server.dials, 2u);  // the client's own and the subscriber's
}

TEST_P(SubscriberOver, SubscribesAgainAfterALostLinkAndTellsTheGapInOrder) {
  Stage stage(GetParam());
  stage.subscribe(kNews);
  stage.subscribe(kUsers);
  stage.publish("news", "before");
  stage.client.server.drop_links();
  stage.publish("news", "lost");
  stage.client.run_for(1s);
  stage.publish("news", "after");
  EXPECT_THAT(stage.notes.lines, ElementsAre("news=before", "lost", "resubscribed", "news=after"));
  EXPECT_EQ(stage.server.count("subscribe news"), 1);
  EXPECT_EQ(stage.core->stats().lost, 1u);
  EXPECT_EQ(stage.core->stats().resubscribed, 1u);
}

TEST_P(SubscriberOver, NoticesAHalfOpenLinkWithinHeartbeatAndStallLimit) {
  Stage stage(GetParam());
  stage.subscribe(kNews);
  stage.client.run_for(1500ms);
  stage.client.server.frozen = true;
  stage.client.run_for(1100ms);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost"));
}

TEST_P(SubscriberOver, HearsNothingAfterUnsubscribe) {
  Stage stage(GetParam());
  stage.subscribe(kNews);
  const auto left = stage.ask(false, kNews);
  stage.publish("news", "on the way");
  EXPECT_EQ(*left, "ok");
  EXPECT_THAT(stage.notes.lines, IsEmpty());
  EXPECT_EQ(stage.server.count("subscribe news"), 0);
  EXPECT_EQ(*stage.subscribe(kNews), "ok");
  stage.publish("news", "again");
  EXPECT_THAT(stage.notes.lines, ElementsAre("news=again"));
}

TEST(Subscriber, MayBeUnsubscribedInsideItsCallback) {
  Stage stage;
  stage.subscribe(kNews);
  stage.notes.then = [&](const MessageView&) {
    stage.core->mute(kNews);
    stage.host.post([&] { stage.ask(false, kNews); });
  };
  stage.server.publish("news", "1");
  stage.server.publish("news", "2");
  stage.client.settle();
  EXPECT_THAT(stage.notes.lines, ElementsAre("news=1"));
  EXPECT_EQ(stage.server.count("subscribe news"), 0);
}

TEST(Subscriber, IsRefusedByTheServersWordAndThenHasNoSubscription) {
  Stage stage;
  stage.server.refused["news"] = "-NOPERM this user has no permissions\r\n";
  EXPECT_EQ(*stage.subscribe(kNews), "permission");
  EXPECT_EQ(stage.core->stats().subscriptions, 0u);
  EXPECT_EQ(*stage.subscribe(kUsers), "ok");
}

TEST(Subscriber, AsksAgainWhatIsRefusedForAWhile) {
  Stage stage;
  stage.server.refused["news"] = "-LOADING Redis is loading the dataset in memory\r\n";
  const auto said = stage.subscribe(kNews, 1s);
  stage.client.run_for(250ms);
  EXPECT_EQ(*said, "pending");
  stage.server.refused.clear();
  stage.client.run_for(100ms);
  EXPECT_EQ(*said, "ok");
}

TEST(Subscriber, TellsWhatIsNotAllowedAnyMoreAfterALoss) {
  Stage stage;
  stage.subscribe(kNews);
  stage.subscribe(kUsers);
  stage.server.refused["news"] = "-NOPERM this user has no permissions\r\n";
  stage.client.server.drop_links();
  stage.client.run_for(1s);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost", "rejected news permission", "resubscribed"));
}

TEST(Subscriber, GivesUpAtTheDeadlineExactlyAndWithdraws) {
  ClientOptions options;
  Stage stage;
  stage.client.server.delay = 50ms;
  const auto said = stage.ask(true, kNews, 20ms);
  stage.client.run_for(20ms - 1ns);
  EXPECT_EQ(*said, "pending");
  stage.client.run_for(1ns);
  EXPECT_EQ(*said, "timeout");
  stage.client.run_for(300ms);
  EXPECT_EQ(stage.server.count("subscribe news"), 0);
  stage.publish("news", "1");
  EXPECT_THAT(stage.notes.lines, IsEmpty());
}

TEST(Subscriber, PutsALinkRightThatConfirmsWhatIsNotWantedAnyMore) {
  Stage stage;
  stage.client.server.last()->room = 0;
  const auto said = stage.ask(true, kNews, 5s);
  stage.client.settle();
  stage.client.server.silent = true;
  stage.client.server.drop_links();
  stage.client.settle();  // what was not sent waits for the next link
  stage.ask(false, kNews);
  for (const auto& link : stage.client.server.links()) link->connected = true;
  stage.client.run_for(10ms);
  EXPECT_EQ(*said, "not_found");
  EXPECT_THAT(stage.client.server.asked(), ElementsAre("SUBSCRIBE news", "UNSUBSCRIBE news"));
  EXPECT_EQ(stage.server.count("subscribe news"), 0);
}

TEST(Subscriber, WaitsForALinkUntilItsDeadline) {
  Stage stage;
  stage.client.server.refuses = true;
  stage.client.server.drop_links();
  stage.client.run_for(100ms);
  const auto never = stage.ask(true, kNews, 50ms);
  const auto patient = stage.ask(true, kUsers, 5s);
  stage.client.run_for(50ms);
  EXPECT_EQ(*never, "not_sent");
  stage.client.server.refuses = false;
  stage.client.run_for(2s);
  EXPECT_EQ(*patient, "ok");
  EXPECT_THAT(stage.client.server.asked(), ElementsAre("PSUBSCRIBE user.*"));
}

TEST(Subscriber, EndsWhatWaitsWhenItEnds) {
  Stage stage;
  stage.server.unanswered.insert("news");
  stage.subscribe(kUsers);
  const auto said = stage.ask(true, kNews, 1s);
  stage.core->end(Error(Errc::kClosed));
  EXPECT_EQ(*said, "closed");
  stage.client.settle();
  EXPECT_EQ(*stage.ask(true, kNews), "closed");
}

TEST(Subscriber, HasABoundOfSubscriptions) {
  Stage stage(true, {.max_subscriptions = 1});
  EXPECT_EQ(*stage.subscribe(kNews), "ok");
  EXPECT_EQ(*stage.subscribe(kUsers), "queue_full");
  EXPECT_EQ(*stage.subscribe(kNews), "ok");
}

TEST(Subscriber, FollowsAShardChannelToTheNodeThatOwnsIt) {
  Stage stage;
  stage.server.owners["shard"] = 2;
  EXPECT_EQ(*stage.subscribe(kShard), "ok");
  stage.publish("shard", "1");
  EXPECT_THAT(stage.notes.lines, ElementsAre("shard=1"));
  EXPECT_EQ(stage.client.server.last()->port, 2);
}

TEST(Subscriber, FollowsAShardChannelWhoseSlotMoves) {
  Stage stage;
  stage.server.owners["shard"] = 2;
  stage.subscribe(kShard);
  stage.server.move_slot("shard", 3);
  stage.client.run_for(100ms);
  stage.publish("shard", "there");
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost", "resubscribed", "shard=there"));
  EXPECT_EQ(stage.client.server.last()->port, 3);
}

TEST(Subscriber, AsksAtHomeAgainWhereTheOwnerIsAway) {
  Stage stage;
  stage.server.owners["shard"] = 2;
  stage.subscribe(kShard);
  stage.client.server.refuses_port = 2;
  stage.client.server.last()->closed_by_server = true;
  stage.client.run_for(3s);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost"));
  stage.server.owners["shard"] = 3;  // a replica has taken over
  stage.client.run_for(1s);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost", "resubscribed"));
}

TEST(Pushes, NeverCountAsAnswersAndAreCountedWhereNobodyWantsThem) {
  SimClient client;
  client.settle();
  client.server.delay = 10ms;
  const auto answer = client.submit(get("k"));
  client.settle();
  client.server.push_to_all(">2\r\n$5\r\nother\r\n$1\r\nx\r\n");
  client.run_for(10ms);
  EXPECT_EQ((**answer).value(), "value of k");
  client.server.delay = 0ms;
  client.server.push_to_all(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
  client.run_for(2s);
  EXPECT_EQ(client.server.dials, 1u);
  double ignored = 0;
  client.runtime.metrics->visit([&](const auto& sample) {
    if (sample.name == "envoyou_redis_ignored_pushes_total") ignored = sample.value;
  });
  EXPECT_EQ(ignored, 2);
}

TEST(Subscriber, MovesHomeToAnotherServerWhenItIsAway) {
  Stage stage;
  stage.core->end(Error(Errc::kClosed));
  stage.client.settle();
  stage.core->wait_ended();
  const auto next = [](const Endpoint& home) {
    return std::optional(Endpoint{home.host, static_cast<std::uint16_t>(home.port + 1)});
  };
  stage.core =
      std::make_shared<SubscriberCore>(stage.host, stage.client.runtime, stage.notes, SubscriberOptions(), next);
  ClientOptions home;
  home.port = 1;
  ASSERT_TRUE(stage.core->start(home));
  stage.client.settle();
  stage.subscribe(kNews);
  stage.client.server.refuses_port = 1;
  stage.client.server.drop_links();
  stage.client.run_for(499ms);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost"));
  stage.client.run_for(10ms);
  EXPECT_THAT(stage.notes.lines, ElementsAre("lost", "resubscribed"));
  EXPECT_EQ(stage.client.server.last()->port, 2);
  stage.publish("news", "1");
  EXPECT_EQ(stage.notes.lines.back(), "news=1");
  stage.client.run_for(5s);  // and stays there
  EXPECT_EQ(stage.client.server.last()->port, 2);
}

TEST(PubSubPush, ReadsNothingFromShapesThatNoServerSends) {
  const auto string = [](std::string_view text) { return ReplyView{.type = ReplyType::kString, .text = text}; };
  const std::vector<ReplyView> short_one{string("message"), string("a")};
  const std::vector<ReplyView> odd{string("message"), string("a"), {.type = ReplyType::kInteger}};
  const std::vector<ReplyView> other{string("invalidate"), string("a"), string("b")};
  for (const auto* elements : {&short_one, &odd, &other}) {
    EXPECT_FALSE(read_pubsub_push({.type = ReplyType::kPush, .elements = *elements}).has_value());
  }
}

MessageView view(std::string_view payload) { return {.channel = "c", .payload = payload}; }

std::string drain(MessageQueue& queue) {
  std::string all;
  while (auto event = queue.try_next()) {
    switch (event->kind) {
      case SubscriptionEvent::Kind::kMessage: all += event->message.payload; break;
      case SubscriptionEvent::Kind::kLagged: all += "(" + std::to_string(event->missing) + ")"; break;
      case SubscriptionEvent::Kind::kLost: all += "<"; break;
      case SubscriptionEvent::Kind::kResubscribed: all += ">"; break;
      case SubscriptionEvent::Kind::kRejected: all += "!"; break;
    }
  }
  return all;
}

TEST(MessageQueue, TellsWhereMessagesAreMissing) {
  MessageQueue queue({.max_messages = 2});
  for (const auto* text : {"a", "b", "c", "d"}) queue.on_message(view(text));
  EXPECT_EQ(queue.try_next()->message.payload, "a");
  queue.on_message(view("e"));
  queue.on_message(view("f"));
  EXPECT_EQ(drain(queue), "b(2)e(1)");
  EXPECT_EQ(queue.dropped(), 3u);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(MessageQueue, IsBoundedInBytes) {
  MessageQueue queue({.max_bytes = 10});
  queue.on_message(view("123456789"));
  queue.on_message(view("x"));
  EXPECT_EQ(drain(queue), "123456789(1)");
}

TEST(MessageQueue, KeepsLossesInTheirPlaceAndFewOfThem) {
  MessageQueue queue({.max_messages = 1});
  queue.on_lost(Error(Errc::kConnectionLost));
  queue.on_resubscribed();
  queue.on_message(view("a"));
  for (int i = 0; i < 1000; ++i) {
    queue.on_lost(Error(Errc::kConnectionLost));
    queue.on_resubscribed();
    queue.on_message(view("b"));
    queue.on_rejected(kNews, Error(Errc::kPermission));
  }
  EXPECT_LE(queue.size(), 3u + 3u + 1000u);
  EXPECT_THAT(drain(queue), HasSubstr("<>a<"));
}

TEST(MessageQueue, WakesWhoWaitsAndCallsBackOnce) {
  MessageQueue queue({});
  std::optional<SubscriptionEvent> got;
  std::thread reader([&] { got = queue.next(Deadline::never()); });
  queue.on_message(view("a"));
  reader.join();
  EXPECT_EQ(got->message.payload, "a");
  int calls = 0;
  queue.when_ready([&] { ++calls; });
  EXPECT_EQ(calls, 0);
  queue.on_message(view("b"));
  queue.on_message(view("c"));
  EXPECT_EQ(calls, 1);
  queue.when_ready([&] { ++calls; });
  EXPECT_EQ(calls, 2);
  queue.close();
  queue.on_message(view("d"));
  EXPECT_EQ(drain(queue), "bc");
  EXPECT_FALSE(queue.next(Deadline::never()).has_value());
}

TEST(MessageQueue, GivesUpAtTheDeadline) {
  auto clock = std::make_shared<testing::ManualClock>();
  MessageQueue queue({}, clock);
  EXPECT_FALSE(queue.next(Deadline::at(clock->now())).has_value());
}

}  // namespace
}  // namespace envoyou::redis::subscriber_test
