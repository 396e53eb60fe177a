// Goal: no header makes the walk to the client crash, and none that a client sends makes him another: what the proxies
// append behind it is what is found. An address that is read is written and read again as the same. Method: libFuzzer.
// The input is read as an address, as a list of proxies, and as both headers; and as what a client sent to a chain of
// two proxies, in one line with what they append and in lines of their own, the proxies' way to write chosen by its
// first byte.
#include <envoyou/limiter/address.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace envoyou;

void must(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kClient = "203.0.113.9";
constexpr std::array<std::string_view, 5> kAppended = {
    "for=203.0.113.9", "For=\"203.0.113.9:4711\";proto=https", "by=\"[2001:db8::1]\";for=203.0.113.9",
    "host=\"a,\\\"b\\\\\";for=203.0.113.9", "for=\"203\\.0.113.9\";host=\"\\\"\""};
constexpr std::array<std::string_view, 4> kAppendedX = {"203.0.113.9", "203.0.113.9:4711", "::ffff:203.0.113.9",
                                                        "[::ffff:203.0.113.9]:1"};

const TrustedProxies& proxies() {
  static const TrustedProxies made = TrustedProxies::parse(std::vector<std::string>{"10.0.0.0/8", "fd00::/8"}).value();
  return made;
}

std::string client(const std::vector<std::string_view>& lines, ForwardedHeader header) {
  const ClientAddress found = client_address("10.0.0.1", lines, lines, proxies(), {.header = header});
  const auto address = IpAddress::parse(found.text);
  must(address.has_value() && address->to_string() == found.text);
  must(found.trusted_hops >= 1 && found.trusted_hops <= kMaxForwardedHops + 1);
  must((found.end == ForwardedEnd::kClient) == !proxies().contains(found.text));
  return found.text;
}

void try_address(std::string_view text) {
  const std::string key = rate_key_of(text);
  const auto address = IpAddress::parse(text);
  must(address ? key != "unknown" : key == "unknown");
  if (!address) return;
  must(IpAddress::parse(address->to_string()) == address);
  must(rate_key_of(address->to_string()) == key);
}

void try_proxies(std::string_view text) {
  std::vector<std::string> list(1);
  for (const char c : text) c == ' ' ? void(list.emplace_back()) : list.back().push_back(c);
  const auto parsed = TrustedProxies::parse(list);
  if (!parsed) return;
  for (const std::string& each : list) {
    must(each == "unix" ? parsed->contains_unix_socket() : parsed->contains(each.substr(0, each.find('/'))));
  }
}

void try_chain(std::string_view sent, std::string_view appended, std::string_view proxy, ForwardedHeader header) {
  const std::string one_line = std::string(sent) + ", " + std::string(appended);
  must(client({one_line}, header) == kClient);
  must(client({one_line + "," + std::string(proxy)}, header) == kClient);
  must(client({sent, appended, proxy}, header) == kClient);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try_address(text);
  try_proxies(text);
  (void)client_address(text, {}, {}, proxies());
  (void)client({text}, ForwardedHeader::kForwarded);
  (void)client({text}, ForwardedHeader::kXForwardedFor);
  try_chain(text, kAppended[data[0] % kAppended.size()], "for=10.0.0.2", ForwardedHeader::kForwarded);
  try_chain(text, kAppendedX[data[0] % kAppendedX.size()], "10.0.0.2", ForwardedHeader::kXForwardedFor);
  return 0;
}
