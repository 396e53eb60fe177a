// Goal: a user's text never becomes key structure, equal texts of other meaning differ, and secrets hide what is
// guessable. Method: hostile texts, fuzzed pairs with a printed seed, prefixes good and bad.
#include "base/name.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace envoyou::base::name_test {
namespace {

SecretRing ring() { return SecretRing::from({"0123456789abcdef", "fedcba9876543210"}).value(); }

TEST(KeyPart, HoldsNoStructureWhateverTheText) {
  const std::string hostile[] = {"a:b", "{x}", "}{", "*", "a\r\nb", std::string("\0", 1), "\xFF", ""};
  std::set<std::string> names;
  for (const auto& text : hostile) {
    const std::string part = key_part({}, "user", text);
    EXPECT_EQ(part.find_first_of(":{}*\r\n \0"), std::string::npos);
    names.insert(part);
  }
  EXPECT_EQ(names.size(), std::size(hostile));
}

TEST(KeyPart, IsReadableWithoutASecretAndNotWithOne) {
  EXPECT_EQ(key_part({}, "user", "user_123"), "cuser_123");
  const std::string hidden = key_part(ring(), "user", "user_123");
  EXPECT_EQ(hidden.find("user"), std::string::npos);
  EXPECT_EQ(hidden.size(), 44u);
  EXPECT_NE(hidden, key_part_with(ring(), 1, "user", "user_123"));
  EXPECT_NE(hidden, key_part(ring(), "limiter", "user_123"));
}

TEST(KeyPart, BoundsTheLengthOfAnyText) {
  EXPECT_LE(key_part({}, "user", std::string(100'000, ':')).size(), 1 + 3 * 128u);
}

TEST(KeyPart, NeverGivesTwoTextsOneName) {
  const std::uint64_t seed = jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Jitter random(seed);
  std::set<std::string> texts;
  std::set<std::string> names;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.next() % 6; n > 0; --n) text += ":{}%cshA\0"[random.next() % 9];
    texts.insert(text);
    names.insert(key_part({}, "d", text));
  }
  EXPECT_EQ(texts.size(), names.size());
}

TEST(Prefix, IsRefusedWhereItWouldBeStructure) {
  EXPECT_TRUE(validate_prefix("prefix", "envoyou:cache"));
  for (const char* bad : {"", "a b", "a{b", "a}b", "a*", "a\nb", "caf\xC3\xA9", "a\"b"}) {
    const auto result = validate_prefix("REDIS_CACHE_PREFIX", bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().message().find("REDIS_CACHE_PREFIX: "), 0u);
  }
  EXPECT_FALSE(validate_prefix("prefix", std::string(129, 'a')));
}

TEST(SecretRing, TellsEveryProblemAndNoSecret) {
  const auto result = SecretRing::from({"short", "0123456789abcdef", "0123456789abcdef"});
  ASSERT_FALSE(result);
  const std::string text(result.error().message());
  EXPECT_NE(text.find("secrets[0]: shorter"), std::string::npos) << text;
  EXPECT_NE(text.find("secrets[2]: the same"), std::string::npos) << text;
  EXPECT_EQ(text.find("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace envoyou::base::name_test
