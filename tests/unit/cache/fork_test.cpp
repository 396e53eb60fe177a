// Goal: a cache that was made before fork() says so in the child instead of sharing locks and links with its parent.
// Method: a child process, in process and without threads.
#include <envoyou/cache.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace envoyou::fork_test {
namespace {

Backing in_process() {
  Backing backing;
  backing.fallback = std::make_shared<Switch>(SwitchOptions{}, backing.runtime, false);
  return backing;
}

bool is_forked(const Error& error) { return error.code() == Errc::kForked; }

TEST(CacheAfterFork, TheChildIsToldAtEachCall) {
  const auto cache = Cache::open({}, in_process()).value();
  ASSERT_TRUE(cache->set("k", "v"));
  const auto in_child = [&] {
    const auto loader = [] { return Result<std::string>("x"); };
    return is_forked(cache->get("k").error()) && is_forked(cache->set("k", "w").error()) &&
           is_forked(cache->remove("k").error()) && is_forked(cache->get_or_compute("k", loader).error());
  };
  EXPECT_EXIT(std::_Exit(in_child() ? 0 : 1), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ((*cache->get("k"))->bytes, "v");
}

TEST(CacheAfterFork, TheChildsResponsesBypassIt) {
  ResponseCacheOptions options;
  options.rules = {{.pattern = "/a", .ttl = std::chrono::seconds(60), .vary_headers = {}}};
  const auto responses = ResponseCache::open(options, in_process()).value();
  HttpRequest request;
  request.path = "/a";
  ASSERT_TRUE(responses->set(request, {}, responses->get(request)));
  const auto in_child = [&] {
    const auto found = responses->get(request);
    return found.outcome == CacheOutcome::kBypass && found.reason == "forked" &&
           is_forked(responses->invalidate(request).error()) && is_forked(responses->invalidate_endpoint("/a").error());
  };
  EXPECT_EXIT(std::_Exit(in_child() ? 0 : 1), ::testing::ExitedWithCode(0), "");
  EXPECT_TRUE(responses->get(request));
}

}  // namespace
}  // namespace envoyou::fork_test
