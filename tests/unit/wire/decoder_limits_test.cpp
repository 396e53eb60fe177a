// Goal: a hostile or broken server costs a refusal, not memory and not time; replies at a limit still pass; and a
// healthy server's replies cost no allocation.
// Method: bombs as bytes; allocations are counted by a replaced operator new, time is the thread's processor time.
#include "allocation_counter.hpp"
#include "wire/decoder.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <string>

namespace envoyou::wire::decoder_limits_test {
namespace {

using testing::allocations;

enum class Verdict { kNothing, kReply, kRefused };

Verdict outcome_of(Decoder& decoder) {
  const auto next = decoder.next();
  if (!next) {
    EXPECT_EQ(next.error().code(), Errc::kProtocol) << next.error().message();
    return Verdict::kRefused;
  }
  return *next ? Verdict::kReply : Verdict::kNothing;
}

// Feeds 16 KiB at a time until something other than "not yet" comes.
Verdict feed_all(Decoder& decoder, std::string_view bytes, std::size_t step = 16384) {
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    decoder.feed(bytes.substr(at, step));
    const Verdict outcome = outcome_of(decoder);
    if (outcome != Verdict::kNothing) return outcome;
  }
  return Verdict::kNothing;
}

double processor_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

struct Bomb {
  const char* name;
  std::string bytes;
};

class BombTest : public ::testing::TestWithParam<Bomb> {};

TEST_P(BombTest, IsRefusedAtOnceAndInLittleMemory) {
  Decoder decoder{DecoderLimits{}};
  const double before = processor_ms();
  const std::size_t bytes_before = allocations().bytes;
  EXPECT_EQ(feed_all(decoder, GetParam().bytes), Verdict::kRefused);
  const double took = processor_ms() - before;
  EXPECT_LT(allocations().bytes - bytes_before, 1u << 20);
  EXPECT_LT(took, 20.0) << "a refusal takes well under a millisecond; the rest is room for sanitizers";
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, BombTest,
    ::testing::Values(Bomb{"HugeArray", "*2147483647\r\n"}, Bomb{"LargestArray", "*9223372036854775807\r\n"},
                      Bomb{"HugeMap", "%536870912\r\n"}, Bomb{"MapThatOverflows", "%4611686018427387905\r\n"},
                      Bomb{"HugeSet", "~2147483647\r\n"}, Bomb{"HugePush", ">2147483647\r\n"},
                      Bomb{"HugeBulk", "$9223372036854775807\r\n"}, Bomb{"BulkOverTheLimit", "$67108865\r\n"},
                      Bomb{"HugeVerbatim", "=9223372036854775807\r\n"},
                      Bomb{"HugeBulkInAnArray", "*2\r\n:1\r\n$9223372036854775807\r\n"},
                      Bomb{"DeepNesting", repeat("*1\r\n", 100'000)}, Bomb{"DeepMaps", repeat("%1\r\n:1\r\n", 100'000)},
                      Bomb{"EndlessLine", "+" + std::string(1u << 20, 'x')},
                      Bomb{"EndlessNumber", ":" + std::string(1u << 20, '1')},
                      Bomb{"EndlessLength", "$" + std::string(1u << 20, '1')},
                      Bomb{"EndlessLineOfReturns", "+" + std::string(1u << 20, '\r')}),
    [](const auto& param) { return param.param.name; });

TEST(DecoderLimits, CountTheArraysOfAReplyTogether) {
  Decoder decoder{{.max_bytes = 1u << 20}};
  const std::size_t before = allocations().bytes;
  EXPECT_EQ(feed_all(decoder, "*100\r\n" + repeat("*4000\r\n", 100)), Verdict::kRefused);
  EXPECT_LT(allocations().bytes - before, 2u << 20);
}

TEST(DecoderLimits, AreReachedAndNotCrossed) {
  const DecoderLimits limits{.max_bytes = 4096, .max_elements = 8, .max_depth = 3, .max_line_bytes = 100};
  const auto outcome = [&](const std::string& bytes, std::size_t step) {
    Decoder decoder{limits};
    return feed_all(decoder, bytes, step);
  };
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
    EXPECT_EQ(outcome("*8\r\n" + repeat(":1\r\n", 8), step), Verdict::kReply);
    EXPECT_EQ(outcome("*9\r\n" + repeat(":1\r\n", 9), step), Verdict::kRefused);
    EXPECT_EQ(outcome("%4\r\n" + repeat(":1\r\n", 8), step), Verdict::kReply);
    EXPECT_EQ(outcome("%5\r\n" + repeat(":1\r\n", 10), step), Verdict::kRefused);
    EXPECT_EQ(outcome("*2\r\n*4\r\n" + repeat(":1\r\n", 4) + "*2\r\n:1\r\n:1\r\n", step), Verdict::kReply);
    EXPECT_EQ(outcome("*2\r\n*4\r\n" + repeat(":1\r\n", 4) + "*3\r\n", step), Verdict::kRefused);
    EXPECT_EQ(outcome("*1\r\n*1\r\n*1\r\n:1\r\n", step), Verdict::kReply);
    EXPECT_EQ(outcome("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", step), Verdict::kRefused);
    EXPECT_EQ(outcome("+" + std::string(99, 'x') + "\r\n", step), Verdict::kReply);
    EXPECT_EQ(outcome("+" + std::string(100, 'x') + "\r\n", step), Verdict::kRefused);
    const std::size_t most = 4096 - sizeof(redis::ReplyView);
    EXPECT_EQ(outcome("$" + std::to_string(most) + "\r\n" + std::string(most, 'x') + "\r\n", step), Verdict::kReply);
    EXPECT_EQ(outcome("$" + std::to_string(most + 1) + "\r\n" + std::string(most + 1, 'x') + "\r\n", step),
              Verdict::kRefused);
    EXPECT_EQ(
        outcome("*2\r\n$2000\r\n" + std::string(2000, 'x') + "\r\n$2000\r\n" + std::string(2000, 'x') + "\r\n", step),
        Verdict::kRefused);
  }
}

TEST(DecoderLimits, AreForOneReplyAndNotForTheStream) {
  Decoder decoder{{.max_bytes = 1000, .max_elements = 4, .max_depth = 2, .max_line_bytes = 64}};
  const std::string reply = "*4\r\n" + repeat("$20\r\nxxxxxxxxxxxxxxxxxxxx\r\n", 4);
  for (int i = 0; i < 1000; ++i) {
    decoder.feed(std::string_view(reply).substr(0, i % 2 == 0 ? reply.size() : 30));
    if (i % 2 == 1) {
      ASSERT_EQ(outcome_of(decoder), Verdict::kNothing);
      decoder.feed(std::string_view(reply).substr(30));
    }
    ASSERT_EQ(outcome_of(decoder), Verdict::kReply);
  }
}

TEST(DecoderLimits, LetAReplyOfMegabytesThroughInLinearTime) {
  Decoder decoder{DecoderLimits{}};
  const std::string content(32u << 20, 'x');
  const double before = processor_ms();
  EXPECT_EQ(feed_all(decoder, "$" + std::to_string(content.size()) + "\r\n" + content + "\r\n", 65536),
            Verdict::kReply);
  EXPECT_LT(processor_ms() - before, 2000.0) << "2,048 slices that were each moved in full would take half a minute";
}

TEST(DecoderMemory, HealthyRepliesCostNoAllocation) {
  Decoder decoder{DecoderLimits{}};
  const std::string batch =
      repeat("$100\r\n" + std::string(100, 'x') + "\r\n*3\r\n:1\r\n:2\r\n:3\r\n%1\r\n+a\r\n*1\r\n:1\r\n", 50);
  const auto round = [&] {
    std::size_t replies = 0;
    for (std::size_t at = 0; at < batch.size(); at += 1000) {
      decoder.feed(std::string_view(batch).substr(at, 1000));
      while (outcome_of(decoder) == Verdict::kReply) ++replies;
    }
    return replies;
  };
  EXPECT_EQ(round(), 150u);
  const std::size_t before = allocations().count;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(round(), 150u);
  EXPECT_EQ(allocations().count, before);
}

}  // namespace
}  // namespace envoyou::wire::decoder_limits_test
