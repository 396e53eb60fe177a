// Goal: each error of the server is known by what it means, and its text carries no secret on.
// Method: texts as real servers send them.
#include "redis/error_reply.hpp"

#include <gtest/gtest.h>

#include <string>

namespace envoyou::redis::error_reply_test {
namespace {

TEST(ErrorReply, KnowsWhetherTheCommandItselfWasRefused) {
  for (const char* text : {"NOPERM User joe has no permissions to run the 'evalsha' command",
                           "NOPERM User o'brien has no permissions to run the 'evalsha' command",
                           "NOPERM this user has no permissions to run the 'evalsha' command or its subcommand",
                           "ERR unknown command `EVALSHA`, with args beginning with: `5d`, `0`, ",
                           "ERR unknown command 'EVALSHA'", "ERR Unknown command 'evalsha'"}) {
    EXPECT_TRUE(is_command_refused(text, "evalsha")) << text;
  }
  for (const char* text : {"NOPERM User joe has no permissions to run the 'eval' command",
                           "NOPERM User evalsha has no permissions to run the 'eval' command",
                           "NOPERM User joe has no permissions to run the 'evalsha_ro' command",
                           "NOPERM No permissions to access a key script: evalsha",
                           "NOPERM User joe has no permissions to run the 'evalsha", "ERR unknown command",
                           "NOSCRIPT No matching script", ""}) {
    EXPECT_FALSE(is_command_refused(text, "evalsha")) << text;
  }
}

TEST(ErrorReply, ShowsItsFirstWordWhereThatIsACode) {
  EXPECT_EQ(code_word("WRONGPASS invalid username-password pair"), "WRONGPASS");
  EXPECT_EQ(code_word("hunter2 is no password"), "an error");
  EXPECT_EQ(code_word(""), "an error");
}

TEST(ErrorReply, IsKnownByItsFirstWord) {
  const std::pair<const char*, Errc> kKnown[] = {
      {"WRONGTYPE Operation against a key holding the wrong kind of value", Errc::kWrongType},
      {"NOSCRIPT No matching script. Please use EVAL.", Errc::kNoScript},
      {"LOADING Redis is loading the dataset in memory", Errc::kLoading},
      {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Errc::kLoading},
      {"CLUSTERDOWN The cluster is down", Errc::kLoading},
      {"TRYAGAIN Multiple keys request during rehashing of slot", Errc::kLoading},
      {"BUSY Redis is busy running a script.", Errc::kLoading},
      {"ERR max number of clients reached", Errc::kLoading},
      {"READONLY You can't write against a read only replica.", Errc::kReadOnly},
      {"OOM command not allowed when used memory > 'maxmemory'.", Errc::kServerMemory},
      {"MISCONF Redis is configured to save RDB snapshots", Errc::kMisconfigured},
      {"MOVED 3999 127.0.0.1:6381", Errc::kRedirect},
      {"ASK 3999 127.0.0.1:6381", Errc::kRedirect},
      {"NOAUTH Authentication required.", Errc::kAuthentication},
      {"WRONGPASS invalid username-password pair or user is disabled.", Errc::kAuthentication},
      {"NOPERM this user has no permissions to run the 'get' command", Errc::kPermission},
      {"ERR unknown command", Errc::kServerError},
      {"BUSYKEY Target key name already exists.", Errc::kServerError},
      {"ASKING for trouble", Errc::kServerError},
      {"", Errc::kServerError},
  };
  for (const auto& [text, code] : kKnown) {
    EXPECT_EQ(classify_error(text), code) << text;
    EXPECT_EQ(error_from_reply(text, "").code(), code) << text;
  }
}

TEST(ErrorReply, KeepsTheServersWordsForPeople) {
  const Error error = error_from_reply("WRONGTYPE Operation against a key", "");
  EXPECT_EQ(error.message(), "the server answered: WRONGTYPE Operation against a key");
}

TEST(ErrorReply, DropsTheArgumentsThatTheServerRepeats) {
  const Error error = error_from_reply("ERR unknown command 'x', with args beginning with: 'session-id' 'data'", "");
  EXPECT_EQ(error.message(), "the server answered: ERR unknown command 'x'");
}

TEST(ErrorReply, BlotsOutThePasswordWhereverItStands) {
  const Error error = error_from_reply("ERR hunter2 is not hunter2", "hunter2");
  EXPECT_EQ(error.message(), "the server answered: ERR *** is not ***");
  EXPECT_EQ(error_from_reply("ERR a*b", "*").message(), "the server answered: ERR a***b");
}

TEST(ErrorReply, IsCutAndFreeOfControlCharacters) {
  const Error error = error_from_reply("ERR \x1b[31m\n" + std::string(1000, 'x'), "");
  EXPECT_LT(error.message().size(), kMaxErrorText + 32);
  for (const char c : error.message()) EXPECT_GE(c, ' ');
}

}  // namespace
}  // namespace envoyou::redis::error_reply_test
