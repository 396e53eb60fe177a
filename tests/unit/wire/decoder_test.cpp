// Goal: every kind of reply of RESP2 and RESP3 arrives as the value it stands for, whole or in pieces, one or many at
// a time.
// Method: bytes written out by hand; each case is read in one piece (the short way) and byte by byte (hiredis' reader).
#include "wire/decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <string>

namespace envoyou::wire::decoder_test {
namespace {

using namespace std::string_literals;
using redis::Reply;
using redis::ReplyType;

std::vector<Reply> drain(Decoder& decoder) {
  std::vector<Reply> replies;
  for (;;) {
    const auto next = decoder.next();
    if (!next) ADD_FAILURE() << next.error().message();
    if (!next || !*next) return replies;
    replies.push_back(Reply::from(**next));
  }
}

class DecoderTest : public ::testing::TestWithParam<bool> {
 protected:
  std::vector<Reply> decode(std::string_view bytes) {
    std::vector<Reply> replies;
    const std::size_t step = GetParam() ? bytes.size() : 1;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      decoder_.feed(bytes.substr(at, step));
      for (Reply& reply : drain(decoder_)) replies.push_back(std::move(reply));
    }
    return replies;
  }
  Reply decode_one(std::string_view bytes) {
    auto replies = decode(bytes);
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_EQ(decoder_.buffered(), 0u);
    return replies.empty() ? Reply{} : replies.front();
  }

  Decoder decoder_{DecoderLimits{}};
};

INSTANTIATE_TEST_SUITE_P(Pieces, DecoderTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Whole" : "ByteByByte"; });

TEST_P(DecoderTest, SimpleStringsAndErrors) {
  EXPECT_EQ(decode_one("+OK\r\n"), (Reply{.type = ReplyType::kString, .text = "OK"}));
  EXPECT_EQ(decode_one("+\r\n"), (Reply{.type = ReplyType::kString}));
  EXPECT_EQ(decode_one("-ERR no such thing\r\n"), (Reply{.type = ReplyType::kError, .text = "ERR no such thing"}));
}

TEST_P(DecoderTest, Integers) {
  EXPECT_EQ(decode_one(":0\r\n").integer, 0);
  EXPECT_EQ(decode_one(":-1\r\n").integer, -1);
  EXPECT_EQ(decode_one(":9223372036854775807\r\n").integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(decode_one(":-9223372036854775808\r\n").integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(decode_one(":1732400000000\r\n"), (Reply{.type = ReplyType::kInteger, .integer = 1732400000000}));
}

TEST_P(DecoderTest, BulkStringsOfAnyBytes) {
  EXPECT_EQ(decode_one("$0\r\n\r\n"), (Reply{.type = ReplyType::kString}));
  EXPECT_EQ(decode_one("$4\r\n\r\n\0x\r\n"s).text, "\r\n\0x"s);
}

TEST_P(DecoderTest, ThreeSpellingsOfNull) {
  EXPECT_EQ(decode_one("$-1\r\n"), Reply{});
  EXPECT_EQ(decode_one("*-1\r\n"), Reply{});
  EXPECT_EQ(decode_one("_\r\n"), Reply{});
}

TEST_P(DecoderTest, ArraysNestAndHoldNullsAndErrors) {
  const Reply reply = decode_one("*4\r\n:1\r\n*2\r\n$1\r\na\r\n_\r\n-ERR x\r\n*0\r\n");
  ASSERT_EQ(reply.elements.size(), 4u);
  EXPECT_EQ(reply.elements[1].elements[0].text, "a");
  EXPECT_EQ(reply.elements[1].elements[1], Reply{});
  EXPECT_EQ(reply.elements[2].type, ReplyType::kError);
  EXPECT_EQ(reply.elements[3], (Reply{.type = ReplyType::kArray}));
}

TEST_P(DecoderTest, MapsAreFlattenedAndSetsAndPushesKeepTheirType) {
  const Reply map = decode_one("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n");
  EXPECT_EQ(map.type, ReplyType::kMap);
  ASSERT_EQ(map.elements.size(), 4u);
  EXPECT_EQ(map.elements[3].integer, 2);
  EXPECT_EQ(decode_one("~1\r\n:7\r\n").type, ReplyType::kSet);
  const Reply push = decode_one(">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n");
  EXPECT_EQ(push.type, ReplyType::kPush);
  EXPECT_EQ(push.elements[1].elements[0].text, "key");
}

TEST_P(DecoderTest, DoublesKeepTheirText) {
  const Reply reply = decode_one(",3.25\r\n");
  EXPECT_EQ(reply, (Reply{.type = ReplyType::kDouble, .number = 3.25, .text = "3.25"}));
  EXPECT_EQ(decode_one(",-inf\r\n").number, -HUGE_VAL);
  EXPECT_TRUE(std::isnan(decode_one(",nan\r\n").number));
}

TEST_P(DecoderTest, DoublesDoNotDependOnTheHostsLocale) {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  bool comma = false;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"}) {
    comma = comma || std::setlocale(LC_NUMERIC, name) != nullptr;
  }
  const Reply reply = decode_one(",0.5\r\n");
  std::setlocale(LC_NUMERIC, before.c_str());
  EXPECT_EQ(reply.number, 0.5);
  if (!comma) GTEST_SKIP() << "no locale with a decimal comma is installed: seen only with a point";
}

TEST_P(DecoderTest, BooleansVerbatimStringsAndBigNumbers) {
  EXPECT_EQ(decode_one("#t\r\n"), (Reply{.type = ReplyType::kBoolean, .integer = 1}));
  EXPECT_EQ(decode_one("#f\r\n"), (Reply{.type = ReplyType::kBoolean, .integer = 0}));
  EXPECT_EQ(decode_one("=8\r\ntxt:Some\r\n"), (Reply{.type = ReplyType::kString, .text = "Some"}));
  EXPECT_EQ(decode_one("=4\r\ntxt:\r\n").text, "");
  EXPECT_EQ(decode_one("(-3492890328409238509324850943850943825024385\r\n").text,
            "-3492890328409238509324850943850943825024385");
}

TEST_P(DecoderTest, ManyRepliesOfAllKindsInOneStream) {
  std::string bytes;
  for (int i = 0; i < 500; ++i) {
    bytes += "$3\r\nabc\r\n*3\r\n:1\r\n:999999\r\n:1732400000000\r\n%1\r\n+k\r\n+v\r\n_\r\n,0.1\r\n";
  }
  const auto replies = decode(bytes);
  ASSERT_EQ(replies.size(), 2500u);
  EXPECT_EQ(replies[2495].text, "abc");
  EXPECT_EQ(replies[2496].elements[2].integer, 1732400000000);
  EXPECT_EQ(replies[2497].type, ReplyType::kMap);
  EXPECT_EQ(decoder_.buffered(), 0u);
}

TEST_P(DecoderTest, WhatIsNotRespIsRefusedAndStaysRefused) {
  for (const std::string_view bytes : {"?5\r\n",
                                       "\x01\xfe?not a reply\r\n",
                                       ":12x\r\n",
                                       ":+1\r\n",
                                       ":01\r\n",
                                       ":-0\r\n",
                                       ":\r\n",
                                       "$x\r\n",
                                       "$-2\r\n",
                                       "*-2\r\n",
                                       "$1\r\nabc\r\n",
                                       "$3\r\nabc!!",
                                       "+a\nb\r\n",
                                       "+a\rb\r\n",
                                       "*1\r\n+a\rb\r\n",
                                       ",\r2\r\n",
                                       "*1\r\n,\r2\r\n",
                                       "#x\r\n",
                                       ",1,5\r\n",
                                       "_x\r\n",
                                       "=3\r\nabc\r\n",
                                       "=5\r\nabcde\r\n",
                                       "(12a\r\n",
                                       "|1\r\n+a\r\n+b\r\n:1\r\n",
                                       "*1\r\n?\r\n",
                                       "$?\r\n",
                                       "HTTP/1.1 400 Bad Request\r\n",
                                       ":92233720368547758080\r\n"}) {
    Decoder decoder{DecoderLimits{}};
    const std::size_t step = GetParam() ? bytes.size() : 1;
    Result<const redis::ReplyView*> next = nullptr;
    for (std::size_t at = 0; at < bytes.size() && next; at += step) {
      decoder.feed(bytes.substr(at, step));
      next = decoder.next();
      ASSERT_FALSE(next && *next) << bytes;
    }
    ASSERT_FALSE(next) << bytes;
    EXPECT_EQ(next.error().code(), Errc::kProtocol);
    decoder.feed("+OK\r\n");
    EXPECT_FALSE(decoder.next()) << bytes;
  }
}

TEST(Decoder, TellsWhatWasWrong) {
  Decoder decoder{DecoderLimits{}};
  decoder.feed("!5\r\nhello\r\n");
  EXPECT_THAT(std::string(decoder.next().error().message()),
              ::testing::AllOf(::testing::HasSubstr("not a reply"), ::testing::HasSubstr("\"!\"")));
}

TEST(Decoder, CountsTheBytesOfAReplyThatIsNotWhole) {
  Decoder decoder{DecoderLimits{}};
  EXPECT_EQ(decoder.buffered(), 0u);
  decoder.feed("+OK\r\n$5\r\nab");
  EXPECT_EQ(drain(decoder).size(), 1u);
  EXPECT_EQ(decoder.buffered(), 6u);
  decoder.feed("cde\r\n");
  EXPECT_EQ(drain(decoder).size(), 1u);
  EXPECT_EQ(decoder.buffered(), 0u);
}

TEST(Decoder, GoesOnWithPlainRepliesBehindOneThatCameInPieces) {
  Decoder decoder{DecoderLimits{}};
  const std::string large(100'000, 'x');
  std::string bytes = "$100000\r\n" + large + "\r\n";
  for (int i = 0; i < 3000; ++i) bytes += ":" + std::to_string(i) + "\r\n";
  std::vector<Reply> replies;
  for (std::size_t at = 0; at < bytes.size(); at += 65536) {
    decoder.feed(std::string_view(bytes).substr(at, 65536));
    for (Reply& reply : drain(decoder)) replies.push_back(std::move(reply));
  }
  ASSERT_EQ(replies.size(), 3001u);
  EXPECT_EQ(replies[0].text, large);
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(replies[static_cast<std::size_t>(i) + 1].integer, i);
}

TEST(Decoder, CanBeMovedInTheMidstOfAReply) {
  Decoder first{DecoderLimits{}};
  first.feed("*2\r\n:1\r\n");
  EXPECT_TRUE(drain(first).empty());
  Decoder second = std::move(first);
  second.feed(":2\r\n");
  const auto replies = drain(second);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].elements[1].integer, 2);
}

}  // namespace
}  // namespace envoyou::wire::decoder_test
