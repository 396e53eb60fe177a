// The main of the test programs: GoogleTest's, and which files' tests to run.
//
//   unit_tests [unit/redis/engine_test.cpp ...] [--gtest_...]
//
// One program holds the tests of many files, and ctest runs it once for each group of them (cmake/Testing.cmake). A
// test knows the file that it stands in, so nobody keeps a list of suites that could forget one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <string_view>

namespace {

// The names of the tests in `file`, as GoogleTest's filter takes them: Suite.Test:Suite.Other:
std::string tests_in(std::string_view file) {
  const std::string ending = "/" + std::string(file);
  std::string names;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const auto& test = *suite.GetTestInfo(j);
      if (!std::string_view(test.file()).ends_with(ending)) continue;
      names.append(suite.name()).append(".").append(test.name()).append(":");
    }
  }
  return names;
}

// False, and said why, if a file has no test: it is misspelt, or was not linked in.
bool take_only(char** files, char** end) {
  std::string filter;
  for (; files != end; ++files) {
    const auto names = tests_in(*files);
    if (names.empty()) {
      std::cerr << "no test of this program stands in '" << *files << "'\n";
      return false;
    }
    filter += names;
  }
  GTEST_FLAG_SET(filter, filter);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  // A filter of the command line's is for one who looks for a single test, and wins.
  if (argc > 1 && GTEST_FLAG_GET(filter) == "*" && !take_only(argv + 1, argv + argc)) return 2;
  return RUN_ALL_TESTS();
}
