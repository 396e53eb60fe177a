// Goal: however a stream is cut into pieces, the same replies come out of it, and a stream that is broken is refused
// whichever way its bytes took through the decoder.
// Method: random replies, written as RESP by a writer of the test's own, cut at every byte and at random; then the
// same streams with random bytes changed. A stream fed byte by byte goes through hiredis' reader alone, one fed whole
// through the short way where it can, so comparing the two compares the two parsers. Failures print the seed.
#include "wire/decoder.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace envoyou::wire::decoder_property_test {
namespace {

using redis::Reply;
using redis::ReplyType;

constexpr int kMaxDepth = 3;

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }

  // A reply, and its bytes appended.
  Reply reply(std::string& bytes, int depth = 0) {
    const std::size_t kind = below(depth < kMaxDepth ? 12 : 8);
    switch (kind) {
      case 0: return null(bytes);
      case 1:
      case 2: return bulk(bytes);
      case 3: return line(bytes, '+', ReplyType::kString);
      case 4: return line(bytes, '-', ReplyType::kError);
      case 5: return integer(bytes);
      case 6: return scalar(bytes, below(2) == 0 ? "#t" : "#f");
      case 7: return scalar(bytes, below(2) == 0 ? ",2.5" : ",-1e30");
      case 8: return aggregate(bytes, '%', ReplyType::kMap, 2 * below(4), depth);
      case 9: return aggregate(bytes, '~', ReplyType::kSet, below(5), depth);
      case 10: return aggregate(bytes, '>', ReplyType::kPush, below(5), depth);
      default: return aggregate(bytes, '*', ReplyType::kArray, below(8), depth);
    }
  }

 private:
  Reply null(std::string& bytes) {
    static constexpr std::string_view kSpellings[] = {"_\r\n", "$-1\r\n", "*-1\r\n"};
    bytes += kSpellings[below(3)];
    return {};
  }
  Reply bulk(std::string& bytes) {
    Reply made{.type = ReplyType::kString};
    const std::size_t size = below(10) == 0 ? below(3000) : below(30);
    for (std::size_t i = 0; i < size; ++i) made.text += "\r\n:$*0123abc\0\xff"[below(15)];
    const bool verbatim = below(8) == 0;
    bytes += verbatim ? "=" + std::to_string(size + 4) + "\r\ntxt:" : "$" + std::to_string(size) + "\r\n";
    bytes += made.text + "\r\n";
    return made;
  }
  Reply line(std::string& bytes, char type, ReplyType as) {
    Reply made{.type = as, .text = std::string(below(50), 'e')};
    bytes += type + made.text + "\r\n";
    return made;
  }
  Reply integer(std::string& bytes) {
    const auto bits = std::uniform_int_distribution<std::int64_t>(std::numeric_limits<std::int64_t>::min())(random_);
    Reply made{.type = ReplyType::kInteger, .integer = bits >> below(64)};
    bytes += ":" + std::to_string(made.integer) + "\r\n";
    return made;
  }
  static Reply scalar(std::string& bytes, const std::string& text) {
    bytes += text + "\r\n";
    if (text[0] == '#') return {.type = ReplyType::kBoolean, .integer = text[1] == 't' ? 1 : 0};
    return {.type = ReplyType::kDouble, .number = std::stod(text.substr(1)), .text = text.substr(1)};
  }
  Reply aggregate(std::string& bytes, char type, ReplyType as, std::size_t count, int depth) {
    Reply made{.type = as};
    bytes += type + std::to_string(type == '%' ? count / 2 : count) + "\r\n";
    for (std::size_t i = 0; i < count; ++i) made.elements.push_back(reply(bytes, depth + 1));
    return made;
  }

  std::mt19937_64 random_;
};

struct Outcome {
  std::vector<Reply> replies;
  Errc failed_with = Errc::kOk;
  std::size_t left = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend void PrintTo(const Outcome& outcome, std::ostream* out) {
    *out << outcome.replies.size() << " replies, " << to_string(outcome.failed_with) << ", " << outcome.left
         << " bytes left";
  }
};

// `step` tells how long the next piece is.
template <class Step>
Outcome decode(std::string_view bytes, const DecoderLimits& limits, Step step) {
  Decoder decoder(limits);
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view piece = bytes.substr(at, step());
    at += piece.size();
    decoder.feed(piece);
    for (;;) {
      const auto next = decoder.next();
      if (!next) {
        outcome.failed_with = next.error().code();
        return outcome;
      }
      if (!*next) break;
      outcome.replies.push_back(Reply::from(**next));
    }
  }
  outcome.left = decoder.buffered();
  return outcome;
}

Outcome decode_whole(std::string_view bytes, const DecoderLimits& limits) {
  return decode(bytes, limits, [&] { return bytes.size(); });
}
Outcome decode_by_byte(std::string_view bytes, const DecoderLimits& limits) {
  return decode(bytes, limits, [] { return std::size_t{1}; });
}

TEST(DecoderProperty, AnyCutGivesTheSameReplies) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Generator generator(seed);
    std::string bytes;
    Outcome expected;
    for (std::size_t i = 0; i < 1 + generator.below(6); ++i) expected.replies.push_back(generator.reply(bytes));
    const DecoderLimits limits;
    ASSERT_EQ(decode_whole(bytes, limits), expected);
    ASSERT_EQ(decode_by_byte(bytes, limits), expected);
    for (int round = 0; round < 4; ++round) {
      ASSERT_EQ(decode(bytes, limits, [&] { return 1 + generator.below(40); }), expected);
    }
    if (bytes.size() > 400) continue;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      std::size_t pieces = 0;
      ASSERT_EQ(decode(bytes, limits, [&] { return pieces++ == 0 ? cut : bytes.size(); }), expected)
          << "cut at " << cut;
    }
  }
}

// The short way and the long one must charge alike and refuse alike, so the limits are close to what the replies need.
TEST(DecoderProperty, BrokenStreamsAreRefusedAlikeHoweverTheyAreCut) {
  std::size_t refused = 0;
  for (unsigned seed = 0; seed < 6000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Generator generator(seed);
    std::string bytes;
    while (bytes.size() < 60) generator.reply(bytes);
    for (std::size_t i = 0; i < generator.below(4); ++i) {
      bytes[generator.below(bytes.size())] = "\r\n:$*+-_%0123456789x"[generator.below(20)];
    }
    const DecoderLimits limits{.max_bytes = 300 + generator.below(2000),
                               .max_elements = 1 + generator.below(12),
                               .max_depth = generator.below(4),
                               .max_line_bytes = 32 + generator.below(30)};
    const Outcome whole = decode_whole(bytes, limits);
    ASSERT_EQ(decode_by_byte(bytes, limits), whole) << ::testing::PrintToString(bytes);
    ASSERT_EQ(decode(bytes, limits, [&] { return 1 + generator.below(20); }), whole) << ::testing::PrintToString(bytes);
    ASSERT_TRUE(whole.failed_with == Errc::kOk || whole.failed_with == Errc::kProtocol);
    refused += whole.failed_with == Errc::kProtocol ? 1 : 0;
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_LT(refused, 5900u);
}

}  // namespace
}  // namespace envoyou::wire::decoder_property_test
