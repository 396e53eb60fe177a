// Goal: what waits to be carried over is the newest of each key, is never forgotten, and never holds more than its
// bound. Method: small bounds; writes and acknowledgements in every order.
#include "cache/pending_purges.hpp"
#include "cache/pending_writes.hpp"

#include <gtest/gtest.h>

namespace envoyou::cache::pending_test {
namespace {

using std::chrono::seconds;
using Kind = PendingWrite::Kind;

constexpr TimePoint kNow{std::chrono::hours(1)};
const Names kNames("p", {});

PendingWrite write_of(std::string_view key, std::optional<std::string> value, std::uint64_t sequence) {
  PendingWrite write{.names = kNames.all_data(key),
                     .kind = value ? Kind::kValue : Kind::kRemoved,
                     .ttl = seconds(60),
                     .expires = kNow + seconds(60),
                     .sequence = sequence};
  if (value) write.payload = std::make_shared<const std::string>(std::move(*value));
  return write;
}

std::string found(const PendingWrites& pending, std::string_view key, TimePoint now = kNow) {
  const auto write = pending.find(kNames.data(key), now);
  if (!write) return "(none)";
  if (write->kind == Kind::kRemoved) return "(removed)";
  return write->kind == Kind::kDropped ? "(dropped)" : *write->payload;
}

TEST(PendingWrites, TheNewestOfAKeyCounts) {
  PendingWrites pending({});
  EXPECT_TRUE(pending.put(write_of("a", "one", 1)));
  EXPECT_TRUE(pending.put(write_of("a", "two", 2)));
  EXPECT_EQ(found(pending, "a"), "two");
  EXPECT_TRUE(pending.put(write_of("a", std::nullopt, 3)));
  EXPECT_EQ(found(pending, "a"), "(removed)");
  EXPECT_EQ(pending.size(), 1U);
  EXPECT_EQ(found(pending, "b"), "(none)");
}

TEST(PendingWrites, AnEarlierCallThatComesLateChangesNothing) {
  PendingWrites pending({});
  pending.put(write_of("a", "two", 2));
  EXPECT_TRUE(pending.put(write_of("a", "one", 1)));
  EXPECT_EQ(found(pending, "a"), "two");
}

TEST(PendingWrites, AreFoundUntilTheirVeryVersionIsAcknowledged) {
  PendingWrites pending({});
  pending.put(write_of("a", "one", 1));
  const auto sent = pending.batch(10);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(found(pending, "a"), "one");
  pending.put(write_of("a", "two", 2));
  pending.done(sent[0]);
  EXPECT_EQ(found(pending, "a"), "two");
  pending.done(pending.batch(10)[0]);
  EXPECT_EQ(pending.size(), 0U);
}

TEST(PendingWrites, AValueWhoseTimeIsOverIsARemoval) {
  PendingWrites pending({});
  pending.put(write_of("a", "one", 1));
  EXPECT_EQ(found(pending, "a", kNow + seconds(60)), "(removed)");
}

TEST(PendingWrites, TheOldestValuesBeyondTheBoundBecomeRemovals) {
  PendingWrites pending({.max_values = 2, .max_bytes = 1u << 20});
  for (int i = 0; i < 5; ++i) pending.put(write_of("k" + std::to_string(i), "v", static_cast<std::uint64_t>(i)));
  EXPECT_EQ(found(pending, "k0"), "(dropped)");
  EXPECT_EQ(found(pending, "k2"), "(dropped)");
  EXPECT_EQ(found(pending, "k3"), "v");
  EXPECT_EQ(pending.size(), 5U);
  EXPECT_EQ(pending.dropped(), 3U);
}

TEST(PendingWrites, BytesAreBoundedAndWhatDoesNotFitAtAllIsRefused) {
  PendingWrites pending({.max_values = 100, .max_bytes = 4'000});
  std::uint64_t sequence = 0;
  EXPECT_TRUE(pending.put(write_of("big", std::string(5'000, 'x'), ++sequence)));
  EXPECT_EQ(found(pending, "big"), "(dropped)")
      << "the key's old value in Redis must go, whatever happens to the new one";
  int accepted = 0;
  while (accepted < 1'000 && pending.put(write_of("k" + std::to_string(accepted), std::string(300, 'x'), ++sequence)))
    ++accepted;
  EXPECT_GT(accepted, 3);
  EXPECT_LT(accepted, 20);
  EXPECT_EQ(found(pending, "k0"), "(dropped)");
  EXPECT_TRUE(pending.put(write_of("k0", "again", ++sequence))) << "a key that waits can always be changed";
  EXPECT_EQ(pending.size(), static_cast<std::size_t>(accepted) + 1);
}

TEST(PendingWrites, NothingIsLostHoweverManyBatchesItTakes) {
  PendingWrites pending({});
  for (int i = 0; i < 100; ++i) {
    const auto value = i % 3 == 0 ? std::nullopt : std::optional<std::string>("v");
    pending.put(write_of("k" + std::to_string(i), value, static_cast<std::uint64_t>(i)));
  }
  std::size_t carried = 0;
  while (pending.size() > 0) {
    for (const auto& write : pending.batch(7)) {
      pending.done(write);
      ++carried;
    }
  }
  EXPECT_EQ(carried, 100U);
}

Identity identity_of(std::string_view canonical, std::string_view endpoint) {
  return {.entry = kNames.response(canonical), .tags = {{kNames.endpoint_tag(endpoint)}, {kNames.everything_tag()}}};
}

TEST(PendingPurges, CoverTheirEntriesAndNoOthers) {
  PendingPurges pending(10, kNames.all_everything_tags());
  EXPECT_FALSE(pending.covers(identity_of("x", "/a")));
  pending.put({.tags = kNames.all_endpoint_tags("/a")});
  pending.put({.entries = kNames.all_responses("y")});
  EXPECT_TRUE(pending.covers(identity_of("x", "/a")));
  EXPECT_TRUE(pending.covers(identity_of("y", "/b")));
  EXPECT_FALSE(pending.covers(identity_of("x", "/b")));
}

TEST(PendingPurges, OnesThatCameWhileTheyWereSentAreSentAgain) {
  PendingPurges pending(10, kNames.all_everything_tags());
  pending.put({.tags = kNames.all_endpoint_tags("/a")});
  const auto batch = pending.batch(10);
  pending.put({.tags = kNames.all_endpoint_tags("/a")});
  pending.done(batch);
  EXPECT_TRUE(pending.covers(identity_of("x", "/a")));
  pending.done(pending.batch(10));
  EXPECT_EQ(pending.size(), 0U);
}

TEST(PendingPurges, TooManyBecomeThePurgeOfEverything) {
  PendingPurges pending(3, kNames.all_everything_tags());
  for (const char* tag : {"/a", "/b", "/c", "/d"}) pending.put({.tags = kNames.all_endpoint_tags(tag)});
  EXPECT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending.overflowed(), 1U);
  EXPECT_TRUE(pending.covers(identity_of("never purged", "/z")));
  EXPECT_EQ(pending.batch(10).purge.tags, kNames.all_everything_tags());
}

}  // namespace
}  // namespace envoyou::cache::pending_test
