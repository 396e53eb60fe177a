// Goal: copies are bounded, and no late reply brings back what has ended or been replaced.
// Method: tickets are taken and replies are let in, in the orders in which a network can deliver them.
#include "session/copies.hpp"

#include <gtest/gtest.h>

#include <string>

namespace envoyou::session::copies_test {
namespace {

Record record(const std::string& name, std::uint64_t version = 1, const std::string& user = "u") {
  Record made;
  made.address = {name, "abcdef"};
  made.user_part = user;
  made.user_id = user;
  made.user_data = "{}";
  made.version = version;
  made.change = "c" + std::to_string(version);
  made.idle_ms = 1'000;
  made.absolute_end_ms = 10'000;
  return made;
}

const UserKey kUser{"u", "abcdef"};

TEST(Copies, GivesBackWhatItWasGiven) {
  Copies copies({});
  copies.put(record("a"), 5, copies.ticket());
  const auto found = copies.find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->record.user_id, "u");
  EXPECT_EQ(found->confirmed_ms, 5);
  EXPECT_FALSE(copies.find("b"));
  copies.put(record("a"), 9, copies.ticket());
  EXPECT_EQ(copies.find("a")->confirmed_ms, 9);
  EXPECT_EQ(copies.size(), 1U);
}

TEST(Copies, LetsTheLeastRecentlyServedGo) {
  Copies copies({3, 1U << 20U});
  for (const char* name : {"a", "b", "c"}) copies.put(record(name), 1, copies.ticket());
  copies.put(record("a"), 2, copies.ticket());
  copies.put(record("d"), 3, copies.ticket());
  EXPECT_FALSE(copies.find("b"));
  EXPECT_TRUE(copies.find("a") && copies.find("c") && copies.find("d"));
  EXPECT_EQ(copies.of_user(kUser).size(), 3U);
}

TEST(Copies, IsBoundedInBytes) {
  Copies copies({1'000'000, 64U << 10U});
  for (int i = 0; i < 1'000; ++i) {
    Record large = record(std::to_string(i));
    large.user_data = std::string(4'000, 'x');
    copies.put(large, 1, copies.ticket());
    EXPECT_LE(copies.bytes(), 64U << 10U);
  }
  EXPECT_GT(copies.size(), 5U);
  Record huge = record("huge");
  huge.user_data = std::string(100'000, 'x');
  copies.put(huge, 1, copies.ticket());
  EXPECT_FALSE(copies.find("huge"));
  for (int i = 0; i < 1'000; ++i) copies.drop(std::to_string(i));
  EXPECT_EQ(copies.bytes(), 0U);
}

TEST(Copies, KeepsNoneWhereNoneAreWanted) {
  Copies copies({0, 0});
  copies.put(record("a"), 1, copies.ticket());
  EXPECT_FALSE(copies.find("a"));
}

TEST(Copies, IsNotFooledByAReplyThatWasOnItsWayWhenTheSessionEnded) {
  Copies copies({});
  const auto before = copies.ticket();
  copies.drop("a");
  copies.put(record("a"), 1, before);
  EXPECT_FALSE(copies.find("a"));
  copies.put(record("a"), 1, copies.ticket());
  EXPECT_TRUE(copies.find("a")) << "asked after the end, Redis knows better";
}

TEST(Copies, TellsAnEndThatWasAcknowledgedHereFromWhatItJustDoesNotHave) {
  Copies copies({});
  copies.put(record("a"), 1, copies.ticket());
  copies.put(record("b"), 1, copies.ticket());
  copies.drop("a");
  copies.end_user(kUser);
  EXPECT_FALSE(copies.has_ended("a"));
  EXPECT_TRUE(copies.has_ended("b"));
}

TEST(Copies, IsNotFooledByAReplyThatWasOnItsWayWhenTheUserLoggedOutEverywhere) {
  Copies copies({});
  copies.put(record("old"), 1, copies.ticket());
  const auto before = copies.ticket();
  copies.end_user(kUser);
  EXPECT_FALSE(copies.find("old"));
  copies.put(record("a"), 1, before);
  copies.put(record("of another", 1, "v"), 1, before);
  EXPECT_FALSE(copies.find("a"));
  EXPECT_TRUE(copies.find("of another"));
}

TEST(Copies, BelievesNoTicketThatIsOlderThanWhatItRemembersOfEnds) {
  Copies copies({});
  const auto before = copies.ticket();
  copies.drop("the first");
  for (std::size_t i = 0; i < kMaxRememberedEnds; ++i) copies.drop(std::to_string(i));
  copies.put(record("the first"), 1, before);
  copies.put(record("another"), 1, before);
  EXPECT_FALSE(copies.find("the first"));
  EXPECT_FALSE(copies.find("another"));
  copies.put(record("another"), 1, copies.ticket());
  EXPECT_TRUE(copies.find("another"));
}

TEST(Copies, KeepsTheNewerOfTwoVersions) {
  Copies copies({});
  const auto before = copies.ticket();
  copies.put(record("a", 6), 1, copies.ticket());
  copies.put(record("a", 5), 2, before);
  EXPECT_EQ(copies.find("a")->record.version, 6U);
  copies.put(record("a", 7), 3, before);
  EXPECT_EQ(copies.find("a")->record.version, 7U);
  copies.put(record("a", 2), 4, copies.ticket());
  EXPECT_EQ(copies.find("a")->record.version, 2U) << "a Redis that lost its newest writes is still the truth";
}

TEST(Copies, LetsATouchThroughOnceInAWhile) {
  Copies copies({});
  EXPECT_TRUE(copies.claim_note("a", 0, 100));
  copies.put(record("a"), 1, copies.ticket());
  EXPECT_TRUE(copies.claim_note("a", 1'000, 100));
  EXPECT_FALSE(copies.claim_note("a", 1'050, 100));
  copies.put(record("a", 2), 1, copies.ticket());
  EXPECT_FALSE(copies.claim_note("a", 1'060, 100));
  EXPECT_TRUE(copies.claim_note("a", 1'100, 100));
}

}  // namespace
}  // namespace envoyou::session::copies_test
