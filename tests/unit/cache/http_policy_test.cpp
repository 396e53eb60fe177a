// Goal: nothing is looked up or kept that a shared cache may not give to somebody else.
// Method: one request and response that may be kept, and every single change that must keep it out.
#include "cache/http_policy.hpp"
#include "cache/headers.hpp"

#include <gtest/gtest.h>

namespace envoyou::cache::http_policy_test {
namespace {

using std::chrono::seconds;

const EndpointRule kRule{.pattern = "/a", .ttl = seconds(60), .vary_headers = {"accept"}};
const EndpointRule kPublic{.pattern = "/a", .ttl = seconds(60), .is_public = true};

HttpRequest get() { return {.host = "h", .path = "/a"}; }

std::optional<Milliseconds> kept(HttpHeaders response_headers, int status = 200, Milliseconds ttl = seconds(60)) {
  return keep_for(get(), {.status = status, .headers = std::move(response_headers), .body = "x"}, kRule, ttl);
}

TEST(HttpPolicy, OnlyGetAndHeadWithARuleAreLookedUp) {
  EXPECT_EQ(bypass_reason(get(), &kRule), "");
  HttpRequest request = get();
  request.method = "HEAD";
  EXPECT_EQ(bypass_reason(request, &kRule), "");
  for (const char* method : {"POST", "PUT", "DELETE", "get", ""}) {
    request.method = method;
    EXPECT_EQ(bypass_reason(request, &kRule), "method");
  }
  EXPECT_EQ(bypass_reason(get(), nullptr), "no-rule");
  const EndpointRule off{.pattern = "/a", .ttl = seconds(0)};
  EXPECT_EQ(bypass_reason(get(), &off), "no-rule");
}

TEST(HttpPolicy, CredentialsWithoutAPrincipalBypassUnlessTheRuleIsPublic) {
  for (const char* name : {"Authorization", "cookie", "X-API-KEY"}) {
    HttpRequest request = get();
    request.headers = {{name, "secret"}};
    EXPECT_EQ(bypass_reason(request, &kRule), "credentials") << name;
    EXPECT_EQ(bypass_reason(request, &kPublic), "") << name;
    request.principal = "user:1";
    EXPECT_EQ(bypass_reason(request, &kRule), "") << name;
  }
}

TEST(HttpPolicy, KeepsTheStatusesThatMayBeKept) {
  for (int status = 100; status < 600; ++status) {
    const bool storable =
        status == 200 || status == 203 || status == 204 || status == 301 || status == 404 || status == 410;
    EXPECT_EQ(kept({}, status).has_value(), storable) << status;
  }
}

TEST(HttpPolicy, KeepsNothingThatIsSomebodysOwn) {
  EXPECT_TRUE(kept({{"Cache-Control", "public, max-age=60"}, {"Content-Type", "text/plain"}}));
  EXPECT_FALSE(kept({{"set-COOKIE", "a=b"}}));
  for (const char* value : {"private", "no-store", "no-cache", "Private", "max-age=60, PRIVATE", "private=\"x\"",
                            "no-cache=\"Set-Cookie\"", "x=\"a, b\", no-store", " no-store ,"}) {
    EXPECT_FALSE(kept({{"Cache-Control", value}})) << value;
  }
  EXPECT_FALSE(kept({{"Cache-Control", "max-age=5"}, {"cache-control", "no-store"}})) << "in a second line";
  EXPECT_TRUE(kept({{"Cache-Control", "x=\"no-store\""}})) << "inside a quoted string it says nothing";
}

TEST(HttpPolicy, KeepsNothingThatVariesOnWhatIsNotInTheKey) {
  EXPECT_TRUE(kept({{"Vary", "Accept"}}));
  EXPECT_TRUE(kept({{"Vary", " ACCEPT , "}}));
  EXPECT_FALSE(kept({{"Vary", "*"}}));
  EXPECT_FALSE(kept({{"Vary", "accept, *"}}));
  EXPECT_FALSE(kept({{"Vary", "Accept"}, {"Vary", "Cookie"}}));
  EXPECT_FALSE(kept({{"Vary", "Accept-Encoding"}}));
}

TEST(HttpPolicy, TheResponseCanShortenItsTimeAndNeverLengthenIt) {
  EXPECT_EQ(kept({{"Cache-Control", "max-age=10"}}), Milliseconds(seconds(10)));
  EXPECT_EQ(kept({{"Cache-Control", "max-age=9999"}}), Milliseconds(seconds(60)));
  EXPECT_EQ(kept({{"Cache-Control", "max-age=99999999999999999999"}}), Milliseconds(seconds(60)));
  EXPECT_EQ(kept({{"Cache-Control", "max-age=5, s-maxage=20"}}), Milliseconds(seconds(20)));
  EXPECT_EQ(kept({{"Cache-Control", "max-age=20, max-age=\"7\""}}), Milliseconds(seconds(7)));
  for (const char* value :
       {"max-age=0", "s-maxage=0, max-age=60", "max-age=-1", "max-age=x", "max-age", "max-age=1.5"}) {
    EXPECT_FALSE(kept({{"Cache-Control", value}})) << value;
  }
}

TEST(HttpPolicy, AnExplicitTtlIsCheckedAsTheRulesIs) {
  EXPECT_EQ(kept({}, 200, seconds(1800)), Milliseconds(seconds(1800)));
  EXPECT_FALSE(kept({}, 200, seconds(0)));
  EXPECT_FALSE(kept({}, 200, seconds(-1)));
  EXPECT_FALSE(kept({}, 200, kMaxCacheTtl + Milliseconds(1)));
}

TEST(HttpPolicy, TheRequestCanKeepItsAnswerOut) {
  HttpRequest request = get();
  request.headers = {{"Cache-Control", "no-store"}};
  EXPECT_FALSE(keep_for(request, {}, kRule, seconds(60)));
  EXPECT_EQ(bypass_reason(request, &kRule), "") << "it is looked up all the same";
  request = get();
  request.method = "HEAD";
  EXPECT_FALSE(keep_for(request, {}, kRule, seconds(60))) << "an answer without a body is none to a GET";
}

TEST(HttpPolicy, FieldsOfOneConnectionAreNotKept) {
  const HttpHeaders headers = kept_headers({{"Content-Type", "a"},
                                            {"Connection", "close, X-Hop"},
                                            {"x-hop", "1"},
                                            {"Keep-Alive", "5"},
                                            {"Transfer-Encoding", "chunked"},
                                            {"Age", "7"},
                                            {"ETag", "\"e\""}});
  EXPECT_EQ(headers, (HttpHeaders{{"Content-Type", "a"}, {"ETag", "\"e\""}}));
}

TEST(HttpPolicy, UnsafeMethodsThatSucceededMakeStale) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "PROPFIND"}) {
    EXPECT_TRUE(makes_stale(method, 200) && makes_stale(method, 303)) << method;
    EXPECT_FALSE(makes_stale(method, 404) || makes_stale(method, 500) || makes_stale(method, 100)) << method;
  }
  for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE"}) EXPECT_FALSE(makes_stale(method, 200)) << method;
}

TEST(Headers, AreFoundWithoutCaseAndTheFirstCounts) {
  const HttpHeaders headers{{"A", "1"}, {"a", "2"}};
  EXPECT_EQ(find_header(headers, "a"), "1");
  EXPECT_FALSE(find_header(headers, "b"));
}

}  // namespace
}  // namespace envoyou::cache::http_policy_test
