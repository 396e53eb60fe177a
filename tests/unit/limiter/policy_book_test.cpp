// Goal: a reload changes the policies in force as a whole or not at all, while others read. Method: files in a folder
// of the test's own, and threads.
#include "unit/limiter/policy_documents.hpp"

#include <envoyou/limiter/policy.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::policy_book_test {
namespace {

using policy_documents::api;
using policy_documents::kRules;
using policy_documents::rule;

class PolicyBookTest : public ::testing::Test {
 protected:
  PolicyBookTest() {
    std::string pattern = ::testing::TempDir() + "/policies.XXXXXX";
    folder_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : "";
    path_ = folder_ + "/policies.json";
  }
  ~PolicyBookTest() override {
    std::remove(path_.c_str());
    ::rmdir(folder_.c_str());
  }

  // As an operator should: beside it, and then renamed over it, so that no reader sees half of it.
  void write(std::string_view text) const {
    const std::string beside = path_ + ".new";
    std::FILE* file = std::fopen(beside.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
    EXPECT_EQ(std::rename(beside.c_str(), path_.c_str()), 0);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(PolicyBookTest, IsEmptyAtFirst) {
  const PolicyBook book;
  EXPECT_EQ(book.current()->size(), 0u);
  EXPECT_EQ(book.generation(), 0u);
}

TEST_F(PolicyBookTest, TakesOverAFile) {
  PolicyBook book;
  write(api(kRules));
  EXPECT_EQ(book.reload_file(path_).value(), PolicyBook::Outcome::kReplaced);
  EXPECT_NE(book.current()->find("api"), nullptr);
  EXPECT_EQ(book.generation(), 1u);
}

TEST_F(PolicyBookTest, ChangesNothingWhereNothingChanged) {
  PolicyBook book;
  write(api(kRules));
  ASSERT_TRUE(book.reload_file(path_));
  const auto before = book.current();
  write(rule(R"("window": 60, "limit": 30)"));
  EXPECT_EQ(book.reload_file(path_).value(), PolicyBook::Outcome::kUnchanged);
  EXPECT_EQ(book.current(), before);
  EXPECT_EQ(book.generation(), 1u);
}

TEST_F(PolicyBookTest, KeepsTheOldSetWhenTheFileHasFaults) {
  PolicyBook book(RatePolicies::parse(api(kRules)).value());
  const auto before = book.current();
  write(rule(R"("limit": 0, "window": "x")"));
  const auto refused = book.reload_file(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message().find("\"" + path_ + "\": policies.api.rules[0].limit: must be"), 0u)
      << refused.error().message();
  EXPECT_NE(refused.error().message().find("; policies.api.rules[0].window: must be"), std::string_view::npos);
  EXPECT_EQ(book.current(), before);
  EXPECT_EQ(book.generation(), 0u);
}

TEST_F(PolicyBookTest, SaysWhyAFileCannotBeRead) {
  PolicyBook book;
  const auto absent = book.reload_file(folder_ + "/none");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), Errc::kInvalidArgument);
  EXPECT_NE(absent.error().message().find("cannot be read: No such file"), std::string_view::npos);
  EXPECT_NE(book.reload_file(folder_).error().message().find("is no regular file"), std::string_view::npos);
  EXPECT_FALSE(book.reload_file(std::string("a\0b", 3)));
}

TEST_F(PolicyBookTest, DoesNotWaitForAPipe) {
  PolicyBook book;
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(book.reload_file(path_).error().message().find("is no regular file"), std::string_view::npos);
}

TEST_F(PolicyBookTest, RefusesAFileOverItsBound) {
  PolicyBook book;
  write(std::string(kMaxPoliciesBytes + 1, ' '));
  EXPECT_EQ(book.reload_file(path_).error().code(), Errc::kTooLarge);
}

TEST_F(PolicyBookTest, LeavesASetToThoseWhoHoldIt) {
  PolicyBook book(RatePolicies::parse(api(kRules)).value());
  const auto held = book.current();
  const RatePolicy* policy = held->find("api");
  book.replace(RatePolicies::parse(rule(R"("limit": 1, "window": 1)")).value());
  EXPECT_EQ(policy->rules[0].rule.limit, 30);
  EXPECT_EQ(book.current()->find("api")->rules[0].rule.limit, 1);
}

// Goal: readers see one of the sets, whole, and never a generation that is ahead of what they got. Method: threads that
// replace by file and by value, and threads that read.
TEST_F(PolicyBookTest, IsReplacedWhileOthersRead) {
  constexpr std::uint64_t kReplacements = 200;
  const std::string one = rule(R"("limit": 1, "window": 1)");
  const std::string two = rule(R"("limit": 2, "window": 2)");
  const std::array sets{RatePolicies::parse(one).value(), RatePolicies::parse(two).value()};
  PolicyBook book(sets[0]);
  write(two);
  std::atomic<bool> done{false};
  std::atomic<std::size_t> torn{0};
  const auto read = [&] {
    while (!done.load()) {
      const std::uint64_t before = book.generation();
      const auto policies = book.current();
      const RateRule& rule = policies->find("api")->rules[0].rule;
      if (rule.window != Milliseconds(rule.limit * 1000) || book.generation() < before) ++torn;
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  std::thread reloader([&] {
    for (std::uint64_t i = 0; i < kReplacements; ++i) EXPECT_TRUE(book.reload_file(path_));
  });
  for (std::uint64_t i = 0; i < kReplacements; ++i) book.replace(sets[i % 2]);
  reloader.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn.load(), 0u);
  EXPECT_GE(book.generation(), kReplacements / 2);
  EXPECT_LE(book.generation(), 2 * kReplacements);
}

}  // namespace
}  // namespace envoyou::policy_book_test
