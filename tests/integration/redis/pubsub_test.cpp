// Goal: pub/sub works against a real Redis over every kind of link, and survives what happens to one.
// Method: a redis-server (or a cluster) for each set-up; messages are published by another client and read from a
// queue.
#include "redis_commands.hpp"

#include "support/certificates.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/message_queue.hpp>
#include <envoyou/redis/subscriber.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace envoyou::redis::pubsub_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RedisServer;
using Kind = SubscriptionEvent::Kind;

Command<std::int64_t> publish(std::string_view channel, std::string_view payload) {
  return {Words("PUBLISH", channel, payload), decode_integer};
}

struct Stage {
  explicit Stage(ClientOptions options, SubscriberOptions limits = {})
      : client(open_at(std::move(options))), subscriber(Subscriber::open(client, queue, limits).value()) {}

  std::optional<SubscriptionEvent> next() { return queue.next(within(5s)); }
  std::string next_payload() {
    auto event = next();
    return event && event->kind == Kind::kMessage ? event->message.payload : "(none)";
  }

  MessageQueue queue{{}};
  std::shared_ptr<Client> client;
  std::unique_ptr<Subscriber> subscriber;
};

void expect_hears(Stage& stage, Client& speaker) {
  const CallOptions patient{within(5s)};
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news"), patient));
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::pattern("user.*"), patient));
  EXPECT_EQ(speaker.run(publish("news", "1")).value(), 1);
  EXPECT_EQ(speaker.run(publish("user.7", "2")).value(), 1);
  EXPECT_EQ(stage.next_payload(), "1");
  const auto event = stage.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->message.pattern, "user.*");
  EXPECT_EQ(event->message.channel, "user.7");
  ASSERT_TRUE(stage.subscriber->unsubscribe(Subscription::channel("news"), patient));
  EXPECT_EQ(speaker.run(publish("news", "3")).value(), 0);
}

TEST(PubSub, WorksWithResp3) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  expect_hears(stage, *stage.client);
}

TEST(PubSub, WorksWithResp2AndItsHeartbeats) {
  auto server = RedisServer::start({.config_lines = {"rename-command HELLO \"\""}});
  Stage stage(parse_url(server.url()).value(), {.heartbeat = 20ms});
  EXPECT_EQ(stage.client->server().protocol, 2);
  expect_hears(stage, *stage.client);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(stage.subscriber->stats().lost, 0u);
}

TEST(PubSub, WorksOverTls) {
  const testing::Certificates certificates;
  auto server =
      RedisServer::start({.tls = testing::RedisTls{.server = certificates.files(testing::CertificateKind::kGood),
                                                   .ca = certificates.ca()}});
  auto options = parse_url(server.tls_url()).value();
  options.tls.ca_file = certificates.ca();
  Stage stage(options);
  expect_hears(stage, *stage.client);
  const std::string large(1'000'000, 'x');
  const CallOptions patient{within(5s)};
  ASSERT_TRUE(stage.client->run(publish("user.8", large), patient));
  EXPECT_EQ(stage.next_payload(), large);
}

TEST(PubSub, HearsKeyspaceNotificationsAsPatterns) {
  auto server = RedisServer::start({.config_lines = {"notify-keyspace-events KEA"}});
  Stage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::pattern("__keyevent@0__:set")));
  ASSERT_TRUE(stage.client->run(set("k", "v")));
  EXPECT_EQ(stage.next_payload(), "k");
}

TEST(PubSub, SaysWhatAnAclForbids) {
  auto server = RedisServer::start({.acl_users = {"reader on >pw resetchannels &open +@all ~*"}});
  auto options = parse_url(server.url()).value();
  options.username = "reader";
  options.password = "pw";
  Stage stage(options);
  EXPECT_TRUE(stage.subscriber->subscribe(Subscription::channel("open")));
  EXPECT_EQ(stage.subscriber->subscribe(Subscription::channel("secret")).error().code(), Errc::kPermission);
}

TEST(PubSub, ComesBackAfterAKilledServerAndTellsTheGap) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news")));
  server.kill9();
  ASSERT_EQ(stage.next()->kind, Kind::kLost);
  server.restart();
  ASSERT_EQ(stage.next()->kind, Kind::kResubscribed);
  ASSERT_TRUE(stage.client->wait_until_connected(within(5s)));
  EXPECT_EQ(stage.client->run(publish("news", "back")).value(), 1);
  EXPECT_EQ(stage.next_payload(), "back");
}

TEST(PubSub, NoticesAHalfOpenLinkAndHearsOverANewOne) {
  auto server = RedisServer::start();
  testing::FaultProxy proxy(server.port());
  Stage stage(parse_url(proxy.url()).value(), {.heartbeat = 100ms});
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news"), {within(2s)}));
  proxy.stall(true);
  const auto took = time_of([&] { EXPECT_EQ(stage.next()->kind, Kind::kLost); });
  EXPECT_LT(took, 700ms);  // 100 + 100, and a loaded machine
  proxy.drop_stalled();
  proxy.stall(false);
  EXPECT_EQ(stage.next()->kind, Kind::kResubscribed);
}

TEST(PubSub, IsDestroyedAtOnceWhateverTheServerDoes) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news")));
  server.freeze();
  std::thread waits([&] {
    const auto said = stage.subscriber->subscribe(Subscription::channel("other"), {within(100ms)});
    EXPECT_FALSE(said);
  });
  waits.join();
  EXPECT_LT(time_of([&] { stage.subscriber.reset(); }), 200ms);
  server.thaw();
}

TEST(PubSub, EndsWithAClosedClient) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news")));
  stage.client->close();
  EXPECT_EQ(stage.next()->kind, Kind::kLost);
  EXPECT_EQ(stage.subscriber->subscribe(Subscription::channel("x")).error().code(), Errc::kClosed);
  EXPECT_FALSE(stage.subscriber->is_connected());
}

class Quitter final : public SubscriptionListener {
 public:
  void on_message(const MessageView& message) noexcept override {
    ++heard;
    blocked = subscriber.load()->unsubscribe(Subscription::channel("news")).error().code();
    subscriber.load()->unsubscribe(Subscription{message.kind, std::string(message.channel)}, {},
                                   [this](Result<void> said) { left = said.ok(); });
  }
  void on_lost(const Error&) noexcept override {}
  void on_resubscribed() noexcept override {}
  void on_rejected(const Subscription&, const Error&) noexcept override {}

  std::atomic<Subscriber*> subscriber{nullptr};
  std::atomic<int> heard{0};
  std::atomic<bool> left{false};
  std::atomic<Errc> blocked{Errc::kOk};
};

TEST(PubSub, MayBeUnsubscribedInsideACallbackButNotByABlockingCall) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  Quitter quitter;
  auto subscriber = Subscriber::open(client, quitter).value();
  quitter.subscriber = subscriber.get();
  ASSERT_TRUE(subscriber->subscribe(Subscription::channel("news")));
  Pipeline twice;
  twice.add(publish("news", "1"));
  twice.add(publish("news", "2"));
  ASSERT_TRUE(client->run(twice));
  EXPECT_TRUE(eventually([&] { return quitter.left.load(); }));
  EXPECT_EQ(quitter.heard, 1);
  EXPECT_EQ(quitter.blocked, Errc::kWouldDeadlock);
}

TEST(PubSub, LeavesAForkedChildAlone) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.subscriber->subscribe(Subscription::channel("news")));
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = stage.subscriber->subscribe(Subscription::channel("x")).error().code() == Errc::kForked;
    stage.subscriber.reset();
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(stage.client->run(publish("news", "still there")).value(), 1);
  EXPECT_EQ(stage.next_payload(), "still there");
}

TEST(PubSub, SubscribesFromManyThreadsAtOnce) {
  auto server = RedisServer::start();
  Stage stage(parse_url(server.url()).value());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto name = Subscription::channel(std::to_string(t) + "." + std::to_string(i));
        EXPECT_TRUE(stage.subscriber->subscribe(name, {within(5s)}));
        if (i % 2 == 1) continue;
        EXPECT_TRUE(stage.subscriber->unsubscribe(name, {within(5s)}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(stage.subscriber->stats().subscriptions, 200u);
}

std::size_t owner_of(testing::RedisCluster& cluster, const std::string& channel) {
  const std::string slot = cluster.node(0).cli({"CLUSTER", "KEYSLOT", channel});
  const std::size_t number = std::stoul(slot.substr(slot.find_first_of("0123456789")));
  std::size_t owner = 0;
  while (16384 * (owner + 1) / cluster.size() <= number) ++owner;
  return owner;
}

void give_slot_of(testing::RedisCluster& cluster, const std::string& channel, std::size_t to) {
  const std::string slot = cluster.node(0).cli({"CLUSTER", "KEYSLOT", channel});
  const std::string number = slot.substr(slot.find_first_of("0123456789"));
  std::string id = cluster.node(to).cli({"CLUSTER", "MYID"});
  id = id.substr(id.find_first_not_of("\""), 40);
  for (const std::size_t node : {to, (to + 1) % 3, (to + 2) % 3}) {
    cluster.node(node).cli({"CLUSTER", "SETSLOT", number, "NODE", id});
  }
}

// Shard channels, over a real cluster: asked at one node, heard from the one that owns the slot, and followed when the
// slot is given to another.
TEST(PubSub, FollowsShardChannelsThroughACluster) {
  auto cluster = testing::RedisCluster::start();
  Stage stage(parse_url("redis-cluster://127.0.0.1:" + std::to_string(cluster.node(0).port())).value());
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(stage.subscriber->subscribe(Subscription::shard_channel("c" + std::to_string(i)), {within(5s)})) << i;
  }
  for (const std::string channel : {"c0", "c1", "c2", "c3"}) {
    cluster.node(owner_of(cluster, channel)).cli({"SPUBLISH", channel, "to " + channel});
    EXPECT_EQ(stage.next_payload(), "to " + channel);
  }
  const std::size_t to = (owner_of(cluster, "c1") + 1) % 3;
  give_slot_of(cluster, "c1", to);
  ASSERT_EQ(stage.next()->kind, Kind::kLost);
  ASSERT_EQ(stage.next()->kind, Kind::kResubscribed);
  cluster.node(to).cli({"SPUBLISH", "c1", "from its new home"});
  EXPECT_EQ(stage.next_payload(), "from its new home");
}

}  // namespace
}  // namespace envoyou::redis::pubsub_test
