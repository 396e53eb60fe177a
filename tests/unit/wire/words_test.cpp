// Goal: a command's words reach the server as they are, whatever bytes they hold, and the size foretold is the size
// sent.
// Method: compare with the RESP text written out by hand.
#include "wire/encoder.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace envoyou::wire::words_test {
namespace {

using redis::Words;
using namespace std::string_literals;

std::string sent(const Words& words) {
  std::string out(most_encoded(words), '?');
  const auto size = static_cast<std::size_t>(encode(words, out.data()) - out.data());
  EXPECT_LE(size, out.size());
  out.resize(size);
  return out;
}

TEST(Words, AreBulkStringsBehindACount) { EXPECT_EQ(sent(Words("GET", "key")), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"); }

TEST(Words, MayBeEmptyOrHoldAnyByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(sent(Words("SET", "", all)), "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$256\r\n" + all + "\r\n");
  EXPECT_EQ(sent(Words("ECHO", "a\r\n$1\r\nb"s)), "*2\r\n$4\r\nECHO\r\n$8\r\na\r\n$1\r\nb\r\n");
}

TEST(Words, TakeIntegersAsDecimals) {
  const Words words("X", 0, -7, std::numeric_limits<std::int64_t>::min(), std::uint64_t{18446744073709551615u});
  EXPECT_EQ(sent(words),
            "*5\r\n$1\r\nX\r\n$1\r\n0\r\n$2\r\n-7\r\n$20\r\n-9223372036854775808\r\n"
            "$20\r\n18446744073709551615\r\n");
}

TEST(Words, CanBeAddedOneByOneAndCounted) {
  Words words("DEL");
  std::string expected = "*1001\r\n$3\r\nDEL\r\n";
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    words.add(key);
    expected += "$" + std::to_string(key.size()) + "\r\n" + key + "\r\n";
  }
  EXPECT_EQ(words.count(), 1001u);
  EXPECT_EQ(sent(words), expected);
}

TEST(Words, AreTheSameWhereverTheyLie) {
  for (const std::size_t size : {0u, 1u, 9u, 10u, 80u, 90u, 99u, 100u, 101u, 1000u}) {
    const std::string word(size, 'w');
    Words words("ECHO", word);
    const std::string expected = "*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n" + word + "\r\n";
    const Words copy = words;
    EXPECT_EQ(sent(words), expected);
    Words moved = std::move(words);
    EXPECT_EQ(sent(moved), expected);
    words = copy;
    EXPECT_EQ(sent(words), expected);
    words.add("more");
    EXPECT_EQ(sent(copy), expected);
    moved.clear();
    EXPECT_EQ(moved.count(), 0u);
    EXPECT_EQ(moved.encoded(), "");
  }
}

TEST(Words, GrowSeldom) {
  Words words("EVALSHA", "0123456789012345678901234567890123456789", 1, "envoyou:ratelimit:x", 30, 60000);
  EXPECT_LT(words.encoded().size(), 200u);
  int growths = 0;
  const char* before = words.encoded().data();
  for (int i = 0; i < 1000; ++i) {
    words.add("0123456789");
    growths += words.encoded().data() != before ? 1 : 0;
    before = words.encoded().data();
  }
  EXPECT_LE(growths, 10);
}

}  // namespace
}  // namespace envoyou::wire::words_test
