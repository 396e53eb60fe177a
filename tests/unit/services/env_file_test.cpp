// Goal: a .env file means what people expect of one, and what is wrong in it is told with its line and without its
// value. Method: texts in, variables or messages out; no files but for those that cannot be read.
#include "services/env_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace envoyou::services::env_file_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Variables parsed(std::string_view text) {
  auto variables = parse_env_file(".env", text);
  EXPECT_TRUE(variables) << variables.error().message();
  return variables.value_or(Variables{});
}

std::string refused(std::string_view text) {
  const auto variables = parse_env_file(".env", text);
  EXPECT_FALSE(variables);
  return variables ? "" : std::string(variables.error().message());
}

TEST(EnvFile, ReadsPlainAssignments) {
  EXPECT_EQ(parsed("A=1\nB=two words\n\n  C = 3  "), (Variables{{"A", "1"}, {"B", "two words"}, {"C", "3"}}));
}

TEST(EnvFile, ReadsWhatAShellExports) {
  EXPECT_EQ(parsed("export A=1\nexport\tB=2"), (Variables{{"A", "1"}, {"B", "2"}}));
}

TEST(EnvFile, TakesANameThatBeginsWithExport) {
  EXPECT_EQ(parsed("exported=1\nexport=2"), (Variables{{"exported", "1"}, {"export", "2"}}));
}

TEST(EnvFile, DropsComments) {
  EXPECT_EQ(parsed("# a=1\n  # b=2\nc=3 # not this\nd=4#this\ne= # nothing\nf=#nothing"),
            (Variables{{"c", "3"}, {"d", "4#this"}, {"e", ""}, {"f", ""}}));
}

TEST(EnvFile, UnderstandsEscapesInDoubleQuotesOnly) {
  EXPECT_EQ(parsed(R"(A="x\ny \"z\" \\ \$HOME \q" # comment)"), (Variables{{"A", "x\ny \"z\" \\ $HOME \\q"}}));
  EXPECT_EQ(parsed(R"(A='x\ny "z" # no comment')"), (Variables{{"A", R"(x\ny "z" # no comment)"}}));
}

TEST(EnvFile, ReadsFilesOfOtherEditors) {
  EXPECT_EQ(parsed("\xEF\xBB\xBF"
                   "A=1\r\nB=\"2\"\r\n"),
            (Variables{{"A", "1"}, {"B", "2"}}));
}

TEST(EnvFile, ALaterLineCounts) { EXPECT_EQ(parsed("A=1\nA=2"), (Variables{{"A", "2"}})); }

TEST(EnvFile, TellsEveryBadLineAtOnceAndNoValue) {
  const auto message =
      refused("OK=1\nhunter2-alone\n1A=hunter2\nB=\"hunter2\nC='hunter2\nD=\"x\" hunter2\nE-F=hunter2");
  for (const char* line :
       {".env:2: must be NAME=value", ".env:3: a name", ".env:4: the quote is not closed",
        ".env:5: the quote is not closed", ".env:6: text after the closing quote", ".env:7: a name"}) {
    EXPECT_THAT(message, HasSubstr(line));
  }
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
}

TEST(EnvFile, RefusesNulBytes) { EXPECT_THAT(refused(std::string_view("A=1\0B", 5)), HasSubstr("NUL")); }

TEST(ReadWholeFile, NamesWhatCannotBeRead) {
  const auto missing = read_whole_file("/nonexistent/env", 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kInvalidArgument);
  EXPECT_THAT(std::string(missing.error().message()), HasSubstr("/nonexistent/env"));
  EXPECT_FALSE(read_whole_file("/", 10));
  const auto endless = read_whole_file("/dev/zero", 10);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code(), Errc::kTooLarge);
}

}  // namespace
}  // namespace envoyou::services::env_file_test
