// Goal: the client speaks to a cluster as to one server, and a caller never gets a wrong answer, or loses one that was
// acknowledged, while slots move and primaries die.
// Method: real clusters of redis-server, resharded and killed while threads write and read what only they write.
#include "redis_commands.hpp"

#include <envoyou/testing/fake_redis.hpp>
#include "redis/topology/slots.hpp"
#include "support/certificates.hpp"
#include "support/redis_cluster.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/client_cache.hpp>
#include <envoyou/redis/transaction.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::cluster_test {
namespace {

using namespace std::chrono_literals;
using testing::Certificates;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisCluster;
using testing::RedisOptions;

// One cluster for all tests that do not break it.
RedisCluster& shared_cluster() {
  static RedisCluster cluster = RedisCluster::start(3, {.password = "cluster secret"});
  return cluster;
}

// On a loaded machine a server may be silent for a while: these tests are about answers, not about time.
ClientOptions patient(const std::string& url) {
  auto options = parse_url(url).value();
  options.command_timeout = 5s;
  options.stall_limit = 5s;
  options.connect_timeout = 5s;
  return options;
}

std::shared_ptr<Client> open_patient(const std::string& url) { return open_at(patient(url)); }

std::shared_ptr<Client> open_shared() { return open_patient(shared_cluster().url()); }

std::string key(int number) { return "key:" + std::to_string(number); }

TEST(Cluster, AnswersForKeysOfAllShards) {
  auto client = open_shared();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(client->run(set(key(i), "value " + std::to_string(i))));
  for (int i = 0; i < 300; ++i) EXPECT_EQ(client->run(get(key(i))).value(), "value " + std::to_string(i));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GT(shared_cluster().node(i).calls_of("get"), 50);
}

TEST(Cluster, ShowsItsNodesAndAddsUpTheirCounts) {
  auto client = open_shared();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(client->run(set(key(i), "v")));
  const auto nodes = client->nodes();
  ASSERT_EQ(nodes.size(), 3u);
  std::size_t slots = 0;
  std::uint64_t submitted = 0;
  for (const NodeInfo& node : nodes) {
    EXPECT_TRUE(node.is_primary && node.is_up);
    EXPECT_GT(node.round_trip.count(), 0);
    EXPECT_THAT(node.server.version, HasSubstr("."));
    slots += node.slots;
    submitted += node.stats.submitted;
  }
  EXPECT_EQ(slots, kSlots);
  EXPECT_GE(submitted, 30u);
  EXPECT_EQ(client->stats().submitted, submitted);
  EXPECT_EQ(client->away_because(), std::nullopt);
}

TEST(Cluster, SplitsCommandsOfManyKeysAndKeepsTheirOrder) {
  auto client = open_shared();
  Words mget("MGET");
  Words del("DEL");
  Words exists("EXISTS");
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->run(set("many:" + std::to_string(i), std::to_string(i))));
    mget.add("many:" + std::to_string(i)).add("absent:" + std::to_string(i));
    del.add("many:" + std::to_string(i));
    exists.add("many:" + std::to_string(i)).add("many:" + std::to_string(i));
  }
  using Strings = std::vector<std::optional<std::string>>;
  const Strings values = client->run(Command<Strings>(mget, decode_optional_strings, Repeat::kIsSafe)).value();
  ASSERT_EQ(values.size(), 200u);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(values[2 * i], std::to_string(i));
    EXPECT_EQ(values[2 * i + 1], std::nullopt);
  }
  EXPECT_EQ(client->run(Command<std::int64_t>(exists, decode_integer)).value(), 200);
  EXPECT_EQ(client->run(Command<std::int64_t>(del, decode_integer)).value(), 100);
  EXPECT_EQ(client->run(Command<std::int64_t>(del, decode_integer)).value(), 0);
}

TEST(Cluster, RefusesWhatCannotBeSplitBeforeItIsSent) {
  auto client = open_shared();
  const auto calls = shared_cluster().node(0).calls_of("mset") + shared_cluster().node(1).calls_of("mset") +
                     shared_cluster().node(2).calls_of("mset");
  const auto refused = client->run(Command<void>(Words("MSET", "a", "1", "b", "2"), decode_ok));
  EXPECT_EQ(refused.error().code(), Errc::kCrossSlot);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("MSET"));
  EXPECT_EQ(calls, shared_cluster().node(0).calls_of("mset") + shared_cluster().node(1).calls_of("mset") +
                       shared_cluster().node(2).calls_of("mset"));
  EXPECT_TRUE(client->run(Command<void>(Words("MSET", "{t}a", "1", "{t}b", "2"), decode_ok)));
  const auto nowhere = client->run(Command<std::int64_t>(Words("DBSIZE"), decode_integer));
  EXPECT_EQ(nowhere.error().code(), Errc::kInvalidArgument);
  std::int64_t keys = 0;
  for (const NodeInfo& node : client->nodes()) {
    const std::string name = to_string(node.endpoint);
    keys += client->run(Command<std::int64_t>(Words("DBSIZE"), decode_integer), {.node = name}).value();
  }
  EXPECT_GE(keys, 2);
  EXPECT_EQ(client->run(Command<std::int64_t>(Words("DBSIZE"), decode_integer), {.node = "nobody:1"}).error().code(),
            Errc::kInvalidArgument);
}

TEST(Cluster, SendsCommandsWithoutKeysToAnyNode) {
  auto client = open_shared();
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(client->run(Command<std::string>(Words("PING"), decode_string)).value(), "PONG");
  }
}

TEST(Cluster, GivesEachAnswerOfAPipelineItsOwnPlace) {
  auto client = open_shared();
  Pipeline pipeline;
  std::vector<Pipeline::Slot<std::int64_t>> slots;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(client->run(set("counter:" + std::to_string(i % 100), "0")));
    slots.push_back(pipeline.add(incr("counter:" + std::to_string(i % 100))));
  }
  auto refused = pipeline.add(Command<void>(Words("RENAME", "a", "b"), decode_ok));
  auto split =
      pipeline.add(Command<std::int64_t>(Words("EXISTS", "counter:1", "counter:2", "counter:3"), decode_integer));
  ASSERT_TRUE(client->run(pipeline));
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(Pipeline::take(slots[i]).value(), static_cast<std::int64_t>(i / 100 + 1)) << i;
  }
  EXPECT_EQ(Pipeline::take(refused).error().code(), Errc::kCrossSlot);
  EXPECT_EQ(Pipeline::take(split).value(), 3);
}

TEST(Cluster, RunsTransactionsInOneSlot) {
  auto client = open_shared();
  for (int i = 0; i < 20; ++i) {
    const std::string tag = "{t" + std::to_string(i) + "}";
    Transaction transaction;
    auto first = transaction.add(incr(tag + "a"));
    auto second = transaction.add(incr(tag + "b"));
    ASSERT_TRUE(client->run(transaction));
    EXPECT_EQ(Transaction::take(first).value(), 1);
    EXPECT_EQ(Transaction::take(second).value(), 1);
  }
  Transaction apart;
  auto first = apart.add(incr("{a}"));
  auto second = apart.add(incr("{b}"));
  EXPECT_EQ(client->run(apart).error().code(), Errc::kCrossSlot);
  EXPECT_EQ(Transaction::take(second).error().code(), Errc::kCrossSlot);
  (void)first;
}

TEST(Cluster, RunsScriptsOnEveryNode) {
  auto client = open_shared();
  const Script script("return {KEYS[1], redis.call('INCR', KEYS[1])}");
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 30; ++i) {
      const std::string name = "script:" + std::to_string(i);
      const auto reply = client->run(script.command<Reply>(script.words(1).add(name), decode_any, Repeat::kNever, 0));
      ASSERT_TRUE(reply) << reply.error().message();
      EXPECT_EQ(reply->elements[0].text, name);
      EXPECT_EQ(reply->elements[1].integer, round);
    }
    if (round == 1) continue;
    for (std::size_t node = 0; node < 3; ++node) shared_cluster().node(node).cli({"DEL", "x"});
  }
  for (std::size_t node = 0; node < 3; ++node) EXPECT_GE(shared_cluster().node(node).calls_of("eval"), 1);
}

TEST(Cluster, HasNoClientCacheWhichWouldHearOfOneNodesKeysOnly) {
  EXPECT_EQ(ClientCache::open(open_shared()).error().code(), Errc::kUnsupported);
}

TEST(Cluster, NeedsOneSeedOnlyThatAnswers) {
  const std::string port = std::to_string(shared_cluster().node(1).port());
  auto client = open_patient("redis-cluster://:cluster%20secret@127.0.0.1:1,127.0.0.1:" + port);
  EXPECT_EQ(client->nodes().size(), 3u);
  EXPECT_TRUE(client->run(set("any", "v")));
}

TEST(Cluster, SaysWhyItCannotBeReached) {
  auto wrong = open_only(
      parse_url("redis-cluster://:hunter2@127.0.0.1:" + std::to_string(shared_cluster().node(0).port())).value());
  EXPECT_FALSE(wrong->wait_until_connected(within(300ms)));
  EXPECT_EQ(wrong->away_because(), Errc::kAuthentication);
  const auto refused = wrong->run(get("k"));
  EXPECT_EQ(refused.error().code(), Errc::kUnavailable);
  EXPECT_EQ(std::string(refused.error().message()).find("hunter2"), std::string::npos);

  auto single = testing::RedisServer::start();
  auto none = open_only(parse_url("redis-cluster://127.0.0.1:" + std::to_string(single.port())).value());
  EXPECT_FALSE(none->wait_until_connected(within(300ms)));
  EXPECT_THAT(std::string(none->run(get("k")).error().message()), HasSubstr("cluster support disabled"));
}

// ---- Slots that move ---------------------------------------------------------------------------------------------

TEST(ClusterMoves, FollowsAskWhileASlotIsOnItsWay) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster.url());
  ASSERT_TRUE(client->run(set("{m}stays", "old")));
  const Slot slot = slot_of("m");
  const std::size_t from = cluster.first_owner(slot);
  const std::size_t to = (from + 1) % 3;
  cluster.begin_move(slot, from, to);
  EXPECT_EQ(client->run(get("{m}stays")).value(), "old");
  ASSERT_TRUE(client->run(set("{m}new", "over there")));
  EXPECT_EQ(client->run(get("{m}new")).value(), "over there");
  const Script script("return redis.call('INCRBY', KEYS[1], 7)");
  for (int i = 1; i <= 3; ++i) {
    const auto sum =
        client->run(script.command<std::int64_t>(script.words(1).add("{m}sum"), decode_integer, Repeat::kNever, 0));
    EXPECT_EQ(sum.value(), 7 * i);
  }
  EXPECT_GE(cluster.node(to).calls_of("asking"), 5);
  // One of its keys is here, the other there: neither node can.
  using Strings = std::vector<std::optional<std::string>>;
  const auto torn =
      client->run(Command<Strings>(Words("MGET", "{m}stays", "{m}new"), decode_optional_strings), {within(200ms)});
  EXPECT_EQ(torn.error().code(), Errc::kLoading) << torn.error().message();
  cluster.move_keys(slot, from, to);
  cluster.end_move(slot, from, to);
  EXPECT_EQ(client->run(get("{m}stays")).value(), "old");
  EXPECT_EQ(client->run(get("{m}new")).value(), "over there");
  EXPECT_TRUE(eventually([&] {
    const auto asked = cluster.node(from).calls_of("get");
    EXPECT_TRUE(client->run(get("{m}stays")));
    return cluster.node(from).calls_of("get") == asked;
  }));
}

// What a writer knows of its own keys: nobody else touches them.
struct Ledger {
  std::map<std::string, std::int64_t> acknowledged;  // increments
  std::map<std::string, std::int64_t> perhaps;       // increments that may have been done
  std::map<Errc, int> errors;
  std::string wrong;
};

// Increments its own counters until told to stop, and compares each answer with what it may be.
void keep_counting(Client& client, int writer, std::atomic<bool>& stop, Ledger& ledger, Milliseconds patience) {
  for (std::uint64_t turn = 0; !stop; ++turn) {
    const std::string name = "w" + std::to_string(writer) + ":" + std::to_string(turn % 40);
    const auto answer = client.run(incr(name), {within(patience)});
    std::int64_t& known = ledger.acknowledged[name];
    std::int64_t& perhaps = ledger.perhaps[name];
    if (!answer) {
      ++ledger.errors[answer.error().code()];
      if (answer.error().is_ambiguous()) ++perhaps;
      continue;
    }
    if (*answer < known + 1 || *answer > known + perhaps + 1) {
      ledger.wrong += name + ": " + std::to_string(*answer) + " after " + std::to_string(known) + " (+" +
                      std::to_string(perhaps) + "); ";
    }
    known = *answer;
    perhaps = 0;
  }
}

TEST(ClusterMoves, LosesNothingWhileSlotsMoveUnderLoad) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster.url());
  std::atomic<bool> stop{false};
  std::vector<Ledger> ledgers(6);
  std::vector<std::thread> writers;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back([&, i] { keep_counting(*client, i, stop, ledgers[static_cast<std::size_t>(i)], 5s); });
  }
  int moved = 0;
  for (int writer = 0; writer < 6; ++writer) {
    for (int number = 0; number < 40; number += 2) {
      const Slot slot = slot_of("w" + std::to_string(writer) + ":" + std::to_string(number));
      const std::size_t from = cluster.owner(slot);
      ASSERT_LT(from, 3u);
      cluster.move_slot(slot, from, (from + 1) % 3);
      ++moved;
    }
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  std::int64_t acknowledged = 0;
  for (const Ledger& ledger : ledgers) {
    EXPECT_EQ(ledger.wrong, "");
    EXPECT_TRUE(ledger.errors.empty()) << to_string(ledger.errors.begin()->first);
    for (const auto& [name, count] : ledger.acknowledged) {
      EXPECT_EQ(client->run(get(name)).value(), std::to_string(count)) << name;
      acknowledged += count;
    }
  }
  EXPECT_EQ(client->stats().foreign_replies, 0u);
  std::printf("%d slots moved under %lld increments\n", moved, static_cast<long long>(acknowledged));
}

// Two counters of one slot by one, and what they are then.
Result<std::pair<std::int64_t, std::int64_t>> count_both(Client& client, const std::string& tag,
                                                         const std::string& other = "b") {
  Transaction transaction;
  auto first = transaction.add(incr("{" + tag + "}a"));
  auto second = transaction.add(incr("{" + tag + "}" + other));
  if (auto done = client.run(transaction, {within(5s)}); !done) return done.error();
  return std::pair(Transaction::take(first).value(), Transaction::take(second).value());
}

TEST(ClusterMoves, ATransactionGoesWhereItsSlotGoes) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster.url());
  auto unaware = open_patient(cluster.url());
  const Slot slot = slot_of("m");
  const std::size_t from = cluster.first_owner(slot);
  const std::size_t to = (from + 1) % 3;
  cluster.begin_move(slot, from, to);
  // One key: of several that it has not, a server does not know whether they are on their way (TRYAGAIN).
  EXPECT_EQ(count_both(*client, "m", "a").value(), std::pair(std::int64_t{1}, std::int64_t{2})) << "ASK";
  EXPECT_EQ(cluster.node(from).calls_of("incr"), 0);
  cluster.move_keys(slot, from, to);
  cluster.end_move(slot, from, to);
  EXPECT_EQ(count_both(*unaware, "m").value(), std::pair(std::int64_t{3}, std::int64_t{1})) << "MOVED";
  EXPECT_EQ(client->stats().foreign_replies + unaware->stats().foreign_replies, 0u);
}

// While one of its keys is here and the other there, no server can execute it: it waits.
TEST(ClusterMoves, ExecutesEachTransactionOnceWhileSlotsMoveUnderLoad) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster.url());
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  std::vector<std::int64_t> executed(4);
  for (std::size_t i = 0; i < executed.size(); ++i) {
    writers.emplace_back([&, i] {
      while (!stop) {
        const auto counts = count_both(*client, "w" + std::to_string(i));
        ASSERT_TRUE(counts) << counts.error().message();
        ++executed[i];
        ASSERT_EQ(*counts, std::pair(executed[i], executed[i]));
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < executed.size(); ++i) {
      const Slot slot = slot_of("w" + std::to_string(i));
      const std::size_t from = cluster.owner(slot);
      ASSERT_LT(from, 3u);
      cluster.move_slot(slot, from, (from + 1) % 3);
    }
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  for (const std::int64_t count : executed) EXPECT_GT(count, 0);
  EXPECT_EQ(client->stats().foreign_replies, 0u);
}

// ---- Nodes that die ----------------------------------------------------------------------------------------------

TEST(ClusterFailover, GoesOnWithTheReplicaOfAPrimaryThatIsKilled) {
  auto cluster = RedisCluster::start(3, {}, 1);
  auto client = open_patient(cluster.url());
  std::atomic<bool> stop{false};
  std::vector<Ledger> ledgers(4);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] { keep_counting(*client, i, stop, ledgers[static_cast<std::size_t>(i)], 300ms); });
  }
  std::this_thread::sleep_for(500ms);
  // A key of each shard, to see who is served.
  std::vector<std::string> probes(3);
  for (int i = 0; probes[0].empty() || probes[1].empty() || probes[2].empty(); ++i) {
    probes[cluster.first_owner(slot_of("probe:" + std::to_string(i)))] = "probe:" + std::to_string(i);
  }
  for (const auto& probe : probes) ASSERT_TRUE(client->run(set(probe, "before")));
  std::this_thread::sleep_for(200ms);  // replicated
  cluster.node(0).kill9();
  const auto killed = Clock_::now();
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(client->run(get(probes[1])).value(), "before");
  EXPECT_EQ(client->run(get(probes[2])).value(), "before");
  const auto took =
      time_of([&] { EXPECT_EQ(client->run(get(probes[0]), {within(300ms)}).error().code(), Errc::kUnavailable); });
  EXPECT_LT(took, 50ms);
  ASSERT_TRUE(eventually([&] { return client->run(get(probes[0])).has_value(); }, 20s));
  const auto back = std::chrono::duration_cast<std::chrono::milliseconds>(Clock_::now() - killed);
  EXPECT_EQ(client->run(get(probes[0])).value(), "before");
  std::this_thread::sleep_for(500ms);
  stop = true;
  for (auto& writer : writers) writer.join();
  std::map<Errc, int> errors;
  for (const Ledger& ledger : ledgers) {
    // An increment that the dead primary had acknowledged and not yet replicated is Redis' to lose; what the client
    // was told is never more than that.
    for (const auto& [code, count] : ledger.errors) errors[code] += count;
  }
  EXPECT_EQ(errors.count(Errc::kRedirect), 0u);
  EXPECT_EQ(client->stats().foreign_replies, 0u);
  EXPECT_TRUE(eventually([&] { return client->nodes().size() == 3; }));
  std::printf("back %lld ms after the kill;", static_cast<long long>(back.count()));
  for (const auto& [code, count] : errors) std::printf(" %s %d", std::string(to_string(code)).c_str(), count);
  std::printf("\n");
}

TEST(ClusterFailover, FollowsAPrimaryThatSteppedDown) {
  auto cluster = RedisCluster::start(3, {}, 1);
  auto client = open_patient(cluster.url());
  std::atomic<bool> stop{false};
  std::vector<Ledger> ledgers(4);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] { keep_counting(*client, i, stop, ledgers[static_cast<std::size_t>(i)], 300ms); });
  }
  std::this_thread::sleep_for(200ms);
  for (std::size_t i = 3; i < 6; ++i) {
    ASSERT_EQ(cluster.node(i).cli({"CLUSTER", "FAILOVER"}), "OK");
    ASSERT_TRUE(eventually([&] { return cluster.node(i).cli({"ROLE"}).find("master") != std::string::npos; }, 10s));
    std::this_thread::sleep_for(200ms);
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  std::map<Errc, int> errors;
  for (const Ledger& ledger : ledgers) {
    EXPECT_EQ(ledger.wrong, "");
    for (const auto& [code, count] : ledger.errors) errors[code] += count;
    for (const auto& [name, count] : ledger.acknowledged) {
      const auto perhaps = ledger.perhaps.at(name);
      const auto value = std::stoll(client->run(get(name)).value().value_or("0"));
      EXPECT_TRUE(value >= count && value <= count + perhaps) << name << " " << value << " " << count;
    }
  }
  for (const auto& [code, count] : errors) std::printf(" %s %d", std::string(to_string(code)).c_str(), count);
  std::printf("\n");
}

// ---- TLS ---------------------------------------------------------------------------------------------------------

TEST(ClusterTls, IsSpokenToInTlsThroughout) {
  Certificates certificates;
  RedisOptions options;
  options.tls = testing::RedisTls{certificates.files(testing::CertificateKind::kGood), certificates.ca(), false};
  const auto own = certificates.files(testing::CertificateKind::kClient);  // of a node that speaks to another
  options.config_lines = {"tls-client-cert-file " + own.certificate.string(),
                          "tls-client-key-file " + own.key.string()};
  auto cluster = RedisCluster::start(3, options);
  auto url = patient(cluster.tls_url());
  url.tls.ca_file = certificates.ca().string();
  auto client = open_at(url);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(client->run(set(key(i), "v" + std::to_string(i))));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(client->run(get(key(i))).value(), "v" + std::to_string(i));
  const Slot slot = slot_of(key(1));
  const std::size_t from = cluster.first_owner(slot);
  cluster.move_slot(slot, from, (from + 1) % 3);
  EXPECT_EQ(client->run(get(key(1))).value(), "v1");
  EXPECT_EQ(client->nodes().size(), 3u);
  // Each node resumes its own sessions.
  EXPECT_TRUE(eventually([&] {
    for (std::size_t i = 0; i < 3; ++i) cluster.node(i).cli({"CLIENT", "KILL", "TYPE", "normal"});
    for (int i = 0; i < 60; ++i) EXPECT_TRUE(client->run(get(key(i)), {within(2s)}));
    const auto nodes = client->nodes();
    return std::all_of(nodes.begin(), nodes.end(), [](const NodeInfo& node) { return node.stats.tls_resumed > 0; });
  }));
}

// ---- Replicas ----------------------------------------------------------------------------------------------------

TEST(ClusterReplicas, AnswerReadsIfThatIsWanted) {
  auto cluster = RedisCluster::start(3, {}, 1);
  auto options = patient(cluster.url());
  options.read_from = ReadFrom::kNearestReplica;
  auto client = open_at(options);
  ASSERT_TRUE(eventually([&] {
    std::size_t up = 0;
    for (const NodeInfo& node : client->nodes()) up += node.is_up ? 1 : 0;
    return up == 6;
  }));
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(client->run(set(key(i), "v")));
  // A replica hears of a write a little later than its primary answers it.
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(eventually([&] { return client->run(get(key(i))).value_or(std::nullopt) == "v"; }));
  }
  std::int64_t before = 0;
  for (std::size_t i = 0; i < 3; ++i) before += cluster.node(i).calls_of("get");
  for (int i = 0; i < 60; ++i) EXPECT_EQ(client->run(get(key(i))).value(), "v");
  std::int64_t of_primaries = 0;
  std::int64_t of_replicas = 0;
  for (std::size_t i = 0; i < 3; ++i) of_primaries += cluster.node(i).calls_of("get");
  for (std::size_t i = 3; i < 6; ++i) of_replicas += cluster.node(i).calls_of("get");
  EXPECT_EQ(of_primaries, before);
  EXPECT_GE(of_replicas, 60);
  // Without a replica the primary answers, at once.
  for (std::size_t i = 3; i < 6; ++i) cluster.node(i).kill9();
  ASSERT_TRUE(eventually([&] { return client->run(get(key(1))).has_value(); }));
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(client->run(get(key(i)), {within(1s)}));
}

}  // namespace
}  // namespace envoyou::redis::cluster_test
