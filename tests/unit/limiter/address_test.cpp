// Goal: an address has one text; the client is the first address from the right that is no trusted proxy, and nothing
//       that a client writes into a header moves that; and one caller has one key.
// Method: addresses, lists of proxies and headers by hand, among them what a client would send to be someone else.
#include <envoyou/limiter/address.hpp>

#include <gtest/gtest.h>

#include <array>

namespace envoyou::address_test {
namespace {

using Lines = std::vector<std::string_view>;

std::string canonical(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address->to_string() : "none";
}

TrustedProxies trusting(const std::vector<std::string>& cidrs) { return TrustedProxies::parse(cidrs).value(); }

std::string refusal(const std::vector<std::string>& cidrs) {
  const auto parsed = TrustedProxies::parse(cidrs);
  return parsed ? "none" : std::string(parsed.error().message());
}

// The client of a request that came from a proxy at 10.0.0.1, all of 10.0.0.0/8 being trusted.
ClientAddress by_x(const Lines& lines) { return client_address("10.0.0.1", {}, lines, trusting({"10.0.0.0/8"})); }
ClientAddress by_forwarded(const Lines& lines) {
  return client_address("10.0.0.1", lines, {}, trusting({"10.0.0.0/8"}), {.header = ForwardedHeader::kForwarded});
}

// --- Addresses

TEST(IpAddressText, OfIPv4IsFourNumbers) {
  EXPECT_EQ(canonical("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(canonical("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(canonical("255.255.255.255"), "255.255.255.255");
  for (const std::string_view bad :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.04", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.4 ",
        " 1.2.3.4", "1.2.3.-4", "1.2.3.+4", "0x1.2.3.4", "1.2.3.1000", "1.2.3.4/8", "1.2.3.4:80"}) {
    EXPECT_EQ(canonical(bad), "none") << bad;
  }
}

TEST(IpAddressText, OfIPv6IsTheOneOfRfc5952) {
  EXPECT_EQ(canonical("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(canonical("2001:db8:0000:0000:0001:0000:0000:0001"), "2001:db8::1:0:0:1");
  EXPECT_EQ(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(canonical("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("::1"), "::1");
  EXPECT_EQ(canonical("1::"), "1::");
  EXPECT_EQ(canonical("fe80::1:0"), "fe80::1:0");
  EXPECT_EQ(canonical("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
  EXPECT_EQ(canonical("1:2:3:4:5:6:7.8.9.10"), "1:2:3:4:5:6:708:90a");
}

TEST(IpAddressText, OfIPv6ThatIsBadIsNone) {
  for (const std::string_view bad : {":",
                                     ":::",
                                     "1",
                                     "1:2",
                                     "1:2:3:4:5:6:7",
                                     "1:2:3:4:5:6:7:8:9",
                                     "1:2:3:4:5:6:7:8::",
                                     "::1:2:3:4:5:6:7:8",
                                     "1::2::3",
                                     "12345::",
                                     "g::",
                                     ":1::",
                                     "1:::2",
                                     "1:2:3:4:5:6:7:",
                                     ":1:2:3:4:5:6:7",
                                     "::1.2.3",
                                     "::1.2.3.4.5",
                                     "1.2.3.4::",
                                     "::1.2.3.4:5",
                                     "1:2:3:4:5:6:7:1.2.3.4",
                                     "::-1",
                                     "::0x1",
                                     "[::1]",
                                     "::1%eth0",
                                     "::1/64",
                                     "::1 ",
                                     "0000:0000:0000:0000:0000:ffff:255.255.255.2555"}) {
    EXPECT_EQ(canonical(bad), "none") << bad;
  }
}

TEST(IpAddressText, OfAnIPv4AddressInIPv6IsIPv4) {
  EXPECT_EQ(canonical("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(canonical("::FFFF:c000:0201"), "192.0.2.1");
  EXPECT_EQ(canonical("0000:0000:0000:0000:0000:ffff:255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(canonical("::192.0.2.1"), "::c000:201");
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
  EXPECT_NE(IpAddress::parse("c000:201::"), IpAddress::parse("192.0.2.1"));
}

TEST(IpAddressText, OfANetworkHasNoBitsBehindThePrefix) {
  const auto v4 = IpAddress::parse("203.0.113.255").value();
  EXPECT_EQ(v4.network(32), v4);
  EXPECT_EQ(v4.network(25).to_string(), "203.0.113.128");
  EXPECT_EQ(v4.network(1).to_string(), "128.0.0.0");
  EXPECT_EQ(v4.network(-5).to_string(), "0.0.0.0");
  const auto v6 = IpAddress::parse("2001:db8:ffff:ffff::1").value();
  EXPECT_EQ(v6.network(33).to_string(), "2001:db8:8000::");
  EXPECT_EQ(v6.network(1000), v6);
}

// --- Who is trusted

TEST(TrustedProxiesOf, AddressesAndNetworks) {
  const auto proxies = trusting({"10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "fd00::1", "::ffff:172.16.0.0/108"});
  for (const std::string_view inside :
       {"10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:1::9", "fd00::1", "172.31.0.1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(proxies.contains(inside)) << inside;
  }
  for (const std::string_view outside : {"9.255.255.255", "11.0.0.0", "192.0.2.8", "2001:db9::", "fd00::2",
                                         "172.32.0.0", "a00::", "", "10.0.0.1:80", "nonsense"}) {
    EXPECT_FALSE(proxies.contains(outside)) << outside;
  }
}

TEST(TrustedProxiesOf, NetworksThatLieInOneAnotherAreTheirUnion) {
  const auto proxies = trusting({"10.1.2.3", "10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/9", "11.0.0.0/24", "10.1.2.3"});
  for (const std::string_view inside : {"10.0.0.1", "10.1.2.3", "10.200.0.1", "11.0.0.9"}) {
    EXPECT_TRUE(proxies.contains(inside)) << inside;
  }
  EXPECT_FALSE(proxies.contains("11.0.1.0"));
}

TEST(TrustedProxiesOf, IPv4IsNoPartOfIPv6) {
  EXPECT_FALSE(trusting({"::/1"}).contains("10.0.0.1"));
  EXPECT_FALSE(trusting({"0.0.0.0/1"}).contains("::1"));
}

TEST(TrustedProxiesOf, NobodyIsTheDefault) {
  EXPECT_TRUE(TrustedProxies().empty());
  EXPECT_FALSE(TrustedProxies().contains("127.0.0.1"));
  EXPECT_TRUE(trusting({}).empty());
  EXPECT_FALSE(trusting({"unix"}).empty());
}

TEST(TrustedProxiesOf, EveryBadOneIsToldAtOnceByItsPlace) {
  EXPECT_EQ(refusal({"10.0.0.0/8", "proxy.example", "10.0.0.1/8", "1.2.3.4/33"}),
            "trusted_proxies[1]: must be an address, a network or \"unix\", got \"proxy.example\"; "
            "trusted_proxies[2]: has bits behind its prefix (the network is 10.0.0.0/8), got \"10.0.0.1/8\"; "
            "trusted_proxies[3]: must have a prefix of 1 to 32 bits, got \"1.2.3.4/33\"");
}

TEST(TrustedProxiesOf, ASlipIsRefused) {
  for (const std::string_view bad : {"", " 10.0.0.1", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8",
                                     "::1%lo", "[::1]", "2001:db8::/129", "10.0.0.1:80", "UNIX", "2001:db8::1/32"}) {
    EXPECT_NE(refusal({std::string(bad)}), "none") << bad;
  }
  EXPECT_EQ(refusal({"a\nb"}), "trusted_proxies[0]: must be an address, a network or \"unix\", got \"a\\x0ab\"");
}

TEST(TrustedProxiesOf, TrustInEverybodyIsRefused) {
  for (const std::string_view all : {"0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "::ffff:0.0.0.0/0"}) {
    EXPECT_NE(refusal({std::string(all)}).find("trust everybody"), std::string::npos) << all;
  }
}

TEST(TrustedProxiesOf, TooManyAreRefused) {
  EXPECT_TRUE(TrustedProxies::parse(std::vector<std::string>(kMaxTrustedProxies, "10.0.0.1")).ok());
  EXPECT_EQ(refusal(std::vector<std::string>(kMaxTrustedProxies + 1, "10.0.0.1")),
            "trusted_proxies: must be at most 1024 entries, got 1025");
}

// --- The client, by X-Forwarded-For

TEST(ClientByXForwardedFor, IsThePeerWhenNobodyIsTrusted) {
  const auto found = client_address("203.0.113.9:4711", {}, Lines{"198.51.100.7"}, TrustedProxies());
  EXPECT_EQ(found.text, "203.0.113.9");
  EXPECT_FALSE(found.from_header);
  EXPECT_EQ(found.end, ForwardedEnd::kClient);
  EXPECT_EQ(found.trusted_hops, 0u);
}

TEST(ClientByXForwardedFor, IsTheFirstFromTheRightThatIsNotTrusted) {
  const auto found = by_x({"198.51.100.7, 203.0.113.9, 10.9.9.9"});
  EXPECT_EQ(found.text, "203.0.113.9");
  EXPECT_TRUE(found.from_header);
  EXPECT_EQ(found.end, ForwardedEnd::kClient);
  EXPECT_EQ(found.trusted_hops, 2u);
}

TEST(ClientByXForwardedFor, IsNotMovedByWhatTheClientWrote) {
  for (const std::string_view written : {"10.0.0.5", "127.0.0.1", "garbage", ",,,", "\"", "10.0.0.5, \"", "unknown",
                                         "for=10.0.0.5", "\r\nX-Forwarded-For: 10.0.0.5", "10.0.0.5,10.0.0.6"}) {
    EXPECT_EQ(by_x({std::string(written) + ", 203.0.113.9"}).text, "203.0.113.9") << written;
    EXPECT_EQ(by_x({written, "203.0.113.9"}).text, "203.0.113.9") << written;
  }
}

TEST(ClientByXForwardedFor, SeveralLinesAreOneList) {
  EXPECT_EQ(by_x({"198.51.100.7", "203.0.113.9", "10.0.0.2, 10.0.0.3"}).text, "203.0.113.9");
  EXPECT_EQ(by_x({"203.0.113.9", "", " , ", "10.0.0.2"}).text, "203.0.113.9");
}

TEST(ClientByXForwardedFor, IsTheFarthestWhenAllAreTrusted) {
  const auto found = by_x({"10.0.0.9, 10.0.0.2"});
  EXPECT_EQ(found.text, "10.0.0.9");
  EXPECT_EQ(found.end, ForwardedEnd::kListEnded);
  EXPECT_EQ(found.trusted_hops, 3u);
  EXPECT_EQ(by_x({}).text, "10.0.0.1");
  EXPECT_EQ(by_x({"", ",", "  "}).end, ForwardedEnd::kListEnded);
}

TEST(ClientByXForwardedFor, IsTheLastBelievableWhereTheListIsBroken) {
  for (const std::string_view broken : {"unknown", "_hidden", "10.0.0.300", "localhost", "10.0.0.2 10.0.0.3",
                                        "\"10.0.0.2\"", "10.0.0.2:99999", "10.0.0.2:", "[::1", "[10.0.0.1]", "::1]"}) {
    const auto found = by_x({"203.0.113.9, " + std::string(broken) + ", 10.0.0.7"});
    EXPECT_EQ(found.text, "10.0.0.7") << broken;
    EXPECT_EQ(found.end, ForwardedEnd::kMalformed) << broken;
    EXPECT_TRUE(found.from_header);
  }
  EXPECT_EQ(by_x({"203.0.113.9, what"}).text, "10.0.0.1");
}

TEST(ClientByXForwardedFor, HasNeitherPortNorZone) {
  EXPECT_EQ(by_x({"203.0.113.9:4711"}).text, "203.0.113.9");
  EXPECT_EQ(by_x({"[2001:DB8::1]:4711"}).text, "2001:db8::1");
  EXPECT_EQ(by_x({"[2001:db8::1]"}).text, "2001:db8::1");
  EXPECT_EQ(by_x({"2001:db8::1"}).text, "2001:db8::1");
  EXPECT_EQ(by_x({"fe80::1%eth0"}).text, "fe80::1");
  EXPECT_EQ(by_x({"[fe80::1%25en0]:80"}).text, "fe80::1");
  EXPECT_EQ(by_x({"::ffff:203.0.113.9"}).text, "203.0.113.9");
  EXPECT_EQ(by_x({"fe80::1%"}).end, ForwardedEnd::kMalformed);
  EXPECT_EQ(by_x({"203.0.113.9%eth0"}).end, ForwardedEnd::kMalformed);
}

TEST(ClientByXForwardedFor, ThePeerMayBeWrittenInAnyWay) {
  for (const std::string_view peer : {"10.0.0.1", "10.0.0.1:80", "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80"}) {
    EXPECT_EQ(client_address(peer, {}, Lines{"203.0.113.9"}, trusting({"10.0.0.1"})).text, "203.0.113.9") << peer;
  }
}

TEST(ClientByXForwardedFor, APeerThatIsNoAddressIsNotBelieved) {
  const auto found = client_address("proxy", {}, Lines{"203.0.113.9"}, trusting({"10.0.0.1", "unix"}));
  EXPECT_EQ(found.text, "");
  EXPECT_EQ(found.end, ForwardedEnd::kMalformed);
}

TEST(ClientByXForwardedFor, AUnixSocketMayBeTrusted) {
  EXPECT_EQ(client_address("", {}, Lines{"203.0.113.9"}, trusting({"unix"})).text, "203.0.113.9");
  const auto untrusted = client_address("", {}, Lines{"203.0.113.9"}, trusting({"10.0.0.1"}));
  EXPECT_EQ(untrusted.text, "");
  EXPECT_EQ(untrusted.end, ForwardedEnd::kClient);
  EXPECT_EQ(client_address("", {}, {}, trusting({"unix"})).text, "");
}

TEST(ClientByXForwardedFor, HopsMayBeTrustedByNumber) {
  const auto client = [](std::size_t hops) {
    return client_address("203.0.113.1", {}, Lines{"192.0.2.1, 192.0.2.2, 192.0.2.3"}, {}, {.trusted_hops = hops}).text;
  };
  EXPECT_EQ(client(0), "203.0.113.1");
  EXPECT_EQ(client(1), "192.0.2.3");
  EXPECT_EQ(client(2), "192.0.2.2");
  EXPECT_EQ(client(9), "192.0.2.1");
}

TEST(ClientByXForwardedFor, TheOtherHeaderIsNotLookedAt) {
  const auto proxies = trusting({"10.0.0.0/8"});
  EXPECT_EQ(client_address("10.0.0.1", Lines{"for=198.51.100.7"}, Lines{"203.0.113.9"}, proxies).text, "203.0.113.9");
  EXPECT_EQ(client_address("10.0.0.1", Lines{"for=198.51.100.7"}, {}, proxies).text, "10.0.0.1");
  EXPECT_EQ(client_address("10.0.0.1", {}, Lines{"203.0.113.9"}, proxies, {.header = ForwardedHeader::kForwarded}).text,
            "10.0.0.1");
  const auto none = client_address("10.0.0.1", Lines{"for=198.51.100.7"}, Lines{"203.0.113.9"}, proxies,
                                   {.header = ForwardedHeader::kNone});
  EXPECT_EQ(none.text, "10.0.0.1");
  EXPECT_FALSE(none.from_header);
}

TEST(ClientByXForwardedFor, FieldsAreFoundInAnyCase) {
  const std::vector<std::pair<std::string, std::string>> fields = {{"Host", "a"},
                                                                   {"x-forwarded-for", "203.0.113.9"},
                                                                   {"FORWARDED", "for=198.51.100.7"},
                                                                   {"X-FORWARDED-FOR", "10.0.0.2"}};
  const auto proxies = trusting({"10.0.0.0/8"});
  EXPECT_EQ(client_address("10.0.0.1", fields, proxies).text, "203.0.113.9");
  EXPECT_EQ(client_address("10.0.0.1", fields, proxies, {.header = ForwardedHeader::kForwarded}).text, "198.51.100.7");
  EXPECT_EQ(client_address("10.0.0.1", fields, proxies, {.header = ForwardedHeader::kNone}).text, "10.0.0.1");
}

TEST(ClientByXForwardedFor, IsLookedForWithinTheBounds) {
  std::string many = "203.0.113.9";
  for (std::size_t i = 1; i < kMaxForwardedHops; ++i) many += ",10.0.0.2";
  EXPECT_EQ(by_x({many}).text, "203.0.113.9");
  EXPECT_EQ(by_x({many + ",10.0.0.3"}).text, "10.0.0.2");
  EXPECT_EQ(by_x({many + ",10.0.0.3"}).end, ForwardedEnd::kBound);
  EXPECT_EQ(by_x({std::string(kMaxForwardedHops, ',') + "10.0.0.3"}).end, ForwardedEnd::kBound);

  const std::string room(kMaxForwardedBytes - 30, ' ');
  EXPECT_EQ(by_x({"203.0.113.9," + room + "10.0.0.2"}).text, "203.0.113.9");
  const auto cut = by_x({"203.0.113.9," + room + std::string(100, ' ') + "10.0.0.2"});
  EXPECT_EQ(cut.text, "10.0.0.1");
  EXPECT_EQ(cut.end, ForwardedEnd::kBound);
  EXPECT_EQ(by_x({std::string(1u << 20, 'x') + ",203.0.113.9"}).text, "203.0.113.9");
  EXPECT_EQ(by_x({std::string(1u << 20, 'x')}).end, ForwardedEnd::kBound);
}

// --- The client, by Forwarded

TEST(ClientByForwarded, IsReadAsInTheRfc) {
  EXPECT_EQ(by_forwarded({"for=192.0.2.60;proto=http;by=203.0.113.43"}).text, "192.0.2.60");
  EXPECT_EQ(by_forwarded({"For=\"[2001:db8:cafe::17]:4711\""}).text, "2001:db8:cafe::17");
  EXPECT_EQ(by_forwarded({"for=192.0.2.43, for=10.0.0.9"}).text, "192.0.2.43");
  EXPECT_EQ(by_forwarded({"for=192.0.2.43", "FOR=\"10.0.0.9:80\""}).text, "192.0.2.43");
  EXPECT_EQ(by_forwarded({"for=\"192.0.2.43\\:80\""}).text, "192.0.2.43");
  EXPECT_EQ(by_forwarded({"by=_a ; for=192.0.2.43 ; host=\"a,b;for=10.0.0.1\""}).text, "192.0.2.43");
  EXPECT_EQ(by_forwarded({";;for=192.0.2.43;"}).text, "192.0.2.43");
  EXPECT_EQ(by_forwarded({"for=\"192.0.2.43:_port\""}).text, "192.0.2.43");
}

TEST(ClientByForwarded, IsNotMovedByWhatTheClientWrote) {
  for (const std::string_view written :
       {"for=10.0.0.5", "\"", "for=\"", "for=\"10.0.0.5", "for=\"\\", "\\\"", "for=\"a\\\"", "host=\"x, for=10.0.0.5",
        ";", "for", "=", "for=10.0.0.5;host=\"", "\\", "\\\\\"", "for=\"unknown", "\"\"\"", ",\"", "\",\""}) {
    for (const std::string_view appended :
         {"for=203.0.113.9", "for=\"203.0.113.9:80\"", "host=\"a,\\\"b\\\\\";for=203.0.113.9",
          "for=203.0.113.9;host=\"\\\"\"", "for=203.0.113.9;by=\"[2001:db8::1]\""}) {
      const std::string both = std::string(written) + ", " + std::string(appended);
      EXPECT_EQ(by_forwarded({both}).text, "203.0.113.9") << both;
      EXPECT_EQ(by_forwarded({both + ", for=10.0.0.2"}).text, "203.0.113.9") << both;
      EXPECT_EQ(by_forwarded({written, appended}).text, "203.0.113.9") << both;
    }
  }
}

TEST(ClientByForwarded, AProxyThatHidesWhomItSpeaksForIsTheLastBelievable) {
  for (const std::string_view hidden : {"for=unknown", "for=UNKNOWN", "for=_mdn", "for=\"_gazonk:80\"",
                                        "for=\"unknown:_p\"", "proto=https", "by=10.0.0.1;host=a"}) {
    const auto found = by_forwarded({"for=203.0.113.9, " + std::string(hidden) + ", for=10.0.0.4"});
    EXPECT_EQ(found.text, "10.0.0.4") << hidden;
    EXPECT_EQ(found.end, ForwardedEnd::kHidden) << hidden;
  }
}

TEST(ClientByForwarded, WhatIsMalformedEndsTheWalk) {
  for (const std::string_view broken :
       {"for=", "for", "=1.2.3.4", "for 192.0.2.1", "for=192.0.2.1 x", "for=[2001:db8::1]", "for=192.0.2.1:80",
        "for=2001:db8::1", "for=\"2001:db8::1\"", "for=192.0.2.1;for=192.0.2.2", "for=\"192.0.2.1",
        "for=\"192.0.2.1\"x", "for=_", "for=\"_a b\"", "for=\"unknown:x\"", "for=\"192.0.2.1\x01\"",
        "for=\"[192.0.2.1]\"", "192.0.2.1", "for = 192.0.2.1"}) {
    const auto found = by_forwarded({"for=203.0.113.9, " + std::string(broken)});
    EXPECT_EQ(found.text, "10.0.0.1") << broken;
    EXPECT_EQ(found.end, ForwardedEnd::kMalformed) << broken;
  }
}

TEST(ClientByForwarded, TheEndOfAWalkHasAName) {
  EXPECT_EQ(to_string(ForwardedEnd::kClient), "client");
  EXPECT_EQ(to_string(ForwardedEnd::kListEnded), "list_ended");
  EXPECT_EQ(to_string(ForwardedEnd::kHidden), "hidden");
  EXPECT_EQ(to_string(ForwardedEnd::kMalformed), "malformed");
  EXPECT_EQ(to_string(ForwardedEnd::kBound), "bound");
}

// --- The key

TEST(RateKey, IsTheAddressInIPv4AndTheNetworkInIPv6) {
  EXPECT_EQ(rate_key_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(rate_key_of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(rate_key_of("2001:db8:0:7:1:2:3:4"), "2001:db8:0:7::/64");
  EXPECT_EQ(rate_key_of("2001:DB8:0:7::"), "2001:db8:0:7::/64");
  EXPECT_NE(rate_key_of("2001:db8:0:8::"), "2001:db8:0:7::/64");
}

TEST(RateKey, GroupsAsItIsTold) {
  EXPECT_EQ(rate_key_of("192.0.2.129", {.ipv4_prefix = 24}), "192.0.2.0/24");
  EXPECT_EQ(rate_key_of("2001:db8:1:2:3::", {.ipv6_prefix = 48}), "2001:db8:1::/48");
  EXPECT_EQ(rate_key_of("2001:db8:1:2:3::", {.ipv6_prefix = 128}), "2001:db8:1:2:3::");
  EXPECT_EQ(rate_key_of("2001:db8:1:2:3::", {.ipv6_prefix = 900}), "2001:db8:1:2:3::");
  EXPECT_EQ(rate_key_of("192.0.2.129", {.ipv4_prefix = -1}), "0.0.0.0/0");
}

TEST(RateKey, OfAllThatIsNoAddressIsOne) {
  for (const std::string_view text : {"", "unknown", "nobody", "192.0.2.1:80", "192.0.2.1 "}) {
    EXPECT_EQ(rate_key_of(text), "unknown") << text;
  }
}

}  // namespace
}  // namespace envoyou::address_test
