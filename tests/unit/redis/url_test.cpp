// Goal: every form of URL that is promised is read, everything else is refused by the name of its part, and no text
// that comes
//       out of it ever holds a password.
// Method: tables of URLs, good and bad; in each bad one whatever may be a password reads "hunter2".
#include <envoyou/redis/options.hpp>

#include <gtest/gtest.h>

#include <string>

namespace envoyou::redis::url_test {
namespace {

ClientOptions parsed(std::string_view url) {
  auto options = parse_url(url);
  EXPECT_TRUE(options) << url << ": " << (options ? "" : std::string(options.error().message()));
  return options ? *std::move(options) : ClientOptions();
}

std::string refused(std::string_view url) {
  const auto options = parse_url(url);
  EXPECT_FALSE(options) << url;
  if (options) return "";
  EXPECT_EQ(options.error().code(), Errc::kInvalidArgument);
  return std::string(options.error().message());
}

TEST(Url, NamesHostPortAndDatabase) {
  const auto options = parsed("redis://cache.example:6380/2");
  EXPECT_EQ(options.host, "cache.example");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(options.database, 2u);
  EXPECT_FALSE(options.tls.enabled);
  EXPECT_EQ(options.password, "");
}

TEST(Url, HasDefaultsForPortAndDatabase) {
  for (const char* url : {"redis://h", "redis://h/", "REDIS://h"}) {
    const auto options = parsed(url);
    EXPECT_EQ(options.port, 6379) << url;
    EXPECT_EQ(options.database, 0u) << url;
  }
}

TEST(Url, AsksForTlsWithRediss) { EXPECT_TRUE(parsed("rediss://h").tls.enabled); }

TEST(Url, DecodesUserAndPassword) {
  const auto options = parsed("redis://us%65r:p%40ss%3Aw%2Ford@h");
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "p@ss:w/ord");
}

TEST(Url, TakesAPasswordWithoutAUserAndOneThatHoldsColonsAndAts) {
  EXPECT_EQ(parsed("redis://:secret@h").username, "");
  EXPECT_EQ(parsed("redis://:secret@h").password, "secret");
  EXPECT_EQ(parsed("redis://:a:b@c@h").password, "a:b@c");
  EXPECT_EQ(parsed("redis://:a:b@c@h").host, "h");
}

TEST(Url, TakesAPasswordOfAnyBytes) {
  EXPECT_EQ(parsed("redis://:%00%ff%0d%0a@h").password, std::string("\0\xff\r\n", 4));
}

TEST(Url, TakesIpv6InBrackets) {
  const auto options = parsed("rediss://:pw@[2001:db8::1]:6380/1");
  EXPECT_EQ(options.host, "2001:db8::1");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(parsed("redis://[::1]").host, "::1");
  EXPECT_EQ(parsed("redis://[fe80::1%25eth0]").host, "fe80::1%eth0");
  EXPECT_EQ(parsed("redis://[::ffff:127.0.0.1]").host, "::ffff:127.0.0.1");
}

TEST(Url, NamesAUnixSocket) {
  const auto options = parsed("unix:///run/my%20redis.sock?db=3");
  EXPECT_EQ(options.unix_socket, "/run/my redis.sock");
  EXPECT_EQ(options.database, 3u);
  EXPECT_EQ(parsed("unix://user:pw@/run/redis.sock").username, "user");
  EXPECT_EQ(parsed("unix://user:pw@/run/redis.sock").password, "pw");
  EXPECT_EQ(parsed("unix://:p%3Fw@/run/redis.sock").password, "p?w");
}

TEST(Url, NamesTheSeedsOfACluster) {
  const auto options = parsed("redis-cluster://us%65r:p%40ss@a.example:7000,[::1]:7001,b/0");
  EXPECT_EQ(options.topology, Topology::kCluster);
  EXPECT_EQ(options.seeds, (std::vector<Endpoint>{{"a.example", 7000}, {"::1", 7001}, {"b", 6379}}));
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "p@ss");
  EXPECT_FALSE(options.tls.enabled);
  EXPECT_TRUE(parsed("rediss-cluster://a").tls.enabled);
  EXPECT_EQ(describe(options), "redis-cluster://a.example:7000,[::1]:7001,b:6379");
}

TEST(Url, NamesSentinelsAndWhomTheyWatch) {
  const auto options = parsed("rediss-sentinel://:pw@a,b:26380/my%2Dmaster/3");
  EXPECT_EQ(options.topology, Topology::kSentinel);
  EXPECT_EQ(options.seeds, (std::vector<Endpoint>{{"a", 26379}, {"b", 26380}}));
  EXPECT_EQ(options.sentinel.master_name, "my-master");
  EXPECT_EQ(options.database, 3u);
  EXPECT_EQ(options.password, "pw");
  EXPECT_EQ(options.sentinel.password, "");
  EXPECT_TRUE(options.tls.enabled);
  EXPECT_TRUE(options.sentinel.tls.enabled);
  EXPECT_EQ(describe(options), "rediss-sentinel://a:26379,b:26380/my-master/3");
  EXPECT_FALSE(parsed("redis-sentinel://a/m").sentinel.tls.enabled);
}

struct BadUrl {
  const char* url;
  const char* names;
};

TEST(Url, RefusesByTheNameOfThePartAndNeverRepeatsIt) {
  const BadUrl kBad[] = {
      {"", "url"},
      {"hunter2", "scheme"},
      {"://hunter2", "scheme"},
      {"http://user:hunter2@h", "scheme"},
      {"hun:ter2hunter2://h", "scheme"},
      {"hunter2://h", "scheme"},
      {"redis:hunter2@h", "scheme"},
      {"redis://", "host"},
      {"redis:///2", "host"},
      {"redis://:6379", "host"},
      {"redis://hunter2@h", "user"},
      {"redis://user:@h", "password"},
      {"redis://:hunter2%2@h", "password"},
      {"redis://hunter2%zz:x@h", "user"},
      {"redis://user:hunter2", "port"},
      {"redis://h:", "port"},
      {"redis://h:0", "port"},
      {"redis://h:65536", "port"},
      {"redis://h:+1", "port"},
      {"redis://h:-1", "port"},
      {"redis://h:99999999999999999999", "port"},
      {"redis://h:6379hunter2", "port"},
      {"redis://a:b:hunter2", "IPv6"},
      {"redis://[::1", "host"},
      {"redis://[hunter2]", "IPv6"},
      {"redis://[::1]hunter2", "host"},
      {"redis://h%", "host"},
      {"redis://h{hunter2}", "host"},
      {"redis://h/hunter2", "path"},
      {"redis://h/-1", "path"},
      {"redis://h/1/2", "path"},
      {"redis://h/4294967296", "path"},
      {"redis://:pass/hunter2@h", "%2F"},
      {"redis://h?password=hunter2", "query"},
      {"redis://:pass?hunter2@h", "query"},
      {"redis://:pass#hunter2@h", "#"},
      {"redis://:hunter2 @h", "percent-encode"},
      {"redis://:hunter2\n@h", "percent-encode"},
      {"redis://:hunt\xc3\xa9r2@h", "percent-encode"},
      {"redis://a,b", "host"},
      {"redis-cluster://", "host"},
      {"redis-cluster://a,", "host"},
      {"redis-cluster://,a", "host"},
      {"redis-cluster://a:1,b:hunter2", "port"},
      {"redis-cluster://user:hunter2,b:1", "port"},
      {"redis-cluster://:hunter2@a,b/1", "path"},
      {"redis-cluster://:hunter2@a,b/x", "path"},
      {"redis-cluster://:pass/hunter2@a", "%2F"},
      {"redis-cluster://a?password=hunter2", "query"},
      {"redis-sentinel://:hunter2@a,b", "master name"},
      {"redis-sentinel://:hunter2@a,b/", "master name"},
      {"redis-sentinel://:hunter2@a,b/%20", "master_name"},
      {"redis-sentinel://:hunter2@a/m/x", "path"},
      {"unix://", "path"},
      {"unix://hunter2", "path"},
      {"unix://host/path", "host"},
      {"unix://hunter2@/path", "user"},
      {"unix:///path?password=hunter2", "query"},
      {"unix:///path?db=x", "query"},
      {"unix:///path%0", "path"},
      {"unix:///path%00x", "unix_socket"},
  };
  for (const BadUrl& bad : kBad) {
    const std::string message = refused(bad.url);
    EXPECT_NE(message.find(bad.names), std::string::npos) << bad.url << ": " << message;
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << bad.url << ": " << message;
  }
}

TEST(Url, HasBounds) {
  EXPECT_NE(refused("redis://" + std::string(5000, 'h')).find("4096"), std::string::npos);
  EXPECT_NE(refused("redis://" + std::string(254, 'h')).find("253"), std::string::npos);
  EXPECT_NE(refused("unix:///" + std::string(200, 'p')).find("107"), std::string::npos);
  std::string many = "redis-cluster://a";
  for (int i = 0; i < 64; ++i) many += ",a";
  EXPECT_NE(refused(many).find("64"), std::string::npos);
}

}  // namespace
}  // namespace envoyou::redis::url_test
