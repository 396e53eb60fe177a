// Goal: what INFO says is read whatever its order and whatever is missing; an error is told as "away" or "refuses".
// Method: texts and errors in, values out.
#include "services/redis_probe.hpp"

#include <gtest/gtest.h>

namespace envoyou::services::redis_probe_test {
namespace {

TEST(ReadInfo, FindsTheFiguresAmongTheOthers) {
  const auto figures = read_info(
      "# Memory\r\nused_memory:1041936\r\nused_memory_human:1017.52K\r\n\r\n# Stats\r\nevicted_keys:3\r\n"
      "keyspace_hits:30\r\nkeyspace_misses:10\r\n");
  EXPECT_EQ(figures, (ServerFigures{1041936, 3, 0.75}));
}

TEST(ReadInfo, LeavesOutWhatIsMissingOrOdd) {
  EXPECT_EQ(read_info(""), ServerFigures{});
  EXPECT_EQ(read_info("used_memory:-1\nevicted_keys:many\nkeyspace_hits:5"), ServerFigures{});
  EXPECT_EQ(read_info("keyspace_hits:0\nkeyspace_misses:0"), ServerFigures{});
}

TEST(HealthOf, TellsARefusalFromAnAbsence) {
  for (const Errc refusal : {Errc::kAuthentication, Errc::kPermission, Errc::kTls, Errc::kLoading, Errc::kMisconfigured,
                             Errc::kServerMemory, Errc::kReadOnly, Errc::kServerError, Errc::kProtocol}) {
    EXPECT_EQ(health_of(refusal), RedisHealth::kError) << to_string(refusal);
  }
  for (const Errc absence :
       {Errc::kUnavailable, Errc::kTimeout, Errc::kNotSent, Errc::kConnectionLost, Errc::kClosed}) {
    EXPECT_EQ(health_of(absence), RedisHealth::kUnavailable) << to_string(absence);
  }
}

}  // namespace
}  // namespace envoyou::services::redis_probe_test
