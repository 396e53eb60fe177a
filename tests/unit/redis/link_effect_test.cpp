// Goal: what would break the sharing of a link is refused by name, and nothing else is.
// Method: a table of commands, in upper and lower case.
#include "redis/link_effect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis::link_effect_test {
namespace {

using ::testing::HasSubstr;

Submission submission_of(const std::vector<std::string>& argv) {
  Submission made;
  for (const std::string& word : argv) made.words.add(word);
  return made;
}

TEST(LinkEffect, IsToldByNameInAnyCase) {
  const std::vector<std::pair<std::vector<std::string>, LinkEffect>> cases = {
      {{"BLPOP", "k", "1"}, LinkEffect::kWaits},
      {{"blpop", "k", "1"}, LinkEffect::kWaits},
      {{"BRPOPLPUSH", "a", "b", "0"}, LinkEffect::kWaits},
      {{"WAIT", "1", "0"}, LinkEffect::kWaits},
      {{"XREAD", "COUNT", "1", "block", "5", "STREAMS", "s", "$"}, LinkEffect::kWaits},
      {{"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"}, LinkEffect::kWaits},
      {{"Watch", "k"}, LinkEffect::kWatches},
      {{"UNWATCH"}, LinkEffect::kUnwatches},
      {{"select", "1"}, LinkEffect::kChanges},
      {{"CLIENT", "NO-EVICT", "on"}, LinkEffect::kChanges},
      {{"CLIENT", "reply", "off"}, LinkEffect::kSubscribes},
      {{"MULTI"}, LinkEffect::kTransaction},
      {{"EXEC"}, LinkEffect::kTransaction},
      {{"DISCARD"}, LinkEffect::kTransaction},
      {{"PUNSUBSCRIBE"}, LinkEffect::kSubscribes},
      {{"MONITOR"}, LinkEffect::kSubscribes},
      {{"QUIT"}, LinkEffect::kEnds},
      {{"HELLO", "3"}, LinkEffect::kEnds},
      {{"AUTH", "secret"}, LinkEffect::kEnds},
  };
  for (const auto& [argv, effect] : cases) EXPECT_EQ(effect_of(submission_of(argv)), effect) << argv[0];
}

TEST(LinkEffect, IsNoneForAllElse) {
  const std::vector<std::vector<std::string>> cases = {{"GET", "k"},
                                                       {"SET", "BLPOP", "WATCH"},
                                                       {"EVALSHA", "x", "0"},
                                                       {"XREAD", "STREAMS", "BLOCK", "0"},
                                                       {"CLIENT", "LIST"},
                                                       {"CLIENT"},
                                                       {"PING"},
                                                       {"BITPOS", "k", "1"},
                                                       {""},
                                                       {"{", "x"},
                                                       {std::string(1000, 'S')},
                                                       {"SUBSCRIBER"},
                                                       {"SELEC"}};
  for (const auto& argv : cases) EXPECT_EQ(effect_of(submission_of(argv)), LinkEffect::kNone) << argv[0];
}

TEST(LinkEffect, IsWaitingForWhatSaysSo) {
  Submission submission = submission_of({"NEW.BLOCKING.COMMAND", "k"});
  submission.waits = true;
  EXPECT_EQ(effect_of(submission), LinkEffect::kWaits);
}

TEST(LinkEffect, SaysWhatToUseInstead) {
  const auto why = breaks_sharing(submission_of({"blpop", "k", "1"}));
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), Errc::kUnsupported);
  EXPECT_EQ(why->message(), "blpop: would hold up all callers of a shared link; use a redis::Connection");
  EXPECT_FALSE(breaks_sharing(submission_of({"GET", "k"})));
}

TEST(LinkEffect, OfWatchAndSelectIsWelcomeOnAConnectionOfOnesOwn) {
  const Words words("SUBSCRIBE", "c");
  EXPECT_FALSE(breaks_connection(LinkEffect::kWatches, words));
  EXPECT_FALSE(breaks_connection(LinkEffect::kChanges, words));
  EXPECT_FALSE(breaks_connection(LinkEffect::kWaits, words));
  EXPECT_THAT(std::string(breaks_connection(LinkEffect::kSubscribes, words)->message()), HasSubstr("SUBSCRIBE"));
  EXPECT_TRUE(breaks_connection(LinkEffect::kTransaction, Words("EXEC")));
  EXPECT_TRUE(breaks_connection(LinkEffect::kEnds, Words("QUIT")));
}

}  // namespace
}  // namespace envoyou::redis::link_effect_test
