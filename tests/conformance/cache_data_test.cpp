// Goal: the general cache gives back what was set last, for as long as it is good, and says clearly what it refuses.
// Method: the public face over memory, Redis and Redis behind TLS.
#include "cache_world.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace envoyou::testing::cache_data_test {
namespace {

using namespace std::chrono_literals;

class CacheConformance : public ::testing::TestWithParam<Where> {
 protected:
  std::string get(std::string_view key) {
    const auto found = cache->get(key, world.call());
    if (!found) return "(" + std::string(to_string(found.error().code())) + ")";
    return *found ? (*found)->bytes : "(none)";
  }
  Errc set(std::string_view key, std::string_view value, std::optional<Milliseconds> ttl = {}) {
    const auto done = cache->set(key, value, ttl, world.call());
    return done ? Errc::kOk : done.error().code();
  }

  CacheWorld world{GetParam()};
  std::unique_ptr<Cache> cache = world.cache();
};

TEST_P(CacheConformance, GivesBackWhatWasSetLast) {
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(cache->set("a", "one", {}, world.call()).value(), world.source());
  EXPECT_EQ(get("a"), "one");
  EXPECT_EQ(set("a", "two"), Errc::kOk);
  EXPECT_EQ(get("a"), "two");
  EXPECT_EQ((*cache->get("a", world.call()))->source, world.source());
  EXPECT_EQ(cache->remove("a", world.call()).value(), world.source());
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_TRUE(cache->remove("a", world.call())) << "removing what is not there is fine";
}

TEST_P(CacheConformance, AnEmptyValueIsAValue) {
  for (const char* empty : {"", "{}", "[]", "0"}) {
    EXPECT_EQ(set("empty", empty), Errc::kOk);
    EXPECT_EQ(get("empty"), empty);
  }
}

TEST_P(CacheConformance, KeysAndValuesAreBytes) {
  const std::vector<std::string> hostile{std::string("\0", 1),
                                         std::string("a\0b", 3),
                                         "a:b",
                                         "a{b}c",
                                         "*",
                                         "a\r\nDEL b",
                                         "\xff\xfe",
                                         " ",
                                         "a/b?c#d",
                                         "%00",
                                         std::string(kMaxCacheKeyBytes, 'k')};
  for (const auto& key : hostile) EXPECT_EQ(set(key, "value of " + key), Errc::kOk);
  for (const auto& key : hostile) EXPECT_EQ(get(key), "value of " + key);
  std::string every_byte;
  for (int i = 0; i < 300'000; ++i) every_byte += static_cast<char>(i * 31 % 256);
  EXPECT_EQ(set("bytes", every_byte), Errc::kOk);
  EXPECT_EQ(get("bytes"), every_byte);
}

TEST_P(CacheConformance, AValueEndsWithItsTimeAlsoWhenItReplacedALongerOne) {
  EXPECT_EQ(set("ttl", "long", 60s), Errc::kOk);
  EXPECT_EQ(set("ttl", "short", 200ms), Errc::kOk);
  EXPECT_EQ(set("zero", "default", 0ms), Errc::kOk);
  EXPECT_EQ(get("ttl"), "short");
  world.pass(300ms);
  EXPECT_EQ(get("ttl"), "(none)");
  EXPECT_EQ(get("zero"), "default");
}

TEST_P(CacheConformance, NoValueIsForEver) {
  auto options = world.options();
  options.default_ttl = 200ms;
  const auto brief = world.cache(options);
  EXPECT_TRUE(brief->set("k", "v", {}, world.call()));
  world.pass(300ms);
  EXPECT_FALSE(brief->get("k", world.call())->has_value());
}

TEST_P(CacheConformance, BadInputIsRefusedByNameAndNothingIsStored) {
  EXPECT_EQ(set("", "v"), Errc::kInvalidArgument);
  EXPECT_EQ(get(""), "(invalid_argument)");
  EXPECT_EQ(cache->remove("", world.call()).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(set(std::string(kMaxCacheKeyBytes + 1, 'k'), "v"), Errc::kTooLarge);
  EXPECT_EQ(set("k", "v", -1ms), Errc::kInvalidArgument);
  EXPECT_EQ(set("k", "v", kMaxCacheTtl + 1ms), Errc::kInvalidArgument);
  EXPECT_EQ(set("k", "v", Milliseconds::max()), Errc::kInvalidArgument);
  EXPECT_EQ(get("k"), "(none)");
  EXPECT_EQ(set("k", "v", kMaxCacheTtl), Errc::kOk);
  const auto refused = cache->set("k", "v", -1ms, world.call());
  EXPECT_NE(refused.error().message().find("ttl"), std::string_view::npos);
  EXPECT_NE(cache->get("", world.call()).error().message().find("key"), std::string_view::npos);
}

TEST_P(CacheConformance, AValueOverTheBoundIsRefusedAndTheOldOneStays) {
  auto options = world.options();
  options.max_value_bytes = 100;
  const auto small = world.cache(options);
  EXPECT_TRUE(small->set("k", std::string(100, 'x'), {}, world.call()));
  const auto refused = small->set("k", std::string(101, 'x'), {}, world.call());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kTooLarge);
  EXPECT_NE(refused.error().message().find("101"), std::string_view::npos);
  EXPECT_EQ((*small->get("k", world.call()))->bytes.size(), 100U);
}

TEST_P(CacheConformance, JsonIsStoredAsItIsAndAnythingElseIsRefused) {
  EXPECT_TRUE(cache->set_json("j", R"({ "b": 1, "a": [true, null] })", {}, world.call()));
  EXPECT_EQ(get("j"), R"({ "b": 1, "a": [true, null] })");
  for (const char* bad : {"", "{", "{'a':1}", "NaN", "[1,]", "\"\xff\""}) {
    const auto refused = cache->set_json("j", bad, {}, world.call());
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code(), Errc::kInvalidArgument);
    EXPECT_NE(refused.error().message().find("json"), std::string_view::npos);
  }
  EXPECT_EQ(get("j"), R"({ "b": 1, "a": [true, null] })");
}

TEST_P(CacheConformance, ComputesOnceAndGivesThatBack) {
  int computed = 0;
  const auto loader = [&]() -> Result<std::string> { return "computed " + std::to_string(++computed); };
  EXPECT_EQ(cache->get_or_compute("c", loader, {}, world.call())->bytes, "computed 1");
  EXPECT_EQ(cache->get_or_compute("c", loader, {}, world.call())->bytes, "computed 1");
  EXPECT_EQ(get("c"), "computed 1");
  EXPECT_TRUE(cache->remove("c", world.call()));
  const auto again = cache->get_or_compute("c", loader, {}, world.call());
  EXPECT_EQ(again->bytes, "computed 2");
  EXPECT_EQ(again->source, world.source());
}

TEST_P(CacheConformance, ALoadersErrorPassesThroughAndIsNotStored) {
  const auto failing = []() -> Result<std::string> { return Error(Errc::kNotFound, "the loader's own words"); };
  const auto failed = cache->get_or_compute("c", failing, {}, world.call());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), Error(Errc::kNotFound, "the loader's own words"));
  EXPECT_EQ(get("c"), "(none)");
  const auto throwing = []() -> Result<std::string> { throw std::runtime_error("loader"); };
  EXPECT_THROW((void)cache->get_or_compute("c", throwing, {}, world.call()), std::runtime_error);
  EXPECT_TRUE(cache->get_or_compute(
      "c", [] { return Result<std::string>("fine"); }, {}, world.call()));
}

TEST_P(CacheConformance, AThousandMissesAtOnceComputeOnce) {
  constexpr int kCallers = 1000;
  std::atomic<int> computed{0};
  std::atomic<int> right{0};
  const auto loader = [&]() -> Result<std::string> {
    ++computed;
    std::this_thread::sleep_for(50ms);
    return std::string("value");
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      const auto value = cache->get_or_compute("stampede", loader, {}, world.call());
      if (value && value->bytes == "value") ++right;
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(computed, 1);
  EXPECT_EQ(right, kCallers);
}

TEST_P(CacheConformance, AChangeWhileAValueIsComputedWins) {
  const auto while_computing = [&](const std::function<void()>& change) {
    EXPECT_TRUE(cache->remove("c", world.call()));
    const auto loader = [&]() -> Result<std::string> {
      change();
      return std::string("computed");
    };
    EXPECT_EQ(cache->get_or_compute("c", loader, {}, world.call())->bytes, "computed");
    return get("c");
  };
  EXPECT_EQ(while_computing([&] { EXPECT_EQ(set("c", "set meanwhile"), Errc::kOk); }), "set meanwhile");
  EXPECT_EQ(while_computing([&] { EXPECT_TRUE(cache->remove("c", world.call())); }), "(none)");
  EXPECT_EQ(while_computing([] {}), "computed");
}

TEST_P(CacheConformance, AReaderAfterAChangeDoesNotGetWhatWasBegunBefore) {
  std::atomic<bool> begun{false};
  std::atomic<bool> may_end{false};
  const auto slow = [&]() -> Result<std::string> {
    begun = true;
    while (!may_end) std::this_thread::yield();
    return std::string("old");
  };
  std::thread leader([&] { (void)cache->get_or_compute("c", slow, {}, world.call()); });
  while (!begun) std::this_thread::yield();
  EXPECT_TRUE(cache->remove("c", world.call()));
  const auto fast = []() -> Result<std::string> { return std::string("new"); };
  EXPECT_EQ(cache->get_or_compute("c", fast, {}, world.call())->bytes, "new");
  may_end = true;
  leader.join();
  EXPECT_EQ(get("c"), "new");
}

TEST_P(CacheConformance, ReadersAlwaysSeeTheirOwnWritesWhateverOthersDo) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 8; ++writer) {
    writers.emplace_back([&, key = "w" + std::to_string(writer)] {
      for (int i = 0; i < 100; ++i) {
        const std::string value = key + std::to_string(i);
        if (set(key, value) != Errc::kOk || get(key) != value) ++wrong;
        if (i % 10 == 9 && (!cache->remove(key, world.call()) || get(key) != "(none)")) ++wrong;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(CacheConformance, TwoSecretsOfOneRingSeeEachOthersChanges) {
  if (GetParam() == Where::kMemory) GTEST_SKIP() << "caches do not share memory";
  auto before = world.options();
  before.secrets = SecretRing::from({"the first of two secrets", "the second of two secrets"}).value();
  auto after = world.options();
  after.secrets = SecretRing::from({"the second of two secrets", "the first of two secrets"}).value();
  const auto one = world.cache(before);
  const auto other = world.cache(after);
  EXPECT_TRUE(other->set("k", "old", {}, world.call()));
  EXPECT_TRUE(one->set("k", "new", {}, world.call()));
  const auto found = other->get("k", world.call());
  EXPECT_TRUE(!*found || (*found)->bytes == "new") << "never the older value";
  EXPECT_EQ((*one->get("k", world.call()))->bytes, "new");
  EXPECT_TRUE(other->remove("k", world.call()));
  EXPECT_FALSE(one->get("k", world.call())->has_value());
}

INSTANTIATE_TEST_SUITE_P(Over, CacheConformance,
                         ::testing::Values(Where::kMemory, Where::kRedis, Where::kRedisTls, Where::kRedisCluster),
                         [](const auto& each) { return to_string(each.param); });

}  // namespace
}  // namespace envoyou::testing::cache_data_test
