// Goal: names hold nothing of the user's that Redis or a reader of it could take for structure or, with a secret, read.
// Method: names of hostile keys, with and without secrets.
#include "cache/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace envoyou::cache::names_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SecretRing ring(std::vector<std::string> secrets) { return SecretRing::from(std::move(secrets)).value(); }

TEST(CacheNames, KeysOfUsersNeverBecomeStructure) {
  const Names names("envoyou:cache", {});
  const std::string name = names.data(std::string("a:b{c}*\n\0", 9)).key;
  EXPECT_THAT(name, ::testing::StartsWith("envoyou:cache:d:"));
  EXPECT_EQ(name.substr(16).find_first_of(std::string(":{}*\n\0", 6)), std::string::npos);
}

TEST(CacheNames, WithASecretNothingCanBeRead) {
  const Names names("p", ring({"0123456789abcdef"}));
  EXPECT_THAT(names.data("user@example.test").key, Not(HasSubstr("user")));
  EXPECT_NE(names.data("a").digest, Names("p", {}).data("a").digest);
  EXPECT_NE(names.data("a").digest, Names("p", ring({"fedcba9876543210"})).data("a").digest);
}

TEST(CacheNames, EveryKindHasNamesAndDigestsOfItsOwn) {
  const Names names("p", {});
  const Name entry = names.response("x");
  std::set<std::string> keys;
  for (const Name& name : {entry, names.data("x"), names.resource_tag("x"), names.endpoint_tag("x"),
                           names.everything_tag(), names.own_tag(entry)}) {
    EXPECT_TRUE(keys.insert(name.key).second) << name.key;
  }
}

TEST(CacheNames, ChangesReachTheNamesUnderEverySecretOfTheRing) {
  const std::string first = "first secret, 16+";
  const std::string second = "second secret, 16+";
  const Names before("p", ring({first, second}));
  const Names after("p", ring({second, first}));
  EXPECT_NE(before.data("x"), after.data("x"));
  EXPECT_THAT(before.all_data("x"), ::testing::UnorderedElementsAre(before.data("x"), after.data("x")));
  EXPECT_EQ(before.all_data("x").front(), before.data("x"));
  EXPECT_THAT(after.all_endpoint_tags("x"), ::testing::Contains(before.endpoint_tag("x")));
  EXPECT_THAT(after.all_resource_tags("x"), ::testing::Contains(before.resource_tag("x")));
  EXPECT_THAT(after.all_responses("x"), ::testing::Contains(before.response("x")));
  EXPECT_THAT(after.all_everything_tags(), ::testing::Contains(before.everything_tag()));
  EXPECT_EQ(Names("p", {}).all_data("x").size(), 1U);
}

}  // namespace
}  // namespace envoyou::cache::names_test
