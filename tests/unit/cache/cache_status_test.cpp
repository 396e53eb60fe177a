// Goal: the Cache-Status field says what happened in the words of RFC 9211, whatever the cache is called.
// Method: look-ups made by hand.
#include <envoyou/cache.hpp>

#include <gtest/gtest.h>

namespace envoyou::cache_status_test {
namespace {

CacheLookup lookup_of(CacheOutcome outcome, std::string_view reason = {}) {
  CacheLookup lookup;
  lookup.outcome = outcome;
  lookup.reason = reason;
  return lookup;
}

TEST(CacheStatus, AHitTellsTheSecondsThatAreLeft) {
  CacheLookup hit = lookup_of(CacheOutcome::kHit);
  hit.ttl_left = Milliseconds(123'900);
  EXPECT_EQ(hit.cache_status(), "envoyou; hit; ttl=123");
}

TEST(CacheStatus, AMissTellsWhyItWentOnAndWhatCameOfIt) {
  CacheLookup miss = lookup_of(CacheOutcome::kMiss, "uri-miss");
  EXPECT_EQ(miss.cache_status(), "envoyou; fwd=uri-miss");
  miss.stored = true;
  EXPECT_EQ(miss.cache_status(), "envoyou; fwd=uri-miss; stored");
  miss.stored = false;
  miss.collapsed = true;
  EXPECT_EQ(miss.cache_status(), "envoyou; fwd=uri-miss; collapsed");
  EXPECT_EQ(lookup_of(CacheOutcome::kMiss, "unavailable").cache_status(), "envoyou; fwd=uri-miss; detail=unavailable");
}

TEST(CacheStatus, ABypassNamesItsReason) {
  EXPECT_EQ(lookup_of(CacheOutcome::kBypass, "credentials").cache_status(), "envoyou; fwd=bypass; detail=credentials");
  EXPECT_EQ(lookup_of(CacheOutcome::kBypass, "method").cache_status(), "envoyou; fwd=method");
  EXPECT_EQ(CacheLookup{}.cache_status(), "envoyou; fwd=bypass");
}

TEST(CacheStatus, ANameThatIsNoTokenIsQuoted) {
  const CacheLookup miss = lookup_of(CacheOutcome::kBypass, "method");
  EXPECT_EQ(miss.cache_status("edge-1"), "edge-1; fwd=method");
  EXPECT_EQ(miss.cache_status("1st"), "\"1st\"; fwd=method");
  EXPECT_EQ(miss.cache_status("a\r\nSet-Cookie: b\"\\"), "\"aSet-Cookie: b\\\"\\\\\"; fwd=method");
  EXPECT_EQ(miss.cache_status(""), "\"\"; fwd=method");
}

}  // namespace
}  // namespace envoyou::cache_status_test
