// Goal: what a server can is read off its answers rightly: old ones, hosted ones, other makes, and users of ACLs.
// Method: answers of real servers, fed by hand.
#include "redis/capability_probe.hpp"

#include "replies.hpp"

#include <gtest/gtest.h>

#include <string>

namespace envoyou::redis::capability_probe_test {
namespace {

constexpr std::size_t kQuestions = 10;
enum Index : std::size_t { kId, kSetInfo, kTracking, kEvalsha, kEval, kLoad, kFcall, kConfig, kInfo, kSubscribe };

Capabilities after(std::size_t index, const ReplyView& answer) {
  Capabilities capabilities;
  take_probe_answer(index, answer, capabilities);
  return capabilities;
}

TEST(CapabilityProbe, AsksWhatNeitherChangesNorCostsAnything) {
  const auto asked = probe_questions("joe");
  ASSERT_EQ(asked.size(), kQuestions);
  std::size_t bytes = 0;
  for (const Words& words : asked) bytes += words.encoded().size();
  EXPECT_LT(bytes, 1000u);
}

TEST(CapabilityProbe, TakesTheComplaintThatItProvokedForAYes) {
  EXPECT_EQ(after(kTracking, error_reply("ERR syntax error")).tracking, Can::kYes);
  EXPECT_EQ(after(kEvalsha, error_reply("NOSCRIPT No matching script. Please use EVAL.")).evalsha, Can::kYes);
  EXPECT_EQ(after(kFcall, error_reply("ERR Function not found")).functions, Can::kYes);
  EXPECT_EQ(after(kId, integer_reply(7)).client_id, Can::kYes);
  EXPECT_EQ(after(kEval, string_reply("envoyou-probe")).eval, Can::kYes);
}

TEST(CapabilityProbe, TakesARefusalInAnySpellingForANo) {
  for (const char* text : {
           "NOPERM this user has no permissions to run the 'eval' command or its subcommand",
           "NOPERM User joe has no permissions to run the 'eval' command",
           "ERR unknown command `EVAL`, with args beginning with: `return 'envoyou-probe'`, `0`, ",
           "ERR unknown command 'EVAL'",
           "ERR Unknown subcommand or wrong number of arguments for 'TRACKING'. Try CLIENT HELP.",
           "ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.",
           "ERR Command is not available: 'eval'. It is not allowed here",
           "ERR command not supported",
           "ERR Unsupported command",
           "ERR EVAL is disabled",
       }) {
    EXPECT_EQ(after(kEval, error_reply(text)).eval, Can::kNo) << text;
  }
}

TEST(CapabilityProbe, LeavesOpenWhatTheAnswerDoesNotShow) {
  for (const char* text : {"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script.",
                           "MASTERDOWN Link with MASTER is down", "NOAUTH Authentication required.", "ERR oh"}) {
    EXPECT_EQ(after(kEval, error_reply(text)).eval, Can::kUnknown) << text;
  }
}

TEST(CapabilityProbe, ReadsThePolicyOfEviction) {
  const ReplyView pair[] = {string_reply("maxmemory-policy"), string_reply("allkeys-lru")};
  EXPECT_EQ(after(kConfig, aggregate_reply(ReplyType::kMap, pair)).maxmemory_policy, "allkeys-lru");
  EXPECT_EQ(after(kConfig, aggregate_reply(ReplyType::kArray, pair)).maxmemory_policy, "allkeys-lru");
  EXPECT_EQ(after(kConfig, aggregate_reply(ReplyType::kArray, {})).config, Can::kYes);
}

TEST(CapabilityProbe, KnowsADryRunsAnswer) {
  EXPECT_EQ(after(kSubscribe, string_reply("OK")).subscribe, Can::kYes);
  EXPECT_EQ(after(kSubscribe, string_reply("User joe has no permissions to run the 'subscribe' command")).subscribe,
            Can::kNo);
  EXPECT_EQ(
      after(kSubscribe, error_reply("NOPERM User joe has no permissions to run the 'acl|dryrun' command")).subscribe,
      Can::kUnknown);
}

TEST(CapabilityProbe, TellsValkeyFromRedis) {
  const auto redis = after(kInfo, string_reply("# Server\r\nredis_version:5.0.14\r\nredis_mode:standalone\r\n"));
  EXPECT_EQ(redis.server, "redis");
  EXPECT_EQ(redis.version, "5.0.14");
  EXPECT_EQ(redis.mode, "standalone");
  const auto valkey = after(kInfo, string_reply("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\n"
                                                "valkey_version:8.0.1\r\nserver_mode:cluster\r\n"));
  EXPECT_EQ(valkey.server, "valkey");
  EXPECT_EQ(valkey.version, "8.0.1");
  EXPECT_EQ(valkey.mode, "cluster");
}

TEST(CapabilityProbe, KeepsWhatTheGreetingToldWhereInfoTellsNothing) {
  Capabilities capabilities;
  capabilities.server = "redis";
  capabilities.version = "7.0.15";
  take_probe_answer(kInfo, string_reply("nothing of use"), capabilities);
  EXPECT_EQ(capabilities.version, "7.0.15");
  EXPECT_EQ(capabilities.info, Can::kYes);
}

TEST(CapabilityProbe, IsToldInOneLine) {
  Capabilities capabilities;
  EXPECT_EQ(describe(capabilities), "a server that does not name itself, RESP2");
  capabilities.server = "valkey";
  capabilities.version = "8.0.1";
  capabilities.mode = "standalone";
  capabilities.resp3 = Can::kYes;
  EXPECT_EQ(describe(capabilities), "valkey 8.0.1, standalone, RESP3");
  capabilities.config = Can::kNo;
  capabilities.client_name = Can::kNo;
  capabilities.functions = Can::kNo;
  EXPECT_EQ(describe(capabilities), "valkey 8.0.1, standalone, RESP3, without CLIENT SETNAME, FCALL, CONFIG");
}

}  // namespace
}  // namespace envoyou::redis::capability_probe_test
