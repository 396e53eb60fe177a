// Goal: every typed command says the right words, and reads what Redis answers, whichever protocol it speaks.
// Method: a table a group, run against a real Redis in RESP3 and in RESP2: the command, its words, its answer.
#include "redis_commands.hpp"
#include "show.hpp"

#include "support/redis_server.hpp"

#include <envoyou/redis/connection.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

namespace envoyou::redis::commands_test {
namespace {

using namespace std::chrono_literals;
using testing::RedisServer;

testing::RedisOptions speaking(int protocol) {
  testing::RedisOptions options;
  if (protocol == 2) options.config_lines.emplace_back("rename-command HELLO \"\"");
  return options;
}

class Commands : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { ASSERT_EQ(client->server().protocol, GetParam()); }

  // An answer of "*" is any but an error.
  template <class R>
  void row(Command<R> command, std::string_view words, std::string_view answer) {
    EXPECT_EQ(show(command.words), words);
    const bool waits = command.waits != kDoesNotWait;
    const auto result =
        waits ? own().run(std::move(command), {within(5s)}) : client->run(std::move(command), {within(5s)});
    if (answer == "*") {
      EXPECT_TRUE(result) << words << ": " << (result ? "" : result.error().message());
    } else {
      EXPECT_EQ(show(result), answer) << words << ": " << (result ? "" : result.error().message());
    }
  }
  Connection& own() {
    if (!own_) own_.emplace(Connection::take(*client, {.deadline = within(5s)}).value());
    return *own_;
  }

  RedisServer server = RedisServer::start(speaking(GetParam()));
  std::shared_ptr<Client> client = open_at(server.url());
  std::optional<Connection> own_;
};

INSTANTIATE_TEST_SUITE_P(Protocol, Commands, ::testing::Values(3, 2),
                         [](const auto& each) { return "Resp" + std::to_string(each.param); });

TEST_P(Commands, Strings) {
  const WallTime far = from_unix_ms(4'000'000'000'000);
  row(cmd::set("k", "v"), "SET k v", "stored");
  row(cmd::get("k"), "GET k", "v");
  row(cmd::get("none"), "GET none", "null");
  row(cmd::set("k", "w", {.when = cmd::When::kIfAbsent}), "SET k w NX", "not stored");
  row(cmd::set("none", "w", {.when = cmd::When::kIfPresent}), "SET none w XX", "not stored");
  row(cmd::set("k", "w", {.get = true}), "SET k w GET", "stored, was v");
  row(cmd::set("k", "x", {.when = cmd::When::kIfAbsent, .get = true}), "SET k x NX GET", "not stored, was w");
  row(cmd::set("k", "x", {.when = cmd::When::kIfPresent, .get = true}), "SET k x XX GET", "stored, was w");
  row(cmd::set("new", "x", {.when = cmd::When::kIfAbsent, .get = true}), "SET new x NX GET", "stored");
  row(cmd::set("k", "v", {.expires_in = 90s}), "SET k v PX 90000", "stored");
  row(cmd::set("k", "v", {.keep_ttl = true}), "SET k v KEEPTTL", "stored");
  row(cmd::set("k", "v", {.expires_at = far}), "SET k v PXAT 4000000000000", "stored");
  row(cmd::pexpiretime("k"), "PEXPIRETIME k", "4000000000000");
  row(cmd::getex("k", {.persist = true}), "GETEX k PERSIST", "v");
  row(cmd::getex("k", {.expires_in = 1min}), "GETEX k PX 60000", "v");
  row(cmd::append("k", "w"), "APPEND k w", "2");
  row(cmd::strlen("k"), "STRLEN k", "2");
  row(cmd::getrange("k", 0, 0), "GETRANGE k 0 0", "v");
  row(cmd::setrange("k", 1, "xyz"), "SETRANGE k 1 xyz", "4");
  row(cmd::getdel("k"), "GETDEL k", "vxyz");
  row(cmd::incr("n"), "INCR n", "1");
  row(cmd::incrby("n", 41), "INCRBY n 41", "42");
  row(cmd::decr("n"), "DECR n", "41");
  row(cmd::decrby("n", 40), "DECRBY n 40", "1");
  row(cmd::incrbyfloat("n", 0.5), "INCRBYFLOAT n 0.5", "1.5");
  row(cmd::mset({{"a", "1"}, {"b", "2"}}), "MSET a 1 b 2", "OK");
  row(cmd::mget({"a", "none", "b"}), "MGET a none b", "[1, null, 2]");
  row(cmd::msetnx({{"a", "1"}, {"c", "2"}}), "MSETNX a 1 c 2", "false");
  row(cmd::mset({{"l1", "ohmytext"}, {"l2", "mynewtext"}}), "MSET l1 ohmytext l2 mynewtext", "OK");
  row(cmd::lcs("l1", "l2"), "LCS l1 l2", "mytext");
  row(cmd::lcs_len("l1", "l2"), "LCS l1 l2 LEN", "6");
  row(cmd::lcs_idx("l1", "l2", 4), "LCS l1 l2 IDX MINMATCHLEN 4", "6 4-7=5-8(4)");
  row(cmd::lpush("list", {"a"}), "LPUSH list a", "1");
  row(cmd::get("list"), "GET list", "wrong_type");
}

TEST_P(Commands, Keys) {
  row(cmd::set("k", "v"), "SET k v", "stored");
  row(cmd::exists({"k", "k", "none"}), "EXISTS k k none", "2");
  row(cmd::copy("k", "k2"), "COPY k k2", "true");
  row(cmd::copy("k", "k2", {.database = 0, .replace = true}), "COPY k k2 DB 0 REPLACE", "true");
  row(cmd::type("k"), "TYPE k", "string");
  row(cmd::ttl("k"), "TTL k", "-1");
  row(cmd::pttl("none"), "PTTL none", "-2");
  row(cmd::expire("k", 100s), "EXPIRE k 100", "true");
  row(cmd::expire("k", 50s, cmd::ExpireWhen::kIfNone), "EXPIRE k 50 NX", "false");
  row(cmd::expire("k", 50s, cmd::ExpireWhen::kIfAny), "EXPIRE k 50 XX", "true");
  row(cmd::pexpire("k", 60s, cmd::ExpireWhen::kIfLater), "PEXPIRE k 60000 GT", "true");
  row(cmd::pexpire("k", 70s, cmd::ExpireWhen::kIfEarlier), "PEXPIRE k 70000 LT", "false");
  row(cmd::expireat("k", from_unix_ms(4'000'000'000'000)), "EXPIREAT k 4000000000", "true");
  row(cmd::expiretime("k"), "EXPIRETIME k", "4000000000");
  row(cmd::pexpireat("k", from_unix_ms(4'000'000'000'001)), "PEXPIREAT k 4000000000001", "true");
  row(cmd::persist("k"), "PERSIST k", "true");
  row(cmd::touch({"k"}), "TOUCH k", "1");
  row(cmd::object_encoding("k"), "OBJECT ENCODING k", "embstr");
  row(cmd::object_refcount("k"), "OBJECT REFCOUNT k", "1");
  row(cmd::object_idletime("k"), "OBJECT IDLETIME k", "*");
  row(cmd::object_freq("k"), "OBJECT FREQ k", "server_error");  // no LFU policy
  row(cmd::rename("k2", "k3"), "RENAME k2 k3", "OK");
  row(cmd::renamenx("k3", "k"), "RENAMENX k3 k", "false");
  row(cmd::keys("k*"), "KEYS k*", "*");
  row(cmd::move("k3", 9), "MOVE k3 9", "true");
  row(cmd::randomkey(), "RANDOMKEY", "k");
  row(cmd::scan("0", {.match = "k*", .count = 100, .type = "string"}), "SCAN 0 MATCH k* COUNT 100 TYPE string",
      "0 [k]");
  const auto dumped = client->run(cmd::dump("k")).value().value();
  EXPECT_EQ(show(client->run(cmd::restore("k", 0ms, dumped))), "server_error");  // BUSYKEY
  EXPECT_EQ(show(client->run(cmd::restore("k", 5s, dumped, {.replace = true}))), "OK");
  row(cmd::dump("none"), "DUMP none", "null");
  row(cmd::rpush("l", {"3", "1", "2"}), "RPUSH l 3 1 2", "3");
  row(cmd::sort("l"), "SORT l", "[1, 2, 3]");
  row(cmd::sort_ro("l", {.limit = cmd::Limit{0, 2}, .descending = true, .alphabetic = true}),
      "SORT_RO l LIMIT 0 2 DESC ALPHA", "[3, 2]");
  row(cmd::sort("l", {.by = "w_*", .get = {"#", "none_*"}}), "SORT l BY w_* GET # GET none_*",
      "[1, null, 2, null, 3, null]");
  row(cmd::sort_store("l", "sorted"), "SORT l STORE sorted", "3");
  row(cmd::unlink({"l", "none"}), "UNLINK l none", "1");
  row(cmd::del({"k", "sorted"}), "DEL k sorted", "2");
  row(cmd::wait(0, 10ms), "WAIT 0 10", "0");
}

TEST_P(Commands, Hashes) {
  row(cmd::hset("h", {{"a", "1"}, {"b", "2"}}), "HSET h a 1 b 2", "2");
  row(cmd::hget("h", "a"), "HGET h a", "1");
  row(cmd::hget("h", "none"), "HGET h none", "null");
  row(cmd::hgetall("h"), "HGETALL h", "[a=1, b=2]");
  row(cmd::hgetall("none"), "HGETALL none", "[]");
  row(cmd::hexists("h", "a"), "HEXISTS h a", "true");
  row(cmd::hkeys("h"), "HKEYS h", "[a, b]");
  row(cmd::hvals("h"), "HVALS h", "[1, 2]");
  row(cmd::hlen("h"), "HLEN h", "2");
  row(cmd::hstrlen("h", "a"), "HSTRLEN h a", "1");
  row(cmd::hmget("h", {"a", "none"}), "HMGET h a none", "[1, null]");
  row(cmd::hincrby("h", "a", 2), "HINCRBY h a 2", "3");
  row(cmd::hincrbyfloat("h", "a", 0.25), "HINCRBYFLOAT h a 0.25", "3.25");
  row(cmd::hsetnx("h", "a", "x"), "HSETNX h a x", "false");
  row(cmd::hscan("h", "0", {.count = 10}), "HSCAN h 0 COUNT 10", "0 [a=3.25, b=2]");
  row(cmd::hdel("h", {"b", "none"}), "HDEL h b none", "1");
  row(cmd::hrandfield("h"), "HRANDFIELD h", "a");
  row(cmd::hrandfield("none"), "HRANDFIELD none", "null");
  row(cmd::hrandfield("h", 5), "HRANDFIELD h 5", "[a]");
  row(cmd::hrandfield_withvalues("h", -2), "HRANDFIELD h -2 WITHVALUES", "[a=3.25, a=3.25]");
}

TEST_P(Commands, Lists) {
  row(cmd::rpush("l", {"a", "b", "c"}), "RPUSH l a b c", "3");
  row(cmd::lpush("l", {"z"}), "LPUSH l z", "4");
  row(cmd::lpushx("none", {"z"}), "LPUSHX none z", "0");
  row(cmd::rpushx("none", {"z"}), "RPUSHX none z", "0");
  row(cmd::lrange("l", 0, -1), "LRANGE l 0 -1", "[z, a, b, c]");
  row(cmd::lindex("l", 1), "LINDEX l 1", "a");
  row(cmd::lindex("l", 9), "LINDEX l 9", "null");
  row(cmd::llen("l"), "LLEN l", "4");
  row(cmd::linsert("l", cmd::Where::kBefore, "a", "y"), "LINSERT l BEFORE a y", "5");
  row(cmd::lset("l", 0, "x"), "LSET l 0 x", "OK");
  row(cmd::lrem("l", 1, "x"), "LREM l 1 x", "1");
  row(cmd::ltrim("l", 0, 2), "LTRIM l 0 2", "OK");
  row(cmd::lpos("l", "a"), "LPOS l a", "1");
  row(cmd::lpos("l", "none"), "LPOS l none", "null");
  row(cmd::lpos_count("l", "a", 0, {.rank = 1, .maxlen = 10}), "LPOS l a RANK 1 MAXLEN 10 COUNT 0", "[1]");
  row(cmd::lmove("l", "m", cmd::Side::kLeft, cmd::Side::kRight), "LMOVE l m LEFT RIGHT", "y");
  row(cmd::lmove("none", "m", cmd::Side::kRight, cmd::Side::kLeft), "LMOVE none m RIGHT LEFT", "null");
  row(cmd::lmpop({"none", "m"}, cmd::Side::kLeft, 2), "LMPOP 2 none m LEFT COUNT 2", "m=[y]");
  row(cmd::lmpop({"none"}, cmd::Side::kLeft), "LMPOP 1 none LEFT COUNT 1", "null");
  row(cmd::lpop("l"), "LPOP l", "a");
  row(cmd::rpop("l", 5), "RPOP l 5", "[b]");
  row(cmd::lpop("l"), "LPOP l", "null");
  row(cmd::lpop("l", 2), "LPOP l 2", "[]");
  row(cmd::rpop("l"), "RPOP l", "null");
  row(cmd::rpush("l", {"a", "b", "c", "d"}), "RPUSH l a b c d", "4");
  row(cmd::blpop({"none", "l"}, 1s), "BLPOP none l 1", "l=a");
  row(cmd::brpop({"l"}, 1s), "BRPOP l 1", "l=d");
  row(cmd::blmove("l", "m", cmd::Side::kLeft, cmd::Side::kLeft, 1s), "BLMOVE l m LEFT LEFT 1", "b");
  row(cmd::blmpop(1s, {"l"}, cmd::Side::kRight, 3), "BLMPOP 1 1 l RIGHT COUNT 3", "l=[c]");
  row(cmd::blpop({"l"}, 150ms), "BLPOP l 0.15", "null");
  row(cmd::blmove("l", "m", cmd::Side::kLeft, cmd::Side::kLeft, 20ms), "BLMOVE l m LEFT LEFT 0.02", "null");
  row(cmd::blmpop(20ms, {"l"}, cmd::Side::kLeft), "BLMPOP 0.02 1 l LEFT COUNT 1", "null");
}

TEST_P(Commands, Sets) {
  row(cmd::sadd("s", {"1", "2", "3"}), "SADD s 1 2 3", "3");
  row(cmd::sadd("t", {"2", "3", "4"}), "SADD t 2 3 4", "3");
  row(cmd::scard("s"), "SCARD s", "3");
  row(cmd::smembers("s"), "SMEMBERS s", "[1, 2, 3]");
  row(cmd::sismember("s", "1"), "SISMEMBER s 1", "true");
  row(cmd::smismember("s", {"1", "9"}), "SMISMEMBER s 1 9", "[true, false]");
  row(cmd::sdiff({"s", "t"}), "SDIFF s t", "[1]");
  row(cmd::sinter({"s", "t"}), "SINTER s t", "[2, 3]");
  row(cmd::sunion({"s", "t"}), "SUNION s t", "[1, 2, 3, 4]");
  row(cmd::sintercard({"s", "t"}, 1), "SINTERCARD 2 s t LIMIT 1", "1");
  row(cmd::sdiffstore("d", {"s", "t"}), "SDIFFSTORE d s t", "1");
  row(cmd::sinterstore("d", {"s", "t"}), "SINTERSTORE d s t", "2");
  row(cmd::sunionstore("d", {"s", "t"}), "SUNIONSTORE d s t", "4");
  row(cmd::smove("s", "t", "1"), "SMOVE s t 1", "true");
  row(cmd::srem("s", {"2"}), "SREM s 2", "1");
  row(cmd::srandmember("s"), "SRANDMEMBER s", "3");
  row(cmd::srandmember("s", -2), "SRANDMEMBER s -2", "[3, 3]");
  row(cmd::sscan("s", "0", {.match = "*"}), "SSCAN s 0 MATCH *", "0 [3]");
  row(cmd::spop("s", 5), "SPOP s 5", "[3]");
  row(cmd::spop("s"), "SPOP s", "null");
}

TEST_P(Commands, SortedSets) {
  using By = cmd::ZrangeOptions::By;
  using Aggregate = cmd::ZcombineOptions::Aggregate;
  row(cmd::zadd("z", {{1, "a"}, {2.5, "b"}, {3, "c"}}), "ZADD z 1 a 2.5 b 3 c", "3");
  row(cmd::zadd("z", {{9, "a"}}, {.when = cmd::When::kIfAbsent}), "ZADD z NX 9 a", "0");
  row(cmd::zadd("z", {{4, "c"}}, {.when = cmd::When::kIfPresent, .only_greater = true, .count_changed = true}),
      "ZADD z XX GT CH 4 c", "1");
  row(cmd::zadd_incr("z", 1, "a"), "ZADD z INCR 1 a", "2");
  row(cmd::zadd_incr("z", 1, "a", {.when = cmd::When::kIfAbsent}), "ZADD z NX INCR 1 a", "null");
  row(cmd::zcard("z"), "ZCARD z", "3");
  row(cmd::zcount("z", "(2", "+inf"), "ZCOUNT z (2 +inf", "2");
  row(cmd::zincrby("z", -1, "a"), "ZINCRBY z -1 a", "1");
  row(cmd::zscore("z", "b"), "ZSCORE z b", "2.5");
  row(cmd::zscore("z", "none"), "ZSCORE z none", "null");
  row(cmd::zmscore("z", {"a", "none"}), "ZMSCORE z a none", "[1, null]");
  row(cmd::zrank("z", "c"), "ZRANK z c", "2");
  row(cmd::zrevrank("z", "none"), "ZREVRANK z none", "null");
  row(cmd::zrange("z", "0", "-1"), "ZRANGE z 0 -1", "[a, b, c]");
  row(cmd::zrange_withscores("z", "0", "1"), "ZRANGE z 0 1 WITHSCORES", "[a:1, b:2.5]");
  row(cmd::zrange_withscores("z", "+inf", "(1", {.by = By::kScore, .reverse = true, .limit = cmd::Limit{0, 1}}),
      "ZRANGE z +inf (1 BYSCORE REV LIMIT 0 1 WITHSCORES", "[c:4]");
  row(cmd::zrangestore("r", "z", "-", "+", {.by = By::kName}), "ZRANGESTORE r z - + BYLEX", "3");
  row(cmd::zlexcount("r", "[a", "(c"), "ZLEXCOUNT r [a (c", "2");
  row(cmd::zadd("y", {{10, "a"}, {20, "x"}}), "ZADD y 10 a 20 x", "2");
  row(cmd::zdiff({"z", "y"}), "ZDIFF 2 z y", "[b, c]");
  row(cmd::zdiff_withscores({"z", "y"}), "ZDIFF 2 z y WITHSCORES", "[b:2.5, c:4]");
  row(cmd::zdiffstore("d", {"z", "y"}), "ZDIFFSTORE d 2 z y", "2");
  row(cmd::zinter({"z", "y"}), "ZINTER 2 z y", "[a]");
  row(cmd::zinter_withscores({"z", "y"}, {.weights = {2, 0.5}}), "ZINTER 2 z y WEIGHTS 2 0.5 WITHSCORES", "[a:7]");
  row(cmd::zintercard({"z", "y"}), "ZINTERCARD 2 z y LIMIT 0", "1");
  row(cmd::zinterstore("d", {"z", "y"}, {.aggregate = Aggregate::kMax}), "ZINTERSTORE d 2 z y AGGREGATE MAX", "1");
  row(cmd::zunion({"z", "y"}, {.aggregate = Aggregate::kMin}), "ZUNION 2 z y AGGREGATE MIN", "[a, b, c, x]");
  row(cmd::zunion_withscores({"z", "y"}), "ZUNION 2 z y WITHSCORES", "[b:2.5, c:4, a:11, x:20]");
  row(cmd::zunionstore("d", {"z", "y"}), "ZUNIONSTORE d 2 z y", "4");
  row(cmd::zscan("z", "0"), "ZSCAN z 0", "0 [a:1, b:2.5, c:4]");
  row(cmd::zrandmember("none"), "ZRANDMEMBER none", "null");
  row(cmd::zrandmember("z", 9), "ZRANDMEMBER z 9", "*");
  row(cmd::zremrangebyscore("d", "-inf", "3"), "ZREMRANGEBYSCORE d -inf 3", "1");
  row(cmd::zremrangebyrank("d", 0, 0), "ZREMRANGEBYRANK d 0 0", "1");
  row(cmd::zremrangebylex("r", "[a", "[a"), "ZREMRANGEBYLEX r [a [a", "1");
  row(cmd::zrem("d", {"x"}), "ZREM d x", "1");
  row(cmd::zrandmember_withscores("d", -2), "ZRANDMEMBER d -2 WITHSCORES", "[a:11, a:11]");
  row(cmd::zmpop({"none", "z"}, cmd::Extreme::kMin, 2), "ZMPOP 2 none z MIN COUNT 2", "z=[a:1, b:2.5]");
  row(cmd::zmpop({"none"}, cmd::Extreme::kMax), "ZMPOP 1 none MAX COUNT 1", "null");
  row(cmd::zpopmin("z"), "ZPOPMIN z 1", "[c:4]");
  row(cmd::zpopmax("z", 2), "ZPOPMAX z 2", "[]");
  row(cmd::bzpopmin({"z", "y"}, 1s), "BZPOPMIN z y 1", "y=[a:10]");
  row(cmd::bzpopmax({"z"}, 20ms), "BZPOPMAX z 0.02", "null");
  row(cmd::bzmpop(1s, {"y"}, cmd::Extreme::kMax, 5), "BZMPOP 1 1 y MAX COUNT 5", "y=[x:20]");
  row(cmd::bzmpop(20ms, {"y"}, cmd::Extreme::kMin), "BZMPOP 0.02 1 y MIN COUNT 1", "null");
}

TEST_P(Commands, Streams) {
  row(cmd::xadd("s", {{"f", "1"}}, {.id = "1-1"}), "XADD s 1-1 f 1", "1-1");
  row(cmd::xadd("s", {{"f", "2"}, {"g", "3"}}, {.id = "2-1", .trim = cmd::Trim{.maxlen = 100}}),
      "XADD s MAXLEN ~ 100 2-1 f 2 g 3", "2-1");
  row(cmd::xadd("none", {{"f", "1"}}, {.nomkstream = true}), "XADD none NOMKSTREAM * f 1", "null");
  row(cmd::xlen("s"), "XLEN s", "2");
  row(cmd::xrange("s", "-", "+"), "XRANGE s - +", "[1-1[f=1], 2-1[f=2, g=3]]");
  row(cmd::xrevrange("s", "+", "-", 1), "XREVRANGE s + - COUNT 1", "[2-1[f=2, g=3]]");
  row(cmd::xread({{"s", "1-1"}}, {.count = 5}), "XREAD COUNT 5 STREAMS s 1-1", "[s=[2-1[f=2, g=3]]]");
  row(cmd::xread({{"s", "9"}, {"none", "0"}}), "XREAD STREAMS s none 9 0", "[]");
  row(cmd::xread({{"s", "$"}}, {.block = 20ms}), "XREAD BLOCK 20 STREAMS s $", "[]");
  row(cmd::xgroup_create("s", "g", "0"), "XGROUP CREATE s g 0", "OK");
  row(cmd::xgroup_create("t", "g", "$", true), "XGROUP CREATE t g $ MKSTREAM", "OK");
  row(cmd::xgroup_createconsumer("s", "g", "c"), "XGROUP CREATECONSUMER s g c", "true");
  row(cmd::xpending("s", "g"), "XPENDING s g", "0 null null []");
  row(cmd::xreadgroup("g", "c", {{"s", ">"}}, {.count = 2}), "XREADGROUP GROUP g c COUNT 2 STREAMS s >",
      "[s=[1-1[f=1], 2-1[f=2, g=3]]]");
  row(cmd::xreadgroup("g", "c", {{"s", ">"}}, {.block = 20ms, .noack = true}),
      "XREADGROUP GROUP g c BLOCK 20 NOACK STREAMS s >", "[]");
  row(cmd::xdel("s", {"1-1"}), "XDEL s 1-1", "1");
  row(cmd::xreadgroup("g", "c", {{"s", "0"}}), "XREADGROUP GROUP g c STREAMS s 0", "[s=[1-1[], 2-1[f=2, g=3]]]");
  row(cmd::xpending("s", "g"), "XPENDING s g", "2 1-1 2-1 [c=2]");
  row(cmd::xpending("s", "g", {.consumer = "c", .min_idle = 0ms}), "XPENDING s g IDLE 0 - + 10 c", "*");
  row(cmd::xclaim("s", "g", "d", 0ms, {"2-1"}, {.retrycount = 7}), "XCLAIM s g d 0 2-1 RETRYCOUNT 7",
      "[2-1[f=2, g=3]]");
  row(cmd::xpending("s", "g", {.consumer = "d"}), "XPENDING s g - + 10 d", "[2-1 d x7]");
  row(cmd::xautoclaim("s", "g", "e", 0ms, "0", 10), "XAUTOCLAIM s g e 0 0 COUNT 10", "0-0 [2-1[f=2, g=3]] [1-1]");
  row(cmd::xack("s", "g", {"2-1"}), "XACK s g 2-1", "1");
  row(cmd::xinfo_stream("s"), "XINFO STREAM s", "*");
  row(cmd::xinfo_groups("s"), "XINFO GROUPS s", "*");
  row(cmd::xinfo_consumers("s", "g"), "XINFO CONSUMERS s g", "*");
  EXPECT_EQ(client->run(cmd::xinfo_groups("s")).value()[0][0].first, "name");
  row(cmd::xgroup_delconsumer("s", "g", "c"), "XGROUP DELCONSUMER s g c", "0");
  row(cmd::xgroup_setid("s", "g", "0"), "XGROUP SETID s g 0", "OK");
  row(cmd::xgroup_destroy("s", "g"), "XGROUP DESTROY s g", "true");
  row(cmd::xsetid("s", "5-0"), "XSETID s 5-0", "OK");
  row(cmd::xtrim("s", {.minid = "9-0", .exactly = true}), "XTRIM s MINID = 9-0", "1");
}

TEST_P(Commands, Geo) {
  row(cmd::geoadd("g", {{{13.361389, 38.115556}, "Palermo"}, {{15.087269, 37.502669}, "Catania"}}),
      "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", "2");
  row(cmd::geoadd("g", {{{13.5, 38}, "Palermo"}}, {.when = cmd::When::kIfAbsent, .count_changed = true}),
      "GEOADD g NX CH 13.5 38 Palermo", "0");
  row(cmd::geodist("g", "Palermo", "Catania", cmd::GeoUnit::kKilometers), "GEODIST g Palermo Catania km", "166.2742");
  row(cmd::geodist("g", "Palermo", "none"), "GEODIST g Palermo none m", "null");
  row(cmd::geohash("g", {"Palermo", "none"}), "GEOHASH g Palermo none", "[sqc8b49rny0, null]");
  row(cmd::geopos("g", {"Palermo", "none"}), "GEOPOS g Palermo none", "[13/38, null]");
  const cmd::GeoSearch near{.from = cmd::GeoPosition{15, 37},
                            .radius = 200,
                            .unit = cmd::GeoUnit::kKilometers,
                            .order = cmd::GeoSearch::Order::kNearest};
  row(cmd::geosearch("g", near), "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC", "[Catania, Palermo]");
  row(cmd::geosearch_hits("g", near), "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST",
      "[Catania@15/37+56, Palermo@13/38+190]");
  const cmd::GeoSearch box{.from_member = "Palermo", .box = std::pair(10.0, 10.0), .count = 1, .any = true};
  row(cmd::geosearchstore("to", "g", box, true),
      "GEOSEARCHSTORE to g FROMMEMBER Palermo BYBOX 10 10 m COUNT 1 ANY STOREDIST", "1");
}

TEST_P(Commands, HyperLogLogAndBitmaps) {
  using Kind = cmd::BitStep::Kind;
  row(cmd::pfadd("p", {"a", "b"}), "PFADD p a b", "true");
  row(cmd::pfadd("p", {"a"}), "PFADD p a", "false");
  row(cmd::pfmerge("q", {"p"}), "PFMERGE q p", "OK");
  row(cmd::pfcount({"p", "q"}), "PFCOUNT p q", "2");
  row(cmd::setbit("b", 7, true), "SETBIT b 7 1", "false");
  row(cmd::getbit("b", 7), "GETBIT b 7", "true");
  row(cmd::bitcount("b"), "BITCOUNT b", "1");
  row(cmd::bitcount("b", cmd::BitRange{0, 6, true}), "BITCOUNT b 0 6 BIT", "0");
  row(cmd::bitpos("b", true), "BITPOS b 1", "7");
  row(cmd::bitpos("b", true, cmd::BitRange{1, -1}), "BITPOS b 1 1 -1 BYTE", "-1");
  row(cmd::bitop(cmd::BitOperation::kNot, "n", {"b"}), "BITOP NOT n b", "1");
  row(cmd::bitop(cmd::BitOperation::kOr, "n", {"b", "n"}), "BITOP OR n b n", "1");
  row(cmd::bitfield("f", {{.kind = Kind::kSet, .type = "u8", .offset = "0", .value = 255},
                          {.type = "u8", .offset = "#0"},
                          {.kind = Kind::kIncrby, .type = "u8", .offset = "0", .value = 1, .overflow = "FAIL"}}),
      "BITFIELD f SET u8 0 255 GET u8 #0 OVERFLOW FAIL INCRBY u8 0 1", "[0, 255, null]");
  row(cmd::bitfield_ro("f", {{.type = "u4", .offset = "4"}}), "BITFIELD_RO f GET u4 4", "[15]");
}

TEST_P(Commands, ScriptsAndFunctions) {
  row(cmd::eval("return {KEYS[1], ARGV[1], 7}", {"k"}, {"a"}), "EVAL return {KEYS[1], ARGV[1], 7} 1 k a", "[k, a, 7]");
  row(cmd::eval_ro("return redis.call('get', KEYS[1])", {"none"}), "EVAL_RO return redis.call('get', KEYS[1]) 1 none",
      "null");
  row(cmd::script_load("return 1"), "SCRIPT LOAD return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  row(cmd::script_exists({"e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "x"}),
      "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x", "[true, false]");
  row(cmd::evalsha("e0e1f9fabfc9d4800c877a703b823ac0578ff8db", {}),
      "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", "1");
  row(cmd::evalsha_ro("e0e1f9fabfc9d4800c877a703b823ac0578ff8db", {}),
      "EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", "1");
  row(cmd::script_flush(), "SCRIPT FLUSH SYNC", "OK");
  row(cmd::evalsha("e0e1f9fabfc9d4800c877a703b823ac0578ff8db", {}),
      "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", "no_script");
  row(cmd::script_kill(), "SCRIPT KILL", "server_error");  // NOTBUSY

  const std::string library =
      "#!lua name=lib\nredis.register_function{function_name='echo', callback=function(k, a) return a[1] end, "
      "flags={'no-writes'}}";
  row(cmd::function_load(library), "FUNCTION LOAD " + library, "lib");
  row(cmd::function_load(library, true), "FUNCTION LOAD REPLACE " + library, "lib");
  row(cmd::fcall("echo", {"k"}, {"hello"}), "FCALL echo 1 k hello", "hello");
  row(cmd::fcall_ro("echo", {}, {"hello"}), "FCALL_RO echo 0 hello", "hello");
  row(cmd::function_list("li*", true), "FUNCTION LIST LIBRARYNAME li* WITHCODE", "*");
  EXPECT_EQ(show(client->run(cmd::function_list()).value()[0][0]), "library_name=lib");
  row(cmd::function_stats(), "FUNCTION STATS", "*");
  const auto dumped = client->run(cmd::function_dump()).value();
  row(cmd::function_flush(), "FUNCTION FLUSH SYNC", "OK");
  EXPECT_EQ(show(client->run(cmd::function_restore(dumped, cmd::RestorePolicy::kReplace))), "OK");
  row(cmd::function_delete("lib"), "FUNCTION DELETE lib", "OK");
  row(cmd::function_kill(), "FUNCTION KILL", "server_error");  // NOTBUSY
}

TEST_P(Commands, Server) {
  row(cmd::ping(), "PING", "PONG");
  row(cmd::ping("hi"), "PING hi", "hi");
  row(cmd::echo("hi"), "ECHO hi", "hi");
  row(cmd::acl_whoami(), "ACL WHOAMI", "default");
  row(cmd::acl_users(), "ACL USERS", "[default]");
  row(cmd::acl_list(), "ACL LIST", "*");
  row(cmd::acl_cat("hyperloglog"), "ACL CAT hyperloglog", "*");
  row(cmd::client_getname(), "CLIENT GETNAME", "envoyou");
  row(cmd::client_id(), "CLIENT ID", "*");
  row(cmd::client_info(), "CLIENT INFO", "*");
  row(cmd::client_list(), "CLIENT LIST", "*");
  row(cmd::client_kill_id(999999), "CLIENT KILL ID 999999", "0");
  row(cmd::client_pause(1ms, true), "CLIENT PAUSE 1 WRITE", "OK");
  row(cmd::client_unpause(), "CLIENT UNPAUSE", "OK");
  row(cmd::command_count(), "COMMAND COUNT", "*");
  row(cmd::command_list(), "COMMAND LIST", "*");
  row(cmd::command_getkeys({"MSET", "a", "1", "b", "2"}), "COMMAND GETKEYS MSET a 1 b 2", "[a, b]");
  row(cmd::config_set({{"maxmemory-policy", "allkeys-lru"}}), "CONFIG SET maxmemory-policy allkeys-lru", "OK");
  row(cmd::config_get({"maxmemory-policy"}), "CONFIG GET maxmemory-policy", "[maxmemory-policy=allkeys-lru]");
  row(cmd::config_resetstat(), "CONFIG RESETSTAT", "OK");
  row(cmd::config_rewrite(), "CONFIG REWRITE", "OK");
  row(cmd::dbsize(), "DBSIZE", "0");
  row(cmd::set("k", "v"), "SET k v", "stored");
  row(cmd::memory_usage("k", 0), "MEMORY USAGE k SAMPLES 0", "*");
  row(cmd::memory_usage("none"), "MEMORY USAGE none", "null");
  row(cmd::memory_stats(), "MEMORY STATS", "*");
  row(cmd::memory_purge(), "MEMORY PURGE", "OK");
  row(cmd::swapdb(0, 1), "SWAPDB 0 1", "OK");
  row(cmd::flushdb(), "FLUSHDB SYNC", "OK");
  row(cmd::flushall(true), "FLUSHALL ASYNC", "OK");
  EXPECT_THAT(client->run(cmd::info({"server"})).value(), ::testing::HasSubstr("redis_version"));
  row(cmd::latency_latest(), "LATENCY LATEST", "[]");
  row(cmd::latency_reset(), "LATENCY RESET", "0");
  row(cmd::publish("c", "m"), "PUBLISH c m", "0");
  row(cmd::spublish("c", "m"), "SPUBLISH c m", "0");
  row(cmd::pubsub_channels("c*"), "PUBSUB CHANNELS c*", "[]");
  row(cmd::pubsub_numpat(), "PUBSUB NUMPAT", "0");
  row(cmd::pubsub_numsub({"c", "d"}), "PUBSUB NUMSUB c d", "[c=0, d=0]");
  row(cmd::role(), "ROLE", "[master, 0, []]");
  row(cmd::save(), "SAVE", "OK");
  row(cmd::lastsave(), "LASTSAVE", "*");
  row(cmd::bgsave(), "BGSAVE", "Background saving started");
  row(cmd::bgrewriteaof(), "BGREWRITEAOF", "*");
  row(cmd::slowlog_reset(), "SLOWLOG RESET", "OK");
  row(cmd::config_set({{"slowlog-log-slower-than", "0"}}), "CONFIG SET slowlog-log-slower-than 0", "OK");
  row(cmd::slowlog_len(), "SLOWLOG LEN", "*");
  const auto slow = client->run(cmd::slowlog_get(1)).value();
  ASSERT_EQ(slow.size(), 1u);
  EXPECT_EQ(slow[0].client_name, "envoyou");
  const auto time = client->run(cmd::time()).value();
  EXPECT_GT(time.seconds, 1'700'000'000);
  EXPECT_LT(time.microseconds, 1'000'000);
}

TEST_P(Commands, ThatBlockAreRefusedOnSharedLinks) {
  EXPECT_EQ(show(client->run(cmd::blpop({"l"}, 1s))), "unsupported");
  EXPECT_EQ(show(client->run(cmd::xread({{"s", "$"}}, {.block = 1s}))), "unsupported");
  EXPECT_EQ(show(client->run(cmd::wait(1, 1s))), "unsupported");
}

TEST(CommandsRepeat, SaysWhatMayBeSentTwice) {
  EXPECT_EQ(cmd::get("k").repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::set("k", "v", {.expires_in = 1s}).repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::set("k", "v", {.when = cmd::When::kIfPresent}).repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::set("k", "v", {.when = cmd::When::kIfAbsent}).repeat, Repeat::kNever);
  EXPECT_EQ(cmd::set("k", "v", {.get = true}).repeat, Repeat::kNever);
  EXPECT_EQ(cmd::expire("k", 1s).repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::expire("k", 1s, cmd::ExpireWhen::kIfNone).repeat, Repeat::kNever);
  EXPECT_EQ(cmd::incr("k").repeat, Repeat::kNever);
  EXPECT_EQ(cmd::del({"k"}).repeat, Repeat::kNever);
  EXPECT_EQ(cmd::fcall("f", {}).repeat, Repeat::kNever);
  EXPECT_EQ(cmd::fcall_ro("f", {}).repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::xread({{"s", "0"}}).repeat, Repeat::kIsSafe);
  EXPECT_EQ(cmd::xread({{"s", "0"}}, {.block = 1s}).repeat, Repeat::kNever);
}

}  // namespace
}  // namespace envoyou::redis::commands_test
