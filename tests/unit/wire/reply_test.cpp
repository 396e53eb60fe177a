// Goal: the usual readers take the shapes they are for, in RESP2 and RESP3, and call everything else somebody else's
// reply.
// Method: hand them views made here; no bytes are involved.
#include <envoyou/redis/command.hpp>

#include <gtest/gtest.h>

#include <array>

namespace envoyou::redis::reply_test {
namespace {

ReplyView text(std::string_view value) { return {.type = ReplyType::kString, .text = value}; }
ReplyView integer(std::int64_t value) { return {.type = ReplyType::kInteger, .integer = value}; }
ReplyView error(std::string_view value) { return {.type = ReplyType::kError, .text = value}; }
ReplyView list(std::span<const ReplyView> of, ReplyType type = ReplyType::kArray) {
  return {.type = type, .elements = of};
}

template <class R>
Errc code_of(const Result<R>& result) {
  return result ? Errc::kOk : result.error().code();
}

TEST(DecodeOk, TakesOkAndNothingElse) {
  EXPECT_TRUE(decode_ok(text("OK"), 0));
  EXPECT_EQ(code_of(decode_ok(text("QUEUED"), 0)), Errc::kForeignReply);
  EXPECT_EQ(code_of(decode_ok(text("ok"), 0)), Errc::kForeignReply);
  EXPECT_EQ(code_of(decode_ok(integer(1), 0)), Errc::kForeignReply);
  EXPECT_EQ(code_of(decode_ok({}, 0)), Errc::kForeignReply);
}

TEST(DecodeInteger, TakesAnInteger) {
  EXPECT_EQ(decode_integer(integer(-5), 0).value(), -5);
  EXPECT_EQ(code_of(decode_integer(text("5"), 0)), Errc::kForeignReply);
  EXPECT_EQ(code_of(decode_integer({}, 0)), Errc::kForeignReply);
}

TEST(DecodeString, TakesAStringAndTheTextOfADouble) {
  EXPECT_EQ(decode_string(text("x"), 0).value(), "x");
  EXPECT_EQ(decode_string({.type = ReplyType::kDouble, .number = 1.5, .text = "1.5"}, 0).value(), "1.5");
  EXPECT_EQ(code_of(decode_string({}, 0)), Errc::kForeignReply);
  EXPECT_EQ(code_of(decode_string(integer(1), 0)), Errc::kForeignReply);
}

TEST(DecodeOptionalString, TakesNull) {
  EXPECT_EQ(decode_optional_string({}, 0).value(), std::nullopt);
  EXPECT_EQ(decode_optional_string(text(""), 0).value(), "");
  EXPECT_EQ(code_of(decode_optional_string(list({}), 0)), Errc::kForeignReply);
}

TEST(DecodeStrings, TakesArraysSetsAndMapsOfStrings) {
  const std::array pair{text("a"), text("b")};
  const std::vector<std::string> expected{"a", "b"};
  EXPECT_EQ(decode_strings(list(pair), 0).value(), expected);
  EXPECT_EQ(decode_strings(list(pair, ReplyType::kSet), 0).value(), expected);
  EXPECT_EQ(decode_strings(list(pair, ReplyType::kMap), 0).value(), expected);
  EXPECT_EQ(code_of(decode_strings(list(pair, ReplyType::kPush), 0)), Errc::kForeignReply);
  const std::array holed{text("a"), ReplyView{}};
  EXPECT_EQ(code_of(decode_strings(list(holed), 0)), Errc::kForeignReply);
}

TEST(DecodeOptionalStrings, KeepsNullsInTheirPlaces) {
  const std::array holed{text("a"), ReplyView{}, text("c")};
  const std::vector<std::optional<std::string>> expected{"a", std::nullopt, "c"};
  EXPECT_EQ(decode_optional_strings(list(holed), 0).value(), expected);
  const std::array wrong{integer(1)};
  EXPECT_EQ(code_of(decode_optional_strings(list(wrong), 0)), Errc::kForeignReply);
}

TEST(DecodeAny, KeepsErrorsInsideAnArrayAsValues) {
  const std::array inner{integer(1), error("WRONGTYPE no")};
  const Reply reply = decode_any(list(inner), 0).value();
  ASSERT_EQ(reply.elements.size(), 2u);
  EXPECT_EQ(reply.elements[1].type, ReplyType::kError);
  EXPECT_EQ(reply.elements[1].text, "WRONGTYPE no");
}

TEST(DecodeAny, OwnsWhatItGives) {
  std::string source = "value";
  const std::array inner{text(source)};
  const Reply reply = decode_any(list(inner, ReplyType::kSet), 0).value();
  source = "other";
  EXPECT_EQ(reply.type, ReplyType::kSet);
  EXPECT_EQ(reply.elements[0].text, "value");
}

TEST(Decoders, GiveAnErrorReplyAsTheServersErrorAndNotAsForeign) {
  EXPECT_EQ(code_of(decode_ok(error("ERR no"), 0)), Errc::kServerError);
  EXPECT_EQ(decode_integer(error("ERR no"), 0).error().message(), "ERR no");
}

TEST(Decoders, NeverTellTheContentOfAForeignReply) {
  const auto result = decode_integer(text("alice's session"), 0);
  EXPECT_EQ(result.error().message(), "reply: expected an integer, got a string");
}

}  // namespace
}  // namespace envoyou::redis::reply_test
