// Goal: an invalidated tag never has the number again that it had before, also when the table has to forget.
// Method: a table for four tags.
#include "cache/generations.hpp"

#include <gtest/gtest.h>

namespace envoyou::cache::generations_test {
namespace {

TEST(LocalGenerations, ChangeWithEveryBumpAndOnlyThen) {
  LocalGenerations generations(4);
  const auto before = generations.of("a");
  EXPECT_EQ(generations.of("a"), before);
  generations.bump("b");
  EXPECT_EQ(generations.of("a"), before);
  generations.bump("a");
  const auto after = generations.of("a");
  EXPECT_NE(after, before);
  generations.bump("a");
  EXPECT_NE(generations.of("a"), after);
}

TEST(LocalGenerations, WhatIsForgottenIsInvalidToo) {
  LocalGenerations generations(4);
  generations.bump("a");
  const auto of_a = generations.of("a");
  const auto of_other = generations.of("other");
  for (const char* tag : {"b", "c", "d", "e"}) generations.bump(tag);
  EXPECT_NE(generations.of("a"), of_a);
  EXPECT_NE(generations.of("other"), of_other);
  EXPECT_NE(generations.of("e"), of_other);
}

}  // namespace
}  // namespace envoyou::cache::generations_test
