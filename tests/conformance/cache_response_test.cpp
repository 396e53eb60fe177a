// Goal: the response cache answers what was stored for this very question and nothing else, for as long as it is good,
// wherever it
//       keeps it. The faults of the system that it takes over from are among the cases.
// Method: the public face over memory, Redis and Redis behind TLS.
#include "cache_world.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace envoyou::testing::cache_response_test {
namespace {

using namespace std::chrono_literals;

std::vector<EndpointRule> usual_rules() {
  return {{.pattern = "/public/**", .ttl = 60s, .vary_headers = {}, .is_public = true},
          {.pattern = "/short/*", .ttl = 200ms, .vary_headers = {}},
          {.pattern = "/never/*", .ttl = 0ms, .vary_headers = {}},
          {.pattern = "/language/*", .ttl = 60s, .vary_headers = {"Accept-Language"}},
          {.pattern = "/things/*", .ttl = 60s, .vary_headers = {}},
          {.pattern = "/others/*", .ttl = 60s, .vary_headers = {}}};
}

HttpRequest get_of(std::string path, std::string query = "", std::string principal = "") {
  HttpRequest request;
  request.host = "api.example.test";
  request.path = std::move(path);
  request.query = std::move(query);
  request.principal = std::move(principal);
  return request;
}

HttpRequest with_header(HttpRequest request, std::string name, std::string value) {
  request.headers.emplace_back(std::move(name), std::move(value));
  return request;
}

HttpResponse answer(std::string body, HttpHeaders headers = {{"Content-Type", "text/plain"}}) {
  return {200, std::move(headers), std::move(body)};
}

class ResponseCacheConformance : public ::testing::TestWithParam<Where> {
 protected:
  CacheLookup get(const HttpRequest& request) { return responses->get(request, world.call()); }
  std::string body(const HttpRequest& request) {
    const auto found = get(request);
    return found ? found->body : "(" + std::string(found.reason) + ")";
  }
  // As a server does it: look up, make, store.
  bool store(const HttpRequest& request, const HttpResponse& response, StoreOptions options = {}) {
    return responses->set(request, response, get(request), options);
  }

  CacheWorld world{GetParam()};
  std::unique_ptr<ResponseCache> responses = world.responses(usual_rules());
};

TEST_P(ResponseCacheConformance, AnswersWhatWasStored) {
  const auto request = get_of("/things/1");
  const auto miss = get(request);
  EXPECT_FALSE(miss);
  EXPECT_EQ(miss.outcome, CacheOutcome::kMiss);
  EXPECT_EQ(miss.cache_status(), "envoyou; fwd=uri-miss");
  EXPECT_TRUE(responses->set(
      request, answer("one", {{"Content-Type", "a/b"}, {"ETag", "\"e\""}, {"Connection", "close"}}), miss));
  const auto hit = get(request);
  ASSERT_TRUE(hit);
  EXPECT_EQ(*hit, answer("one", {{"Content-Type", "a/b"}, {"ETag", "\"e\""}}));
  EXPECT_EQ(hit.source, world.source());
  EXPECT_LE(hit.age, 10s);
  EXPECT_GT(hit.ttl_left, 50s);
  EXPECT_LE(hit.ttl_left + hit.age, 60s);
}

TEST_P(ResponseCacheConformance, BodiesAreBytesOfAnyLength) {
  std::string every_byte;
  for (int i = 0; i < 70'000; ++i) every_byte += static_cast<char>(i * 7 % 256);
  for (const std::string& content :
       {std::string(), std::string("\0\r\n$-1\r\n", 8), every_byte, std::string(100'000, ' ')}) {
    EXPECT_TRUE(store(get_of("/things/bytes"), answer(content)));
    EXPECT_EQ(body(get_of("/things/bytes")), content);
  }
}

TEST_P(ResponseCacheConformance, AnEmptyAnswerIsAHit) {
  for (const char* empty : {"", "{}", "[]", "0", "null"}) {
    EXPECT_TRUE(store(get_of("/things/empty"), answer(empty)));
    EXPECT_TRUE(get(get_of("/things/empty"))) << empty;
  }
}

TEST_P(ResponseCacheConformance, TwoUsersNeverShareAnEntry) {
  const auto of = [](std::string user) {
    return with_header(get_of("/things/mine", "", user), "Authorization", "Bearer " + user);
  };
  EXPECT_TRUE(store(of("user:1"), answer("first's")));
  EXPECT_EQ(body(of("user:2")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/mine")), "(uri-miss)");
  EXPECT_TRUE(store(of("user:2"), answer("second's")));
  EXPECT_EQ(body(of("user:1")), "first's");
  EXPECT_EQ(body(of("user:2")), "second's");
}

TEST_P(ResponseCacheConformance, CredentialsWithoutAPrincipalAreNeitherAnsweredNorStored) {
  EXPECT_TRUE(store(get_of("/things/open"), answer("for nobody in particular")));
  for (const char* name : {"Authorization", "Cookie", "X-API-Key"}) {
    const auto request = with_header(get_of("/things/open"), name, "secret");
    EXPECT_EQ(body(request), "(credentials)");
    EXPECT_EQ(get(request).cache_status(), "envoyou; fwd=bypass; detail=credentials");
    EXPECT_FALSE(store(request, answer("somebody's")));
  }
  EXPECT_EQ(body(get_of("/things/open")), "for nobody in particular");
}

TEST_P(ResponseCacheConformance, APublicRulesAnswerIsForEverybody) {
  const auto first = with_header(get_of("/public/a", "", "user:1"), "X-API-Key", "one");
  const auto second = with_header(get_of("/public/a"), "X-API-Key", "two");
  EXPECT_TRUE(store(first, answer("same")));
  EXPECT_EQ(body(second), "same");
  EXPECT_EQ(body(get_of("/public/a")), "same");
}

TEST_P(ResponseCacheConformance, TheOrderOfParametersMakesNoDifferenceAndRepeatedOnesDo) {
  EXPECT_TRUE(store(get_of("/things/q", "state=CA&year=2024"), answer("one")));
  EXPECT_EQ(body(get_of("/things/q", "year=2024&state=CA")), "one");
  EXPECT_EQ(body(get_of("/things/q", "year=2024&state=CA&state=CA")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/q", "state=CA")), "(uri-miss)");
}

TEST_P(ResponseCacheConformance, HeadersThatNobodyChoseMakeNoDifference) {
  EXPECT_TRUE(store(with_header(get_of("/things/h"), "X-Request-ID", "1"), answer("one")));
  EXPECT_EQ(body(with_header(with_header(get_of("/things/h"), "X-Request-ID", "2"), "Referer", "x")), "one");
}

TEST_P(ResponseCacheConformance, ChosenHeadersMakeEntriesOfTheirOwn) {
  const auto in = [](std::string language) {
    return with_header(get_of("/language/1"), "accept-language", std::move(language));
  };
  EXPECT_TRUE(store(in("de"), answer("Hallo", {{"Vary", "Accept-Language"}})));
  EXPECT_EQ(body(in("de")), "Hallo");
  EXPECT_EQ(body(in("en")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/language/1")), "(uri-miss)");
}

TEST_P(ResponseCacheConformance, ErrorsAndWhatIsSomebodysOwnAreNotStored) {
  const auto request = get_of("/things/no");
  for (const int status : {201, 206, 302, 400, 401, 403, 429, 500, 503})
    EXPECT_FALSE(store(request, {status, {}, "x"})) << status;
  EXPECT_FALSE(store(request, answer("x", {{"Set-Cookie", "a=b"}})));
  EXPECT_FALSE(store(request, answer("x", {{"Cache-Control", "private"}})));
  EXPECT_FALSE(store(request, answer("x", {{"Cache-Control", "no-store"}})));
  EXPECT_FALSE(store(request, answer("x", {{"Vary", "*"}})));
  EXPECT_FALSE(store(request, answer("x", {{"Vary", "Cookie"}})));
  EXPECT_EQ(body(request), "(uri-miss)");
  EXPECT_TRUE(store(request, {404, {}, "none"}));
  EXPECT_EQ(get(request)->status, 404);
}

TEST_P(ResponseCacheConformance, OnlyGetWithARuleIsCached) {
  EXPECT_EQ(body(get_of("/nowhere")), "(no-rule)");
  EXPECT_EQ(body(get_of("/never/1")), "(no-rule)");
  EXPECT_FALSE(store(get_of("/never/1"), answer("x")));
  auto request = get_of("/things/m");
  request.method = "POST";
  EXPECT_EQ(get(request).cache_status(), "envoyou; fwd=method");
  EXPECT_FALSE(store(request, answer("x")));
  EXPECT_EQ(body(get_of("/public/../things/1")), "(target)");
}

TEST_P(ResponseCacheConformance, HeadIsAnsweredFromGetsEntryAndStoresNothing) {
  auto head = get_of("/things/head");
  head.method = "HEAD";
  EXPECT_FALSE(store(head, answer("")));
  EXPECT_EQ(body(get_of("/things/head")), "(uri-miss)");
  EXPECT_TRUE(store(get_of("/things/head"), answer("body", {{"Content-Length", "4"}})));
  const auto found = get(head);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, answer("", {{"Content-Length", "4"}}));
}

TEST_P(ResponseCacheConformance, AnEntryEndsWithItsRulesTimeOrWithItsOwn) {
  EXPECT_TRUE(store(get_of("/short/1"), answer("short")));
  EXPECT_TRUE(store(get_of("/things/own"), answer("own"), {.ttl = 200ms}));
  EXPECT_TRUE(store(get_of("/short/longer"), answer("longer"), {.ttl = 60s}));
  EXPECT_EQ(body(get_of("/short/1")), "short");
  world.pass(300ms);
  EXPECT_EQ(body(get_of("/short/1")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/own")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/short/longer")), "longer");
}

TEST_P(ResponseCacheConformance, AgeGrowsAndTheTimeLeftShrinks) {
  EXPECT_TRUE(store(get_of("/things/age"), answer("x")));
  world.pass(1100ms);
  const auto hit = get(get_of("/things/age"));
  ASSERT_TRUE(hit);
  EXPECT_GE(hit.age, 1s);
  EXPECT_LT(hit.ttl_left, 59s);
  EXPECT_TRUE(hit.cache_status("cache-1").starts_with("cache-1; hit; ttl=5"));
}

TEST_P(ResponseCacheConformance, InvalidatingARequestTakesItsEntryAlone) {
  EXPECT_TRUE(store(get_of("/things/1", "a=1"), answer("one")));
  EXPECT_TRUE(store(get_of("/things/1", "a=2"), answer("two")));
  EXPECT_TRUE(responses->invalidate(get_of("/things/1", "a=1"), world.call()));
  EXPECT_EQ(body(get_of("/things/1", "a=1")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/1", "a=2")), "two");
  EXPECT_TRUE(store(get_of("/things/1", "a=1"), answer("new")));
  EXPECT_EQ(body(get_of("/things/1", "a=1")), "new");
}

TEST_P(ResponseCacheConformance, InvalidatingAnEndpointTakesItsEntriesAndNoOthers) {
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(store(get_of("/things/" + std::to_string(i), "", i % 2 ? "u" : ""), answer("x")));
  EXPECT_TRUE(store(get_of("/others/1"), answer("other")));
  EXPECT_TRUE(responses->invalidate_endpoint("/things/*", world.call()));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(body(get_of("/things/" + std::to_string(i), "", i % 2 ? "u" : "")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/others/1")), "other");
  EXPECT_TRUE(store(get_of("/things/1"), answer("again")));
  EXPECT_EQ(body(get_of("/things/1")), "again");
}

TEST_P(ResponseCacheConformance, AnUnsafeRequestTakesEveryVariantOfItsResource) {
  EXPECT_TRUE(store(get_of("/things/1", "a=1"), answer("x")));
  EXPECT_TRUE(store(get_of("/things/1", "", "user:1"), answer("x")));
  EXPECT_TRUE(store(get_of("/things/2"), answer("y")));
  auto put = get_of("/things/%31");
  put.method = "PUT";
  EXPECT_TRUE(responses->on_unsafe_request(put, 500, world.call()));
  EXPECT_EQ(body(get_of("/things/1", "a=1")), "x") << "what failed changed nothing";
  EXPECT_TRUE(responses->on_unsafe_request(put, 204, world.call()));
  EXPECT_EQ(body(get_of("/things/1", "a=1")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/1", "", "user:1")), "(uri-miss)");
  EXPECT_EQ(body(get_of("/things/2")), "y");
}

TEST_P(ResponseCacheConformance, APurgeWhileTheAnswerIsMadeWins) {
  const auto request = get_of("/things/race");
  auto put = request;
  put.method = "PUT";
  const std::vector<std::function<void()>> purges{
      [&] { EXPECT_TRUE(responses->invalidate(request, world.call())); },
      [&] { EXPECT_TRUE(responses->invalidate_endpoint("/things/*", world.call())); },
      [&] { EXPECT_TRUE(responses->on_unsafe_request(put, 200, world.call())); }};
  for (const auto& purge : purges) {
    const auto miss = get(request);
    purge();
    (void)responses->set(request, answer("made before the purge"), miss);
    EXPECT_EQ(body(request), "(uri-miss)");
    EXPECT_TRUE(store(request, answer("made after it")));
    EXPECT_EQ(body(request), "made after it");
    purge();
  }
}

TEST_P(ResponseCacheConformance, AnotherServersPurgeWhileTheAnswerIsMadeWins) {
  if (GetParam() == Where::kMemory) GTEST_SKIP() << "processes do not share memory";
  const auto other = world.responses(usual_rules());
  const auto request = get_of("/things/race");
  auto put = request;
  put.method = "PUT";
  const std::vector<std::function<void()>> purges{
      [&] { EXPECT_TRUE(other->invalidate(request, world.call())); },
      [&] { EXPECT_TRUE(other->invalidate_endpoint("/things/*", world.call())); },
      [&] { EXPECT_TRUE(other->on_unsafe_request(put, 200, world.call())); }};
  for (const auto& purge : purges) {
    const auto miss = get(request);
    purge();
    (void)responses->set(request, answer("made before the purge"), miss);
    EXPECT_EQ(body(request), "(uri-miss)");
    EXPECT_FALSE(other->get(request, world.call()));
    EXPECT_TRUE(store(request, answer("made after it")));
    EXPECT_EQ(body(request), "made after it");
    purge();
  }
}

TEST_P(ResponseCacheConformance, ALookUpOfAnotherRequestStoresNothing) {
  const auto miss = get(get_of("/things/1"));
  EXPECT_FALSE(responses->set(get_of("/things/2"), answer("x"), miss));
  EXPECT_FALSE(responses->set(get_of("/things/1", "", "user:1"), answer("x"), miss));
  EXPECT_FALSE(responses->set(get_of("/things/1"), answer("x"), CacheLookup{}));
  EXPECT_EQ(body(get_of("/things/1")), "(uri-miss)");
}

TEST_P(ResponseCacheConformance, StoringWithoutALookUpStoresToo) {
  EXPECT_TRUE(responses->set(get_of("/things/1"), answer("x"), {.ttl = 30s}));
  const auto hit = get(get_of("/things/1"));
  ASSERT_TRUE(hit);
  EXPECT_LE(hit.ttl_left, 30s);
  EXPECT_TRUE(responses->set(get_of("/things/1"), answer("y")));
  EXPECT_EQ(body(get_of("/things/1")), "y");
}

TEST_P(ResponseCacheConformance, AnAnswerOverTheBoundIsNotStored) {
  auto options = world.options();
  options.max_value_bytes = 1000;
  const auto small = world.responses({.cache = options, .rules = usual_rules(), .default_rule = {}});
  const auto request = get_of("/things/big");
  EXPECT_FALSE(small->set(request, answer(std::string(1001, 'x')), small->get(request, world.call())));
  EXPECT_TRUE(small->set(request, answer(std::string(900, 'x')), small->get(request, world.call())));
}

TEST_P(ResponseCacheConformance, BadInputIsRefusedByName) {
  EXPECT_EQ(responses->invalidate_endpoint("/no such rule", world.call()).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(responses->invalidate(get_of("no slash"), world.call()).error().code(), Errc::kInvalidArgument);
  auto put = get_of(std::string(10'000, '/'));
  put.method = "PUT";
  EXPECT_EQ(responses->on_unsafe_request(put, 200, world.call()).error().code(), Errc::kInvalidArgument);
  ResponseCacheOptions bad{
      .cache = world.options(), .rules = {{.pattern = "x", .ttl = 1s, .vary_headers = {}}}, .default_rule = {}};
  bad.cache.prefix = "with space";
  bad.cache.read_share = 0ms;
  const auto opened = ResponseCache::open(bad, world.backing());
  ASSERT_FALSE(opened);
  for (const char* field : {"prefix", "read_share", "rules[0].pattern"}) {
    EXPECT_NE(opened.error().message().find(field), std::string_view::npos) << opened.error().message();
  }
}

TEST_P(ResponseCacheConformance, FetchMakesOnceAndAnswersThen) {
  int made = 0;
  const auto handler = [&](const HttpRequest&) { return answer("made " + std::to_string(++made)); };
  const auto first = responses->fetch(get_of("/things/f"), handler, world.call());
  EXPECT_EQ(first.response.body, "made 1");
  EXPECT_EQ(first.lookup.cache_status(), "envoyou; fwd=uri-miss; stored");
  const auto second = responses->fetch(get_of("/things/f"), handler, world.call());
  EXPECT_EQ(second.response.body, "made 1");
  EXPECT_TRUE(second.lookup);
  EXPECT_EQ(responses->fetch(get_of("/nowhere"), handler, world.call()).response.body, "made 2");
  EXPECT_EQ(responses->fetch(get_of("/nowhere"), handler, world.call()).lookup.cache_status(),
            "envoyou; fwd=bypass; detail=no-rule");
  EXPECT_EQ(made, 3);
}

TEST_P(ResponseCacheConformance, AThousandMissesAtOnceRunOneHandler) {
  constexpr int kCallers = 1000;
  std::atomic<int> made{0};
  std::atomic<int> right{0};
  const auto handler = [&](const HttpRequest&) {
    ++made;
    std::this_thread::sleep_for(50ms);
    return answer("made");
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      if (responses->fetch(get_of("/things/stampede"), handler, world.call()).response.body == "made") ++right;
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(right, kCallers);
}

TEST_P(ResponseCacheConformance, PrincipalsNeverShareAFlight) {
  std::atomic<int> made{0};
  std::atomic<int> wrong{0};
  const auto handler = [&](const HttpRequest& request) {
    ++made;
    std::this_thread::sleep_for(20ms);
    return answer("for " + request.principal);
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 64; ++i) {
    callers.emplace_back([&, user = "user:" + std::to_string(i % 8)] {
      if (responses->fetch(get_of("/things/f", "", user), handler, world.call()).response.body != "for " + user)
        ++wrong;
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(made, 8);
}

TEST_P(ResponseCacheConformance, WhatMayNotBeStoredIsNotGivenToWhoWaits) {
  std::atomic<int> made{0};
  const auto handler = [&](const HttpRequest&) {
    std::this_thread::sleep_for(10ms);
    return answer(std::to_string(++made), {{"Set-Cookie", "a=b"}});
  };
  std::vector<std::thread> callers;
  std::mutex mutex;
  std::vector<std::string> bodies;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] {
      auto body = responses->fetch(get_of("/public/cookie"), handler, world.call()).response.body;
      const std::lock_guard lock(mutex);
      bodies.push_back(std::move(body));
    });
  }
  for (auto& caller : callers) caller.join();
  std::sort(bodies.begin(), bodies.end());
  EXPECT_EQ(std::unique(bodies.begin(), bodies.end()), bodies.end());
}

TEST_P(ResponseCacheConformance, AHandlersExceptionIsItsCallersAlone) {
  const auto failing = [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("handler"); };
  EXPECT_THROW((void)responses->fetch(get_of("/things/throw"), failing, world.call()), std::runtime_error);
  const auto working = [](const HttpRequest&) { return answer("fine"); };
  EXPECT_EQ(responses->fetch(get_of("/things/throw"), working, world.call()).response.body, "fine");
}

TEST_P(ResponseCacheConformance, WhoFollowsALeaderThatFailsLeadsNext) {
  std::atomic<int> calls{0};
  std::atomic<int> thrown{0};
  std::atomic<int> fine{0};
  const auto handler = [&](const HttpRequest&) {
    const int call = ++calls;
    std::this_thread::sleep_for(20ms);
    if (call == 1) throw std::runtime_error("the first fails");
    return answer("fine");
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] {
      try {
        if (responses->fetch(get_of("/things/handover"), handler, world.call()).response.body == "fine") ++fine;
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(thrown, 1);
  EXPECT_EQ(fine, 15);
  EXPECT_EQ(calls, 2);
}

TEST_P(ResponseCacheConformance, AReaderAfterAPurgeDoesNotGetWhatWasBegunBefore) {
  std::atomic<bool> begun{false};
  std::atomic<bool> may_end{false};
  const auto slow = [&](const HttpRequest&) {
    begun = true;
    while (!may_end) std::this_thread::yield();
    return answer("old");
  };
  std::thread leader([&] { (void)responses->fetch(get_of("/things/flight"), slow, world.call()); });
  while (!begun) std::this_thread::yield();
  auto put = get_of("/things/flight");
  put.method = "PUT";
  EXPECT_TRUE(responses->on_unsafe_request(put, 200, world.call()));
  const auto fast = [](const HttpRequest&) { return answer("new"); };
  EXPECT_EQ(responses->fetch(get_of("/things/flight"), fast, world.call()).response.body, "new");
  may_end = true;
  leader.join();
  EXPECT_EQ(body(get_of("/things/flight")), "new");
}

TEST_P(ResponseCacheConformance, LookUpsAreCounted) {
  (void)get(get_of("/things/c"));
  store(get_of("/things/c"), answer("x"));
  (void)get(get_of("/things/c"));
  (void)get(get_of("/nowhere"));
  const auto counted = [&](const std::string& result) {
    return world.counted("envoyou_cache_requests_total", "cache=\"response\",result=\"" + result + "\"");
  };
  EXPECT_EQ(counted("hit"), 1U);
  EXPECT_EQ(counted("miss"), 2U);
  EXPECT_EQ(counted("bypass"), 1U);
}

INSTANTIATE_TEST_SUITE_P(Over, ResponseCacheConformance,
                         ::testing::Values(Where::kMemory, Where::kRedis, Where::kRedisTls, Where::kRedisCluster),
                         [](const auto& each) { return to_string(each.param); });

}  // namespace
}  // namespace envoyou::testing::cache_response_test
