// Goal: a record becomes one line with its fields, at the right level, and no value can forge a second line.
// Method: an spdlog logger that writes into a string.
#include <envoyou/adapters/spdlog.hpp>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace envoyou::spdlog_test {
namespace {

struct SpdlogAdapter : ::testing::Test {
  SpdlogAdapter() {
    target->set_pattern("%l|%v");
    target->set_level(spdlog::level::trace);
  }
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> target =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  Logger logger = spdlog_logger(target);
};

TEST_F(SpdlogAdapter, WritesComponentMessageAndFields) {
  logger.warning("fallback", "mode changed", {{"from", "redis"}, {"reason", "link silent"}, {"empty", ""}});
  EXPECT_EQ(out.str(), "warning|fallback: mode changed from=redis reason=\"link silent\" empty=\"\"\n");
}

TEST_F(SpdlogAdapter, AFieldCannotForgeALine) {
  logger.info("redis", "refused", {{"reason", "x\nerror|redis: \"all\" gone\x7F"}});
  EXPECT_EQ(out.str(), "info|redis: refused reason=\"x?error|redis: \\\"all\\\" gone?\"\n");
}

TEST_F(SpdlogAdapter, TheLoggersLevelDecides) {
  target->set_level(spdlog::level::err);
  logger.warning("a", "dropped");
  logger.error("a", "kept");
  EXPECT_EQ(out.str(), "error|a: kept\n");
}

TEST_F(SpdlogAdapter, BracesOfAMessageAreText) {
  logger.info("a", "{} {0} {x}");
  EXPECT_EQ(out.str(), "info|a: {} {0} {x}\n");
}

class FailingSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg&) override { throw spdlog::spdlog_ex("disk full"); }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

TEST(SpdlogAdapterFailure, LosesTheLineAndNothingElse) {
  auto target = std::make_shared<spdlog::logger>("test", std::make_shared<FailingSink>());
  target->set_error_handler([](const std::string&) { throw spdlog::spdlog_ex("and the handler, too"); });
  spdlog_logger(target).error("a", "lost");
}

}  // namespace
}  // namespace envoyou::spdlog_test
