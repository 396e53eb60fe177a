// Goal: two requests share an entry exactly if nothing tells them apart that a rule lets count, and no crafted request
// gets the key of another. Method: pairs of requests whose canonical texts must or must not be equal; random pairs
// against a plain comparison of parts.
#include "cache/request_key.hpp"
#include "base/random.hpp"
#include "cache/rules.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace envoyou::cache::request_key_test {
namespace {

using std::chrono::seconds;

EndpointRule rule_of(std::vector<std::string> vary = {}, bool is_public = false) {
  ResponseCacheOptions options;
  options.rules.push_back(
      {.pattern = "/**", .ttl = seconds(60), .vary_headers = std::move(vary), .is_public = is_public});
  return *Rules::from(options).value().all().front();
}

HttpRequest request_of(std::string path, std::string query = "") {
  return {.host = "api.example.test", .path = std::move(path), .query = std::move(query)};
}

std::string key(const HttpRequest& request, const EndpointRule& rule = rule_of()) {
  EXPECT_EQ(problem_of_request(request, rule), "");
  return canonical_request(request, rule);
}

TEST(RequestKey, TheOrderOfParametersMakesNoDifference) {
  EXPECT_EQ(key(request_of("/a", "state=CA&year=2024")), key(request_of("/a", "year=2024&state=CA")));
  EXPECT_NE(key(request_of("/a", "state=CA")), key(request_of("/a", "state=CA&year=2024")));
}

TEST(RequestKey, RepeatedParametersAreKeptInTheirOrder) {
  EXPECT_NE(key(request_of("/a", "id=1&id=2")), key(request_of("/a", "id=2")));
  EXPECT_NE(key(request_of("/a", "id=1&id=2")), key(request_of("/a", "id=2&id=1")));
  EXPECT_EQ(key(request_of("/a", "id=1&x=0&id=2")), key(request_of("/a", "x=0&id=1&id=2")));
}

TEST(RequestKey, PartsCannotBeShiftedIntoEachOther) {
  EXPECT_NE(key(request_of("/a", "b=1&c=2")), key(request_of("/a", "b=1%26c=2")));
  EXPECT_NE(key(request_of("/a&b=1")), key(request_of("/a", "b=1")));
  HttpRequest one = request_of("/a");
  one.principal = "user:1";
  HttpRequest other = request_of("/a", "user:1");
  EXPECT_NE(key(one), key(other));
  EXPECT_NE(key(request_of("/a", "a=")), key(request_of("/a", "a")));
}

TEST(RequestKey, HostsDifferWithoutCaseAndPathsWithIt) {
  HttpRequest upper = request_of("/a");
  upper.host = "API.example.TEST";
  EXPECT_EQ(key(request_of("/a")), key(upper));
  upper.host = "other.example.test";
  EXPECT_NE(key(request_of("/a")), key(upper));
  EXPECT_NE(key(request_of("/a")), key(request_of("/A")));
  EXPECT_NE(key(request_of("/%61")), key(request_of("/a"))) << "two spellings are two entries";
}

TEST(RequestKey, OnlyTheChosenHeadersCountAndAbsentIsNotEmpty) {
  HttpRequest plain = request_of("/a");
  HttpRequest with_headers = request_of("/a");
  with_headers.headers = {{"X-Request-ID", "77"}, {"Referer", "http://x"}, {"ACCEPT-language", "de"}};
  EXPECT_EQ(key(plain), key(with_headers));
  const EndpointRule by_language = rule_of({"Accept-Language"});
  EXPECT_NE(key(plain, by_language), key(with_headers, by_language));
  HttpRequest empty = request_of("/a");
  empty.headers = {{"Accept-Language", ""}};
  EXPECT_NE(key(plain, by_language), key(empty, by_language));
  HttpRequest split = request_of("/a");
  split.headers = {{"Accept-Language", "de"}, {"accept-language", "en"}};
  HttpRequest joined = request_of("/a");
  joined.headers = {{"Accept-Language", "de, en"}};
  EXPECT_EQ(key(split, by_language), key(joined, by_language));
  EXPECT_EQ(key(split, rule_of({"a", "B"})), key(split, rule_of({"b", "A", "a"})));
}

TEST(RequestKey, PrincipalsHaveEntriesOfTheirOwnUnlessTheRuleIsPublic) {
  HttpRequest first = request_of("/a");
  first.principal = "user:1";
  HttpRequest second = request_of("/a");
  second.principal = "user:2";
  EXPECT_NE(key(first), key(second));
  EXPECT_NE(key(first), key(request_of("/a")));
  EXPECT_EQ(key(first, rule_of({}, true)), key(second, rule_of({}, true)));
  EXPECT_NE(key(first), key(first, rule_of({}, true)));
}

TEST(RequestKey, TargetsThatARouterMayReadOtherwiseHaveNoKey) {
  for (const char* path : {"", "a", "/a/../b", "/./a", "/a/%2e%2E/b", "/a/.%2e", "/a//b", "//a", "/a\\b", "/a%2Fb",
                           "/a%5cb", "/a%00", "/a%zz", "/a%2", "/a b", "/a?b", "/a#b", "/a\n", "/a\x7f"}) {
    EXPECT_NE(problem_of_request(request_of(path), rule_of()), "") << path;
  }
  for (const char* path : {"/", "/a", "/a/", "/a.b/..c/...", "/%20", "/%E2%98%83", "/a:b@c!$&'()*+,;="}) {
    EXPECT_EQ(problem_of_request(request_of(path), rule_of()), "") << path;
  }
}

TEST(RequestKey, WhatIsOverABoundHasNoKey) {
  EXPECT_EQ(problem_of_request(request_of("/" + std::string(kMaxTargetBytes - 1, 'x')), rule_of()), "");
  EXPECT_EQ(problem_of_request(request_of("/" + std::string(kMaxTargetBytes, 'x')), rule_of()), "target");
  EXPECT_EQ(problem_of_request(request_of("/", std::string(kMaxTargetBytes, 'x')), rule_of()), "target");
  EXPECT_EQ(problem_of_request(request_of("/", "a b"), rule_of()), "target");
  HttpRequest request = request_of("/a");
  request.principal = std::string(kMaxPrincipalBytes + 1, 'p');
  EXPECT_EQ(problem_of_request(request, rule_of()), "principal");
  request = request_of("/a");
  request.headers = {{"accept", std::string(kMaxVaryValueBytes + 1, 'x')}};
  EXPECT_EQ(problem_of_request(request, rule_of({"Accept"})), "header");
  for (const std::string& host :
       {std::string("a/b"), std::string("a b"), std::string("u@h"), std::string("a\r\nb"), std::string(300, 'h')}) {
    request = request_of("/a");
    request.host = host;
    EXPECT_EQ(problem_of_request(request, rule_of()), "host") << host;
  }
}

TEST(RequestKey, AResourceIsTheSameInEverySpelling) {
  const std::string plain = canonical_resource("h", "/a/~user/x");
  for (const char* path :
       {"/a/%7Euser/x", "/a/%7euser/x", "/a/./~user/x", "/a/b/../~user/x", "/%61/~user/x", "/a/%2e/~user/x"}) {
    EXPECT_EQ(canonical_resource("H", path), plain) << path;
  }
  EXPECT_NE(canonical_resource("h", "/a/~user"), plain);
  EXPECT_NE(canonical_resource("h", "/a/~user/x/"), plain);
  EXPECT_EQ(canonical_resource("h", "/../../a"), canonical_resource("h", "/a"));
  EXPECT_EQ(canonical_resource("h", "/a%2Fb"), canonical_resource("h", "/a%2fb"));
  EXPECT_NE(canonical_resource("h", "/a%2Fb"), canonical_resource("h", "/a/b"));
  EXPECT_EQ(canonical_resource("h", "/%"), canonical_resource("h", "/%"));
}

TEST(RequestKey, RandomRequestsShareAKeyOnlyIfTheirPartsAreEqual) {
  base::Jitter random(7);
  const auto text = [&](std::string_view alphabet, std::size_t most) {
    std::string made;
    for (std::size_t left = random.next() % (most + 1); left > 0; --left)
      made += alphabet[random.next() % alphabet.size()];
    return made;
  };
  std::map<std::string, std::multiset<std::string>> parts_of_key;
  const EndpointRule rule = rule_of({"a"});
  for (int i = 0; i < 20'000; ++i) {
    HttpRequest request{.host = text("h1:", 2), .path = "/" + text("a1:", 2), .query = text("a=1&:", 4)};
    if (random.next() % 2 == 0) request.headers = {{"a", text("1:", 2)}};
    request.principal = text("1:", 2);
    if (!problem_of_request(request, rule).empty()) continue;
    std::multiset<std::string> parts{"host " + request.host, "path " + request.path, "principal " + request.principal};
    parts.insert(request.headers.empty() ? "no header" : "header " + request.headers[0].second);
    std::string rest = request.query;
    for (std::map<std::string, int> order; !request.query.empty();) {
      const std::string parameter = rest.substr(0, rest.find('&'));
      const std::string name = parameter.substr(0, parameter.find('='));
      parts.insert("parameter " + name + " " + std::to_string(order[name]++) + " " + parameter);
      if (parameter.size() == rest.size()) break;
      rest.erase(0, parameter.size() + 1);
    }
    const auto [at, is_new] = parts_of_key.try_emplace(canonical_request(request, rule), parts);
    ASSERT_EQ(at->second, parts);
  }
}

}  // namespace
}  // namespace envoyou::cache::request_key_test
