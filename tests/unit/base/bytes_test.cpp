// Goal: encodings are reversible where they should be, strict where one value must have one spelling, and never confuse
// parts. Method: the RFC's vectors, all 256 byte values, and malformed inputs one by one.
#include "base/bytes.hpp"

#include <gtest/gtest.h>

namespace envoyou::base::bytes_test {
namespace {

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

TEST(Base64Url, EncodesTheVectorsOfRfc4648WithoutPadding) {
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("foo"), "Zm9v");
  EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
}

TEST(Base64Url, RestoresEveryByte) {
  for (std::size_t length = 0; length <= 256; ++length) {
    const std::string bytes = all_bytes().substr(0, length);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
}

TEST(Base64Url, RefusesASecondSpellingOfTheSameBytes) {
  EXPECT_EQ(from_base64url("Zg"), "f");
  EXPECT_EQ(from_base64url("Zh"), std::nullopt) << "spare bits";
  EXPECT_EQ(from_base64url("Zg=="), std::nullopt) << "padding";
  EXPECT_EQ(from_base64url("Z"), std::nullopt) << "length";
  EXPECT_EQ(from_base64url("+/8"), std::nullopt) << "the other alphabet";
  EXPECT_EQ(from_base64url(std::string("Zg\0", 3)), std::nullopt) << "NUL";
}

TEST(PercentEncoding, RestoresEveryByteAndLeavesNoStructure) {
  const std::string text = percent_encode(all_bytes());
  EXPECT_EQ(text.find_first_of(":{}*?[]\n\r "), std::string::npos);
  EXPECT_EQ(percent_decode(text), all_bytes());
}

TEST(PercentEncoding, RefusesBrokenEscapes) {
  for (const char* broken : {"%", "%4", "%zz", "a%2", "%-1"}) {
    EXPECT_EQ(percent_decode(broken), std::nullopt) << broken;
  }
  EXPECT_EQ(percent_decode("a+b%2B"), "a+b+");
}

TEST(LengthPrefix, KeepsListsOfPartsApart) {
  std::string one;
  append_length_prefixed(one, "a:b");
  append_length_prefixed(one, "c");
  std::string other;
  append_length_prefixed(other, "a");
  append_length_prefixed(other, "b:c");
  EXPECT_NE(one, other);
  EXPECT_EQ(one, "3:a:b1:c");
}

TEST(Integers, SurviveTheirBytes) {
  std::string bytes;
  append_u32(bytes, 0xDEADBEEFu);
  append_u64(bytes, 0x0123456789ABCDEFull);
  EXPECT_EQ(read_u32(bytes), 0xDEADBEEFu);
  EXPECT_EQ(read_u64(std::string_view(bytes).substr(4)), 0x0123456789ABCDEFull);
}

TEST(Utf8, AcceptsWellFormedTextOnly) {
  EXPECT_TRUE(is_valid_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF")) << "overlong";
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80")) << "surrogate";
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80")) << "beyond U+10FFFF";
  EXPECT_FALSE(is_valid_utf8("\xE2\x82")) << "cut short";
  EXPECT_FALSE(is_valid_utf8("\x80")) << "continuation first";
  EXPECT_FALSE(is_valid_utf8("\xFF"));
}

TEST(ControlCharacters, AreFoundInBothTheirForms) {
  EXPECT_TRUE(has_control_characters("a\nb"));
  EXPECT_TRUE(has_control_characters(std::string_view("\0", 1)));
  EXPECT_TRUE(has_control_characters("\x7F"));
  EXPECT_TRUE(has_control_characters("\xC2\x85"));
  EXPECT_FALSE(has_control_characters("\xC2\xA0 \xC3\xA9"));
}

TEST(Printable, ShowsWithoutHarm) {
  EXPECT_EQ(printable("a\"b\n\x80"), "\"a\\\"b\\x0a\\x80\"");
  EXPECT_LT(printable(std::string(1000, 'x')).size(), 80u);
}

TEST(ParseInt64, TakesADecimalIntegerAndNothingElse) {
  EXPECT_EQ(parse_int64("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int64("42"), 42);
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808", "--1"}) {
    EXPECT_EQ(parse_int64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace envoyou::base::bytes_test
