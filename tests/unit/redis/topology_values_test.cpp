// Goal: a command goes where its keys lie, whatever its shape, and what servers say of themselves is read as leniently
// as it can be and not more. Method: pure functions, held against the figures of the cluster's specification, against
// tables of commands, and against replies as real and as broken servers give them.
#include "redis/topology/cluster_discovery.hpp"
#include "redis/topology/merged_answer.hpp"
#include "redis/topology/redirect.hpp"
#include "redis/topology/routing.hpp"
#include "redis/topology/sentinel_replies.hpp"
#include "redis/topology/shards.hpp"
#include "replies.hpp"

#include <envoyou/redis/completion.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

namespace envoyou::redis::topology_values_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Slots, AreThoseOfTheSpecification) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("bar"), 5061);
  EXPECT_EQ(slot_of(""), 0);
}

TEST(Slots, FollowHashTags) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kSlots);  // an empty tag is none
  EXPECT_EQ(slot_of("foo{bar"), crc16("foo{bar") % kSlots);
  EXPECT_EQ(slot_of("}{"), crc16("}{") % kSlots);
}

Words words(std::initializer_list<std::string_view> all) {
  Words made;
  for (const auto word : all) made.add(word);
  return made;
}

// The keys that are found, one behind the other.
std::string keys_of(std::initializer_list<std::string_view> all) {
  const Words made = words(all);
  const KeyPlaces places = find_keys(find_command(*all.begin()), made);
  std::string found;
  std::size_t index = 0;
  for (const auto word : all) {
    if (places.holds(index++) && !places.empty()) found += (found.empty() ? "" : " ") + std::string(word);
  }
  return found;
}

TEST(CommandTable, FindsKeysWhereverTheyStand) {
  EXPECT_EQ(keys_of({"get", "k"}), "k");
  EXPECT_EQ(keys_of({"UNHEARD.OF", "k", "x"}), "k");
  EXPECT_EQ(keys_of({"MSET", "a", "1", "b", "2"}), "a b");
  EXPECT_EQ(keys_of({"MSET", "a", "1", "b"}), "a b");  // wrong, and for the server to say so
  EXPECT_EQ(keys_of({"DEL", "a", "b", "c"}), "a b c");
  EXPECT_EQ(keys_of({"BITOP", "AND", "d", "a", "b"}), "d a b");
  EXPECT_EQ(keys_of({"BLPOP", "a", "b", "0"}), "a b");
  EXPECT_EQ(keys_of({"EVAL", "return 1", "2", "a", "b", "x"}), "a b");
  EXPECT_EQ(keys_of({"EVALSHA", "sha", "0", "x"}), "");
  EXPECT_EQ(keys_of({"FCALL", "f", "1", "a", "x"}), "a");
  EXPECT_EQ(keys_of({"EVAL", "return 1", "9", "a"}), "");
  EXPECT_EQ(keys_of({"EVAL", "return 1", "-1", "a"}), "");
  EXPECT_EQ(keys_of({"EVAL", "return 1", "1x", "a"}), "");
  EXPECT_EQ(keys_of({"EVAL", "return 1"}), "");
  EXPECT_EQ(keys_of({"EVAL", "return 1", "18446744073709551615", "a"}), "");
  EXPECT_EQ(keys_of({"ZUNIONSTORE", "d", "2", "a", "b", "WEIGHTS", "1", "2"}), "d a b");
  EXPECT_EQ(keys_of({"ZUNION", "2", "a", "b"}), "a b");
  EXPECT_EQ(keys_of({"LMPOP", "1", "a", "LEFT"}), "a");
  EXPECT_EQ(keys_of({"BLMPOP", "0", "1", "a", "LEFT"}), "a");
  EXPECT_EQ(keys_of({"XREAD", "COUNT", "1", "streams", "a", "b", "0", "0"}), "a b");
  EXPECT_EQ(keys_of({"XREADGROUP", "GROUP", "g", "c", "STREAMS", "a", ">"}), "a");
  EXPECT_EQ(keys_of({"XREAD", "STREAMS", "a", "b", "0"}), "");
  EXPECT_EQ(keys_of({"SORT", "a", "BY", "w_*", "STORE", "d"}), "a d");
  EXPECT_EQ(keys_of({"GEORADIUS", "a", "1", "2", "3", "m", "STOREDIST", "d"}), "a d");
  EXPECT_EQ(keys_of({"MIGRATE", "h", "1", "k", "0", "1"}), "k");
  EXPECT_EQ(keys_of({"MIGRATE", "h", "1", "", "0", "1", "KEYS", "a", "b"}), "a b");
  EXPECT_EQ(keys_of({"OBJECT", "ENCODING", "a"}), "a");
  EXPECT_EQ(keys_of({"MEMORY", "STATS"}), "");
  EXPECT_EQ(keys_of({"PING", "a"}), "");
  EXPECT_EQ(keys_of({"SPUBLISH", "channel", "text"}), "channel");
}

TEST(Routing, SendsByTheSlotOfTheKeys) {
  EXPECT_EQ(route(Words("GET", "foo")).kind, Routing::Kind::kSlot);
  EXPECT_EQ(route(Words("GET", "foo")).slot, 12182);
  EXPECT_TRUE(route(Words("GET", "foo")).reads);
  EXPECT_FALSE(route(Words("SET", "foo", "v")).reads);
  EXPECT_EQ(route(Words("PING")).kind, Routing::Kind::kAnyNode);
  EXPECT_EQ(route(Words("FLUSHALL")).kind, Routing::Kind::kOneNode);
  EXPECT_EQ(route(Words("MGET", "a", "b")).kind, Routing::Kind::kSplit);
  EXPECT_EQ(route(Words("MGET", "{a}1", "{a}2")).kind, Routing::Kind::kSlot);
  EXPECT_EQ(route(Words("MSET", "a", "1", "b", "2")).kind, Routing::Kind::kCrossSlot);
  EXPECT_EQ(route(Words("RENAME", "a", "b")).kind, Routing::Kind::kCrossSlot);
  EXPECT_EQ(route(Words()).kind, Routing::Kind::kAnyNode);
}

TEST(Routing, JoinsCommandsThatGoAsOne) {
  Words one_slot("MULTI");
  one_slot.then(Words("SET", "{a}1", "v")).then(Words("GET", "{a}2")).then(Words("EXEC"));
  EXPECT_EQ(route(one_slot).kind, Routing::Kind::kSlot);
  EXPECT_EQ(route(one_slot).slot, slot_of("a"));
  EXPECT_FALSE(route(one_slot).reads);
  Words apart("MULTI");
  apart.then(Words("SET", "a", "v")).then(Words("GET", "b")).then(Words("EXEC"));
  EXPECT_EQ(route(apart).kind, Routing::Kind::kCrossSlot);
  Words split_inside("MULTI");
  split_inside.then(Words("DEL", "a", "b")).then(Words("GET", "a")).then(Words("EXEC"));
  EXPECT_EQ(route(split_inside).kind, Routing::Kind::kCrossSlot);
}

TEST(Routing, TakesKeysApartInTheirOrder) {
  const auto parts = split(Words("MGET", "{a}1", "b", "{a}2", "b"));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].words.encoded(), Words("MGET", "{a}1", "{a}2").encoded());
  EXPECT_THAT(parts[0].places, ElementsAre(0u, 2u));
  EXPECT_THAT(parts[1].places, ElementsAre(1u, 3u));
}

// ---- Answers made of answers -------------------------------------------------------------------------------------

struct Merged {
  std::optional<Result<Reply>> answer;
  std::vector<ReaderHandle> readers;
};

std::unique_ptr<Merged> merged(const Words& command) {
  auto made = std::make_unique<Merged>();
  const auto parts = split(command);
  auto whole = to_submission(Command<Reply>(command, decode_any),
                             [at = made.get()](Result<Reply> result) { at->answer.emplace(std::move(result)); });
  made->readers = readers_of_parts(*route(command).spec, parts, std::move(whole.reader));
  return made;
}

TEST(MergedAnswer, KeepsTheOrderOfTheKeys) {
  auto mget = merged(Words("MGET", "a", "b", "a"));
  const ReplyView of_b[] = {null_reply()};
  const ReplyView of_a[] = {string_reply("1"), string_reply("3")};
  EXPECT_EQ(mget->readers[1]->on_reply(aggregate_reply(ReplyType::kArray, of_b)), Verdict::kMine);
  EXPECT_FALSE(mget->answer);
  EXPECT_EQ(mget->readers[0]->on_reply(aggregate_reply(ReplyType::kArray, of_a)), Verdict::kMine);
  const Reply& whole = mget->answer->value();
  ASSERT_EQ(whole.elements.size(), 3u);
  EXPECT_EQ(whole.elements[0].text, "1");
  EXPECT_EQ(whole.elements[1].type, ReplyType::kNull);
  EXPECT_EQ(whole.elements[2].text, "3");
}

TEST(MergedAnswer, AddsUpAndSaysWhatIsPerhapsDone) {
  auto sum = merged(Words("DEL", "a", "b"));
  (void)sum->readers[0]->on_reply(integer_reply(1));
  (void)sum->readers[1]->on_reply(integer_reply(0));
  EXPECT_EQ(sum->answer->value().integer, 1);
  auto half = merged(Words("DEL", "a", "b"));
  (void)half->readers[0]->on_reply(integer_reply(1));
  half->readers[1]->on_error(Error(Errc::kUnavailable, "away"));
  EXPECT_EQ(half->answer->error().code(), Errc::kConnectionLost);
  auto none = merged(Words("DEL", "a", "b"));
  none->readers[0]->on_error(Error(Errc::kUnavailable, "away"));
  none->readers[1]->on_error(Error(Errc::kNotSent, "late"));
  EXPECT_EQ(none->answer->error().code(), Errc::kUnavailable);
  auto read = merged(Words("EXISTS", "a", "b"));
  (void)read->readers[0]->on_reply(integer_reply(1));
  read->readers[1]->on_error(Error(Errc::kUnavailable, "away"));
  EXPECT_EQ(read->answer->error().code(), Errc::kUnavailable);
}

TEST(MergedAnswer, CondemnsTheLinkWhosePartHasAnotherShape) {
  auto mget = merged(Words("MGET", "a", "b"));
  EXPECT_EQ(mget->readers[0]->on_reply(integer_reply(1)), Verdict::kForeign);
  mget->readers[1]->on_error(Error(Errc::kTimeout));
  EXPECT_EQ(mget->answer->error().code(), Errc::kForeignReply);
}

// ---- What servers say --------------------------------------------------------------------------------------------

TEST(Redirect, IsReadFromTheText) {
  const Redirect moved = parse_redirect("MOVED 3999 127.0.0.1:6381");
  EXPECT_EQ(moved.kind, Redirect::Kind::kMoved);
  EXPECT_EQ(moved.slot, 3999);
  EXPECT_EQ(moved.to, (Endpoint{"127.0.0.1", 6381}));
  EXPECT_EQ(parse_redirect("ASK 1 cache.example:1").kind, Redirect::Kind::kAsk);
  EXPECT_EQ(parse_redirect("MOVED 1 :6381").to, (Endpoint{"", 6381}));
  EXPECT_EQ(parse_redirect("MOVED 1 ?:6381").to, (Endpoint{"", 6381}));
  EXPECT_EQ(parse_redirect("MOVED 1 ::1:6381").to, (Endpoint{"::1", 6381}));
  EXPECT_EQ(parse_redirect("MOVED 1 [::1]:6381").to, (Endpoint{"::1", 6381}));
  for (const char* later : {"TRYAGAIN x", "CLUSTERDOWN The cluster is down", "LOADING", "MASTERDOWN", "READONLY You"}) {
    EXPECT_EQ(parse_redirect(later).kind, Redirect::Kind::kLater) << later;
  }
}

TEST(Redirect, IsNoneIfItIsBroken) {
  for (const char* text : {"", "MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED x h:1", "MOVED 16384 h:1",
                           "MOVED -1 h:1", "MOVED 1 h", "MOVED 1 h:", "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 h:1x",
                           "MOVED  1 h:1", "MOVED 1 h\x01:1", "moved 1 h:1", "MOVEDX 1 h:1", "WRONGTYPE", "BUSY"}) {
    EXPECT_EQ(parse_redirect(text).kind, Redirect::Kind::kNone) << text;
  }
}

// Replies that are put together piece by piece and stay where they are.
class Builder {
 public:
  ReplyView text(std::string_view value) { return string_reply(texts_.emplace_back(value)); }
  ReplyView list(std::vector<ReplyView> elements, ReplyType type = ReplyType::kArray) {
    return aggregate_reply(type, lists_.emplace_back(std::move(elements)));
  }
  ReplyView node(std::string_view ip, std::int64_t port, std::string_view role, std::string_view health = "online",
                 std::optional<std::int64_t> tls_port = {}, std::string_view endpoint = "") {
    std::vector<ReplyView> all{text("id"), text("x"),    text("port"), integer_reply(port), text("ip"),
                               text(ip),   text("role"), text(role),   text("health"),      text(health)};
    all.push_back(text("endpoint"));
    all.push_back(endpoint.empty() ? null_reply() : text(endpoint));
    if (tls_port) all.insert(all.end(), {text("tls-port"), integer_reply(*tls_port)});
    return list(std::move(all), ReplyType::kMap);
  }
  ReplyView shard(std::vector<ReplyView> slots, std::vector<ReplyView> nodes) {
    return list({text("slots"), list(std::move(slots)), text("nodes"), list(std::move(nodes))}, ReplyType::kMap);
  }

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<ReplyView>> lists_;
};

const Endpoint kAsked{"asked.example", 7000};

TEST(ClusterShards, AreReadWithTheirReplicas) {
  Builder b;
  const auto reply =
      b.list({b.shard({integer_reply(8192), integer_reply(16383)}, {b.node("10.0.0.2", 2, "master")}),
              b.shard({integer_reply(0), integer_reply(99), integer_reply(100), integer_reply(8191)},
                      {b.node("10.0.0.3", 3, "replica"), b.node("10.0.0.1", 1, "master"),
                       b.node("10.0.0.4", 4, "replica", "fail"), b.node("10.0.0.5", 5, "replica", "loading")})});
  const auto shards = read_cluster_shards(reply, kAsked, false).value();
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[0].primary, (Endpoint{"10.0.0.1", 1}));
  EXPECT_THAT(shards[0].replicas, ElementsAre(Endpoint{"10.0.0.3", 3}, Endpoint{"10.0.0.5", 5}));
  EXPECT_THAT(shards[0].slots, ElementsAre(SlotRange{0, 8191}));
  EXPECT_EQ(slots_covered(shards), kSlots);
}

TEST(ClusterShards, TakeTheHostThatWasAskedWhereNoneIsNamed) {
  Builder b;
  for (const char* nothing : {"", "?"}) {
    const auto reply =
        b.list({b.shard({integer_reply(0), integer_reply(1)}, {b.node(nothing, 1, "master", "online", 7, nothing)})});
    EXPECT_EQ(read_cluster_shards(reply, kAsked, false)->front().primary, (Endpoint{"asked.example", 1}));
    EXPECT_EQ(read_cluster_shards(reply, kAsked, true)->front().primary, (Endpoint{"asked.example", 7}));
  }
  const auto named = b.list(
      {b.shard({integer_reply(0), integer_reply(1)}, {b.node("10.0.0.1", 1, "master", "online", 7, "host.example")})});
  EXPECT_EQ(read_cluster_shards(named, kAsked, true)->front().primary, (Endpoint{"host.example", 7}));
}

TEST(ClusterShards, PassOverWhatDoesNotServe) {
  Builder b;
  const auto plain_only = b.list({b.shard({integer_reply(0), integer_reply(1)}, {b.node("10.0.0.1", 1, "master")})});
  EXPECT_TRUE(read_cluster_shards(plain_only, kAsked, true)->empty());
  const auto no_slots = b.list({b.shard({}, {b.node("10.0.0.1", 1, "master")})});
  EXPECT_TRUE(read_cluster_shards(no_slots, kAsked, false)->empty());
  const auto two = b.list({b.shard({integer_reply(0), integer_reply(1)},
                                   {b.node("10.0.0.1", 1, "master"), b.node("10.0.0.2", 2, "master", "fail")})});
  EXPECT_EQ(read_cluster_shards(two, kAsked, false)->front().primary, (Endpoint{"10.0.0.1", 1}));
}

TEST(ClusterShards, RefuseWhatHasNoMeaning) {
  Builder b;
  const auto node = b.node("10.0.0.1", 1, "master");
  for (const ReplyView& reply :
       {string_reply("OK"), b.list({string_reply("x")}), b.list({b.list({})}),
        b.list({b.shard({integer_reply(0)}, {node})}), b.list({b.shard({integer_reply(5), integer_reply(4)}, {node})}),
        b.list({b.shard({integer_reply(-1), integer_reply(4)}, {node})}),
        b.list({b.shard({integer_reply(0), integer_reply(16384)}, {node})}),
        b.list({b.shard({integer_reply(0), integer_reply(4), integer_reply(4), integer_reply(5)}, {node})}),
        b.list({b.shard({integer_reply(0), integer_reply(4)}, {node}),
                b.shard({integer_reply(3), integer_reply(9)}, {b.node("10.0.0.2", 2, "master")})})}) {
    const auto shards = read_cluster_shards(reply, kAsked, false);
    ASSERT_FALSE(shards);
    EXPECT_EQ(shards.error().code(), Errc::kProtocol);
  }
}

TEST(ClusterSlots, AreReadAsTheSameShards) {
  Builder b;
  const auto reply = b.list(
      {b.list({integer_reply(5), integer_reply(9), b.list({b.text("10.0.0.1"), integer_reply(1), b.text("id")})}),
       b.list({integer_reply(10), integer_reply(16383), b.list({b.text(""), integer_reply(2)}),
               b.list({null_reply(), integer_reply(3)})}),
       b.list({integer_reply(0), integer_reply(4), b.list({b.text("10.0.0.1"), integer_reply(1), b.text("id")})})});
  const auto shards = read_cluster_slots(reply, kAsked).value();
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_THAT(shards[0].slots, ElementsAre(SlotRange{0, 9}));
  EXPECT_EQ(shards[1].primary, (Endpoint{"asked.example", 2}));
  EXPECT_THAT(shards[1].replicas, ElementsAre(Endpoint{"asked.example", 3}));
  EXPECT_FALSE(read_cluster_slots(b.list({b.list({integer_reply(1)})}), kAsked));
}

ClusterView view(std::uint64_t epoch, Slot last, bool well = true) {
  ClusterView made;
  made.epoch = epoch;
  made.is_well = well;
  made.shards = Shards{{{"10.0.0.1", static_cast<std::uint16_t>(epoch + 1)}, {}, {{0, last}}}};
  return made;
}

TEST(ClusterShards, LeaveASlotWithoutAnOwnerToTheOneBefore) {
  const Endpoint a{"a", 1};
  const Endpoint b{"b", 1};
  const Endpoint c{"c", 1};
  const Shards before{{a, {}, {{0, 9}}}, {b, {}, {{10, 19}}}};
  // b's slots are c's but for the last three, and a has lost two in the midst.
  const Shards now{{a, {}, {{0, 3}, {6, 9}}}, {c, {}, {{10, 16}}}};
  EXPECT_EQ(with_gaps_filled(now, before), (Shards{{a, {}, {{0, 9}}}, {b, {}, {{17, 19}}}, {c, {}, {{10, 16}}}}));
  EXPECT_EQ(with_gaps_filled(before, now), before);
}

TEST(ClusterViews, BelieveTheNewestOfThoseThatAreWell) {
  EXPECT_EQ(choose_view({view(3, 16383), view(7, 16383), view(5, 16383)}, {}), 1u);
  EXPECT_EQ(choose_view({view(9, 16383, false), view(7, 16383)}, {}), 1u);
  EXPECT_EQ(choose_view({view(7, 100), view(7, 16383)}, {}), 1u);
  EXPECT_EQ(choose_view({ClusterView{}, view(1, 5)}, {}), 1u);
  EXPECT_EQ(choose_view({ClusterView{}}, {}), std::nullopt);
}

TEST(ClusterViews, GiveUpNoSlotsOnTheWordOfOne) {
  const Shards present = *view(1, 16383).shards;
  EXPECT_EQ(choose_view({view(9, 100), view(1, 16383)}, present), std::nullopt);
  EXPECT_EQ(choose_view({view(9, 100), view(8, 100)}, present), 0u);
}

TEST(ClusterViews, ReadClusterInfo) {
  ClusterView made;
  read_cluster_info("cluster_state:fail\r\ncluster_slots_ok:1\r\ncluster_current_epoch:42\r\nodd\r\n", made);
  EXPECT_FALSE(made.is_well);
  EXPECT_EQ(made.epoch, 42u);
}

TEST(RefreshPaceTest, AsksAtOnceButNotTooOften) {
  using namespace std::chrono_literals;
  base::Jitter jitter(1);
  RefreshPace pace(jitter);
  const TimePoint start{std::chrono::hours(1)};
  EXPECT_LE(pace.due(), start);
  pace.on_asked(start);
  pace.want(start);
  EXPECT_EQ(pace.due(), TimePoint::max());
  pace.on_ended(start + 1ms, true);
  EXPECT_EQ(pace.due(), start + RefreshPace::kLeastBetween);  // the hint is newer than the answer
  pace.on_asked(start + 100ms);
  pace.on_ended(start + 101ms, false);
  EXPECT_EQ(pace.due(), start + 101ms + RefreshPace::kWhileUnwell);
  pace.on_asked(start + 1s);
  pace.on_ended(start + 1s, true);
  EXPECT_GT(pace.due(), start + 8s);
  pace.want(start + 2s);
  EXPECT_EQ(pace.due(), start + 2s);
}

TEST(SentinelReplies, AreRead) {
  Builder b;
  EXPECT_EQ(read_master_address(b.list({b.text("10.0.0.1"), b.text("6379")})), (Endpoint{"10.0.0.1", 6379}));
  EXPECT_EQ(read_master_address(null_reply()), std::nullopt);
  EXPECT_EQ(read_master_address(b.list({b.text("h"), b.text("0")})), std::nullopt);
  EXPECT_EQ(read_master_address(b.list({b.text("h"), b.text("65536")})), std::nullopt);
  const auto server = [&](std::string_view ip, std::string_view flags) {
    return b.list({b.text("ip"), b.text(ip), b.text("port"), b.text("1"), b.text("flags"), b.text(flags)});
  };
  const auto servers = b.list({server("a", "slave"), server("b", "s_down,slave"), server("c", "slave,disconnected"),
                               server("d", "sentinel"), string_reply("x"), server("e", "slave")});
  EXPECT_THAT(read_servers(servers, 2), ElementsAre(Endpoint{"a", 1}, Endpoint{"d", 1}));
  EXPECT_EQ(is_primary_by_role(b.list({b.text("master"), integer_reply(1)})), true);
  EXPECT_EQ(is_primary_by_role(b.list({b.text("slave")})), false);
  EXPECT_EQ(is_primary_by_role(string_reply("x")), std::nullopt);
  EXPECT_EQ(read_switch("main 10.0.0.1 1 10.0.0.2 2", "main"), (Endpoint{"10.0.0.2", 2}));
  EXPECT_EQ(read_switch("other 10.0.0.1 1 10.0.0.2 2", "main"), std::nullopt);
  EXPECT_EQ(read_switch("main 10.0.0.1 1", "main"), std::nullopt);
}

}  // namespace
}  // namespace envoyou::redis::topology_values_test
