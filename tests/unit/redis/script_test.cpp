// Goal: a script is named by the digest that Redis computes, and its second form differs from the first in nothing
// but the text. Method: a digest known from Redis' documentation; words compared as bytes.
#include <envoyou/redis/script.hpp>

#include <gtest/gtest.h>

namespace envoyou::redis::script_test {
namespace {

TEST(Script, IsNamedByItsSha1) { EXPECT_EQ(Script("return 1").sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"); }

TEST(Script, IsCalledByDigestWithKeysAndArguments) {
  const Script script("return 1");
  Words words = script.words(1);
  words.add("key").add("argument");
  EXPECT_EQ(words.count(), 5u);
  EXPECT_EQ(
      words.encoded(),
      "$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n1\r\n$3\r\nkey\r\n$8\r\nargument\r\n");
}

TEST(Script, IsCalledWithItsTextAndTheSameKeysAndArguments) {
  const Script script("return 1");
  Words words = script.words(1);
  words.add("key").add(std::string_view("\0\r\n", 3));
  Words expected("EVAL", std::string_view("return 1"));
  expected.add(1).add("key").add(std::string_view("\0\r\n", 3));
  const Words with_text = script.with_text(words);
  EXPECT_EQ(with_text.encoded(), expected.encoded());
  EXPECT_EQ(with_text.count(), expected.count());
}

TEST(Script, GivesItsCommandsTheScript) {
  const Script script("return 1");
  const auto command = script.command<std::int64_t>(script.words(0), decode_integer, Repeat::kIsSafe, 7);
  EXPECT_EQ(command.script, &script);
  EXPECT_EQ(command.tag, 7u);
  EXPECT_EQ(command.repeat, Repeat::kIsSafe);
}

}  // namespace
}  // namespace envoyou::redis::script_test
