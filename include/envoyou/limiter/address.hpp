// Who is asking, by address: the one that is limited when nobody has signed in.
//
// Behind proxies the peer of the connection is a proxy, and the client stands in a header that the client may have
// begun to write himself. So the header is read from its end, where the nearest proxy wrote, and only as long as the
// one who speaks is trusted: the first address that is no trusted proxy is the client. What stands to the left of it is
// never looked at, whatever it is, so no client chooses who he is.
//
//   peer 10.0.0.2, trusted 10.0.0.0/8
//   X-Forwarded-For: 198.51.100.7, 203.0.113.9, 10.0.0.1
//                    made up       the client   a trusted proxy, named by 10.0.0.2
//
// Then the address becomes a key: IPv6 by /64, since whoever has one IPv6 address has 2^64 of them.
//
// Does not: read sockets, resolve names, or find out which proxies there are. Sources: RFC 7239 (Forwarded),
// RFC 4291 and 5952 (IPv6 as text), RFC 4632 (CIDR).
//
// Pure; values are thread-compatible, and a TrustedProxies may be read by any number of threads.
#pragma once

#include <envoyou/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou {

// An IPv4 or IPv6 address. An IPv4 address that is written as an IPv6 one (::ffff:192.0.2.1) is the IPv4 address.
class IpAddress {
 public:
  // Four decimal numbers without leading zeros, or RFC 4291 text, and nothing else: no port, brackets, zone or space.
  static std::optional<IpAddress> parse(std::string_view text) noexcept;

  bool is_v4() const noexcept { return is_v4_; }
  int bits() const noexcept { return is_v4_ ? 32 : 128; }
  // The address with all but its first `prefix` bits cleared. `prefix` is taken for 0 below that, for bits() above.
  IpAddress network(int prefix) const noexcept;
  // RFC 5952: lower case, the longest run of zeros as "::". parse() of it gives the same address.
  std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool is_v4_ = false;
  std::array<std::uint8_t, 16> bytes_{};  // in the order of the network; IPv4: the first four
};

inline constexpr std::size_t kMaxTrustedProxies = 1024;

// The proxies whose word is taken for who stands before them. By default none.
class TrustedProxies {
 public:
  TrustedProxies() = default;

  // Each an address ("192.0.2.1"), a network ("10.0.0.0/8", "2001:db8::/32"), or "unix" for a peer without an address,
  // which is one that came through a Unix socket. A network with bits behind its prefix is a slip and refused, and so
  // is /0: who trusts everybody lets everybody choose who he is. Errors: kInvalidArgument, all bad ones at once, each
  // by its place (trusted_proxies[3]); more than kMaxTrustedProxies.
  static Result<TrustedProxies> parse(std::span<const std::string> cidrs);

  bool contains(const IpAddress& address) const noexcept;
  // False for what is no address.
  bool contains(std::string_view address) const noexcept;
  bool contains_unix_socket() const noexcept { return unix_socket_; }
  bool empty() const noexcept { return networks_.empty() && !unix_socket_; }

 private:
  struct Network {
    IpAddress first;
    int prefix = 0;
    friend auto operator<=>(const Network&, const Network&) = default;
  };
  std::vector<Network> networks_;  // sorted, and none within another
  bool unix_socket_ = false;
};

// Which header is believed. One alone: a proxy that writes the one lets the other through as the client sent it.
enum class ForwardedHeader : std::uint8_t {
  kXForwardedFor,
  kForwarded,  // RFC 7239
  kNone,       // the peer is the client
};

struct ClientAddressOptions {
  ForwardedHeader header = ForwardedHeader::kXForwardedFor;
  // How many speakers are trusted whatever their address is, counted from the peer: 1 behind a load balancer whose
  // addresses are not known. Only where nobody can reach this server but through it.
  std::size_t trusted_hops = 0;
};

// How much of a header is read, from its end. What stands before is as if the list were cut there.
inline constexpr std::size_t kMaxForwardedBytes = 8192;
inline constexpr std::size_t kMaxForwardedHops = 32;

// Why the walk from the peer to the client ended where it did.
enum class ForwardedEnd : std::uint8_t {
  kClient,     // at an address that is no trusted proxy
  kListEnded,  // all who are named are trusted: the farthest of them asks
  kHidden,     // a trusted proxy would not say whom it spoke for ("unknown", "_hidden", no `for`)
  kMalformed,  // the peer, or what came next in the list, is no address
  kBound,      // the list is longer than the bounds
};

std::string_view to_string(ForwardedEnd end) noexcept;  // "client", "list_ended", …

struct ClientAddress {
  std::string text = {};     // canonical; empty: the peer has no address, and nothing better was found
  bool from_header = false;  // false: it is the peer's
  ForwardedEnd end = ForwardedEnd::kClient;
  std::size_t trusted_hops = 0;  // how many trusted speakers there were
};

// The client's address. `peer` is that of the connection as the server knows it, with or without a port or a zone;
// empty: a Unix socket. The header's lines are given in the order in which they came; together they are one list, and
// those of the header that is not believed are not looked at. Where the walk cannot go on, the client is the last who
// is known for certain. Ports and zones are dropped.
ClientAddress client_address(std::string_view peer, std::span<const std::string_view> forwarded,
                             std::span<const std::string_view> x_forwarded_for, const TrustedProxies& trusted,
                             const ClientAddressOptions& options = {});
// The same from all fields of the request, their names in any case.
ClientAddress client_address(std::string_view peer, std::span<const std::pair<std::string, std::string>> headers,
                             const TrustedProxies& trusted, const ClientAddressOptions& options = {});

// How much of an address is one caller. Values are clamped to 0 … 32 and 0 … 128.
struct AddressGrouping {
  int ipv4_prefix = 32;
  int ipv6_prefix = 64;  // what one link has; a site may have a /56 or a /48
};

// The text to limit an address by: "192.0.2.1", "2001:db8:0:7::/64". One caller has one text, however his address is
// written; all that is no address is one caller, "unknown", so that nobody escapes by writing nonsense.
std::string rate_key_of(std::string_view address, const AddressGrouping& grouping = {});

}  // namespace envoyou
