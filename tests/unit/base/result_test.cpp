// Goal: a Result holds a value or an error and can not be read as the other; counters and log lines reach their reader.
// Method: each access path, and a death test for the misuse.
#include <envoyou/log.hpp>
#include <envoyou/metrics.hpp>
#include <envoyou/result.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace envoyou::result_test {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid_argument("n", "is odd");
  return n / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half(8), 4);
  ASSERT_FALSE(half(7));
  EXPECT_EQ(half(7).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(half(7).error().message(), "n: is odd");
  EXPECT_EQ(half(7).value_or(-1), -1);
}

TEST(Result, ChainsLikeStdExpected) {
  EXPECT_EQ(half(8).and_then(half).transform([](int n) { return std::to_string(n); }).value(), "2");
  EXPECT_EQ(half(6).and_then(half).error().message(), "n: is odd");
}

TEST(Result, ConvertsFromWhatItsValueIsMadeFrom) {
  const Result<std::string> text = "abc";
  EXPECT_EQ(*text, "abc");
  const Result<std::optional<std::string>> none = std::optional<std::string>();
  EXPECT_FALSE(none->has_value());
}

TEST(ResultDeathTest, EndsTheProcessRatherThanAnswerWithGarbage) {
  EXPECT_DEATH((void)half(7).value(), "n: is odd");
  EXPECT_DEATH((void)half(8).error(), "no error");
}

TEST(Error, KnowsWhatIsRetryableAndWhatIsAmbiguous) {
  EXPECT_TRUE(Error(Errc::kUnavailable).is_retryable());
  EXPECT_FALSE(Error(Errc::kUnavailable).is_ambiguous());
  EXPECT_TRUE(Error(Errc::kTimeout).is_ambiguous());
  EXPECT_FALSE(Error(Errc::kNotSent).is_ambiguous());
  EXPECT_EQ(Error(Errc::kWrongType).message(), "wrong_type");
}

TEST(MetricsRegistry, GivesTheSameCounterForTheSameLabels) {
  MetricsRegistry registry;
  registry.counter("b_total", "x=\"1\"", "help").add(2);
  registry.counter("b_total", "x=\"1\"", "help").add();
  registry.gauge("a", "", "other").set(-5);
  std::string seen;
  registry.visit([&](const MetricsRegistry::Sample& sample) {
    seen += std::string(sample.name) + "{" + std::string(sample.labels) +
            "}=" + std::to_string(static_cast<int>(sample.value)) + ";";
  });
  EXPECT_EQ(seen, "a{}=-5;b_total{x=\"1\"}=3;");
}

class Recorder final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    lines.push_back(std::string(record.component) + "|" + std::string(record.message) + "|" +
                    std::string(record.fields.empty() ? "" : record.fields[0].value));
  }
  std::vector<std::string> lines;
};

TEST(Logger, PassesOnWhatIsWantedAndDropsTheRest) {
  const auto sink = std::make_shared<Recorder>();
  const Logger logger(sink, LogLevel::kInfo);
  logger.debug("redis", "not this");
  logger.info("redis", "connected", {{"to", "node"}});
  Logger().error("redis", "to nobody");
  EXPECT_EQ(sink->lines, std::vector<std::string>{"redis|connected|node"});
}

}  // namespace
}  // namespace envoyou::result_test
