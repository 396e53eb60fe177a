// Addresses, and the walk from the peer to the client.
//
// The list is split from its right end, since only that end was written by someone who is trusted. For Forwarded, whose
// values may be quoted strings with commas in them, this is not only a matter of speed: a client who sends one quote
// too many would turn all that the proxies append into the inside of a string, if it were read from the left. From the
// right, the first quote that is met closes a string; the one that opened it is the next with an even number of
// backslashes before it (none, in what is well formed, where '=' stands before). So what a proxy appends is always
// found whole, whatever stands before it.
#include <envoyou/limiter/address.hpp>

#include "base/bytes.hpp"
#include "base/problems.hpp"

#include <algorithm>
#include <charconv>

namespace envoyou {

namespace {

constexpr std::size_t kMaxAddressText = 45;  // eight groups, the last two as a dotted quad
constexpr std::size_t kMaxZoneBytes = 64;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower_case(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_but_for_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower_case(x) == lower_case(y); });
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// A number without sign, and without leading zeros, of at most `max`.
std::optional<unsigned> small_number(std::string_view text, unsigned max) noexcept {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value <= max ? std::optional(value) : std::nullopt;
}

// The bytes of an address, or of one side of its "::".
struct AddressBytes {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;

  bool append(unsigned byte) noexcept {
    if (size == bytes.size()) return false;
    bytes[size++] = static_cast<std::uint8_t>(byte);
    return true;
  }
};

bool append_quad(AddressBytes& to, std::string_view text) noexcept {
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return false;
    const auto number = small_number(text.substr(0, dot), 255);
    if (!number || !to.append(*number)) return false;
    text.remove_prefix(i == 3 ? text.size() : dot + 1);
  }
  return true;
}

bool append_group(AddressBytes& to, std::string_view text) noexcept {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value, 16);
  if (text.empty() || text.size() > 4 || problem != std::errc() || stop != end) return false;
  return to.append(value >> 8) && to.append(value & 255);
}

// Groups with ':' between them; none is fine.
std::optional<AddressBytes> read_groups(std::string_view text, bool may_end_in_quad) noexcept {
  AddressBytes made;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const bool last = colon == std::string_view::npos;
    const std::string_view group = text.substr(0, colon);
    const bool quad = last && may_end_in_quad && group.find('.') != std::string_view::npos;
    if (!(quad ? append_quad(made, group) : append_group(made, group))) return std::nullopt;
    if (last) return made;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return made;
}

std::optional<AddressBytes> read_v6(std::string_view text) noexcept {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto all = read_groups(text, true);
    return all && all->size == 16 ? all : std::nullopt;
  }
  auto left = read_groups(text.substr(0, gap), false);
  const auto right = read_groups(text.substr(gap + 2), true);
  // The gap stands for at least one group.
  if (!left || !right || left->size + right->size > 14) return std::nullopt;
  std::copy_n(right->bytes.begin(), right->size, left->bytes.end() - static_cast<std::ptrdiff_t>(right->size));
  left->size = 16;
  return left;
}

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ZeroRun {
  std::size_t at = 8;
  std::size_t length = 1;  // a single zero is not worth "::"
};

ZeroRun longest_zero_run(const std::array<unsigned, 8>& groups) noexcept {
  ZeroRun longest;
  for (std::size_t at = 0; at < groups.size(); ++at) {
    std::size_t end = at;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - at > longest.length) longest = {at, end - at};
    at = std::max(at, end);
  }
  return longest;
}

void append_hex(std::string& to, unsigned group) {
  std::array<char, 4> digits{};
  const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), group, 16);
  if (problem == std::errc()) to.append(digits.data(), end);
}

std::string quad_text(std::span<const std::uint8_t, 4> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += '.';
    text += std::to_string(byte);
  }
  return text;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  if (text.size() > kMaxAddressText) return std::nullopt;
  IpAddress made;
  if (text.find(':') == std::string_view::npos) {
    AddressBytes quad;
    if (!append_quad(quad, text)) return std::nullopt;
    made.bytes_ = quad.bytes;
    made.is_v4_ = true;
    return made;
  }
  const auto read = read_v6(text);
  if (!read) return std::nullopt;
  made.bytes_ = read->bytes;
  if (!std::equal(kMapped.begin(), kMapped.end(), made.bytes_.begin())) return made;
  std::copy_n(read->bytes.begin() + kMapped.size(), 4, made.bytes_.begin());
  std::fill(made.bytes_.begin() + 4, made.bytes_.end(), std::uint8_t{0});
  made.is_v4_ = true;
  return made;
}

IpAddress IpAddress::network(int prefix) const noexcept {
  IpAddress made = *this;
  int kept = std::clamp(prefix, 0, bits());
  for (std::uint8_t& byte : made.bytes_) {
    if (kept < 8) byte = static_cast<std::uint8_t>(byte & (0xff00u >> kept));
    kept = std::max(0, kept - 8);
  }
  return made;
}

std::string IpAddress::to_string() const {
  if (is_v4_) return quad_text(std::span(bytes_).first<4>());
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = (static_cast<unsigned>(bytes_[2 * i]) << 8) | bytes_[2 * i + 1];
  }
  const ZeroRun gap = longest_zero_run(groups);
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == gap.at) {
      text += "::";
      i += gap.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_hex(text, groups[i]);
  }
  return text;
}

// --- Who is trusted

namespace {

struct Cidr {
  IpAddress address;
  int prefix = 0;
};

Result<Cidr> bad_cidr(std::string_view problem) { return Error(Errc::kInvalidArgument, std::string(problem)); }

// The error's text is the problem alone.
Result<Cidr> read_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = IpAddress::parse(host);
  if (!address) return bad_cidr("must be an address, a network or \"unix\"");
  if (slash == std::string_view::npos) return Cidr{*address, address->bits()};
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const int written_as_v6 = address->is_v4() && host.find(':') != std::string_view::npos ? 96 : 0;
  const int most = address->bits() + written_as_v6;
  const auto prefix = small_number(text.substr(slash + 1), static_cast<unsigned>(most));
  if (!prefix) return bad_cidr("must have a prefix of 1 to " + std::to_string(most) + " bits");
  const int kept = static_cast<int>(*prefix) - written_as_v6;
  if (kept <= 0) return bad_cidr("would trust everybody, and so let everybody choose who he is");
  const IpAddress first = address->network(kept);
  if (first == *address) return Cidr{first, kept};
  return bad_cidr("has bits behind its prefix (the network is " + first.to_string() + "/" + std::to_string(kept) + ")");
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(std::span<const std::string> cidrs) {
  if (cidrs.size() > kMaxTrustedProxies) {
    return invalid_argument("trusted_proxies", "must be at most " + std::to_string(kMaxTrustedProxies) +
                                                   " entries, got " + std::to_string(cidrs.size()));
  }
  TrustedProxies made;
  base::Problems problems;
  std::vector<Network> all;
  for (std::size_t i = 0; i < cidrs.size(); ++i) {
    if (cidrs[i] == "unix") {
      made.unix_socket_ = true;
    } else if (const auto cidr = read_cidr(cidrs[i])) {
      all.push_back({cidr->address, cidr->prefix});
    } else {
      problems.add("trusted_proxies[" + std::to_string(i) + "]",
                   std::string(cidr.error().message()) + ", got " + base::printable(cidrs[i]));
    }
  }
  if (!problems.empty()) return problems.result().error();
  // Networks are disjoint or one lies in the other; sorted, the wider one comes before what lies in it.
  std::ranges::sort(all);
  for (const Network& network : all) {
    if (!made.contains(network.first)) made.networks_.push_back(network);
  }
  return made;
}

bool TrustedProxies::contains(const IpAddress& address) const noexcept {
  const auto after = std::ranges::upper_bound(networks_, address, {}, &Network::first);
  if (after == networks_.begin()) return false;
  const Network& candidate = *std::prev(after);
  return candidate.first.is_v4() == address.is_v4() && address.network(candidate.prefix) == candidate.first;
}

bool TrustedProxies::contains(std::string_view address) const noexcept {
  const auto parsed = IpAddress::parse(address);
  return parsed && contains(*parsed);
}

// --- One hop of the list

namespace {

struct Hop {
  std::optional<IpAddress> address = std::nullopt;
  bool hidden = false;  // a trusted proxy says that it does not say
};

bool is_identifier_char(char c) noexcept { return is_digit(c) || is_letter(c) || c == '.' || c == '_' || c == '-'; }

// RFC 7239, obfnode and obfport.
bool is_obfuscated(std::string_view text) noexcept {
  return text.size() > 1 && text.front() == '_' && std::ranges::all_of(text.substr(1), is_identifier_char);
}

bool is_port(std::string_view text) noexcept {
  if (is_obfuscated(text)) return true;
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value <= 65535;
}

// Nothing, or ':' and a port.
bool is_port_or_nothing(std::string_view text) noexcept {
  return text.empty() || (text.front() == ':' && is_port(text.substr(1)));
}

// An IPv6 address with or without a zone, which is dropped: it means something only to who wrote it.
std::optional<IpAddress> read_v6_with_zone(std::string_view text) noexcept {
  const std::size_t percent = text.find('%');
  const auto address = IpAddress::parse(text.substr(0, percent));
  if (percent == std::string_view::npos) return address;
  const std::string_view zone = text.substr(percent + 1);
  const bool good = !zone.empty() && zone.size() <= kMaxZoneBytes &&
                    std::ranges::all_of(zone, [](char c) { return is_identifier_char(c) || c == '~' || c == '%'; });
  return good && text.substr(0, percent).find(':') != std::string_view::npos ? address : std::nullopt;
}

// "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]", "[2001:db8::1%eth0]:4711".
std::optional<IpAddress> read_node(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_port_or_nothing(text.substr(close + 1))) return std::nullopt;
    const std::string_view inside = text.substr(1, close - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : read_v6_with_zone(inside);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return IpAddress::parse(text);
  return is_port_or_nothing(text.substr(colon)) ? IpAddress::parse(text.substr(0, colon)) : std::nullopt;
}

// The same, and IPv6 without brackets, which then has no port: as peers and X-Forwarded-For are written.
std::optional<IpAddress> read_bare_node(std::string_view text) noexcept {
  if (!text.starts_with('[') && std::ranges::count(text, ':') > 1) return read_v6_with_zone(text);
  return read_node(text);
}

// A node of RFC 7239, whose name may be a word instead of an address.
Hop read_forwarded_node(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (same_but_for_case(name, "unknown") || is_obfuscated(name)) {
    return {.hidden = colon == std::string_view::npos || is_port(text.substr(colon + 1))};
  }
  return {.address = read_node(text)};
}

bool is_token_char(char c) noexcept {
  return is_digit(c) || is_letter(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Takes a token off the front; empty: there is none.
std::string_view take_token(std::string_view& text) noexcept {
  const auto end = std::ranges::find_if_not(text, is_token_char);
  const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(token.size());
  return token;
}

bool may_be_quoted(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// Takes a quoted string off the front. REQUIRES: the text begins with a quote.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return value;
    }
    if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
    if (!may_be_quoted(text[at])) return std::nullopt;
    value += text[at];
  }
  return std::nullopt;
}

std::optional<std::string> take_value(std::string_view& text) {
  if (text.starts_with('"')) return take_quoted(text);
  const std::string_view token = take_token(text);
  return token.empty() ? std::nullopt : std::optional(std::string(token));
}

// Takes `name=value` off the front, and if the name is `for`, keeps the value. False: malformed, or a second `for`.
bool take_pair(std::string_view& text, std::optional<std::string>& node) {
  const std::string_view name = take_token(text);
  if (name.empty() || !text.starts_with('=')) return false;
  text.remove_prefix(1);
  auto value = take_value(text);
  if (!value) return false;
  if (!same_but_for_case(name, "for")) return true;
  if (node) return false;
  node = std::move(value);
  return true;
}

// An element of Forwarded: pairs with ';' between them. One without `for` hides whom it speaks for.
Hop read_forwarded_element(std::string_view text) {
  std::optional<std::string> node;
  while (!text.empty()) {
    if (!text.starts_with(';') && !take_pair(text, node)) return {};
    text = without_blanks(text);
    if (!text.empty() && !text.starts_with(';')) return {};
    if (!text.empty()) text = without_blanks(text.substr(1));
  }
  return node ? read_forwarded_node(*node) : Hop{.hidden = true};
}

Hop read_hop(std::string_view element, ForwardedHeader header) {
  if (header == ForwardedHeader::kForwarded) return read_forwarded_element(element);
  return {.address = read_bare_node(element)};
}

// --- The list, from its end

bool is_escaped(std::string_view text, std::size_t at) noexcept {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// Where the last element begins. The essay above says why this is right.
std::size_t begin_of_last(std::string_view list, bool has_quotes) noexcept {
  bool inside = false;
  for (std::size_t at = list.size(); at > 0; --at) {
    const char c = list[at - 1];
    if (has_quotes && c == '"' && !(inside && is_escaped(list, at - 1))) inside = !inside;
    if (c == ',' && !inside) return at;
  }
  return 0;
}

class ListFromItsEnd {
 public:
  ListFromItsEnd(std::span<const std::string_view> lines, bool has_quotes) : lines_(lines), has_quotes_(has_quotes) {}

  // The next element to the left, which is not empty. nullopt: there is none, or the bounds do not let us see it.
  std::optional<std::string_view> next() {
    while (has_more()) {
      const auto element = take();
      if (!element || ++elements_ > kMaxForwardedHops) {
        cut_short_ = true;
        return std::nullopt;
      }
      if (!element->empty()) return element;
    }
    return std::nullopt;
  }
  bool cut_short() const noexcept { return cut_short_; }

 private:
  bool has_more() {
    if (!line_ && !lines_.empty()) {
      line_ = lines_.back();
      lines_ = lines_.first(lines_.size() - 1);
    }
    return line_.has_value();
  }

  // nullopt: it does not begin within what may be read.
  std::optional<std::string_view> take() {
    const std::size_t hidden = line_->size() - std::min(line_->size(), kMaxForwardedBytes - bytes_);
    const std::size_t begin = hidden + begin_of_last(line_->substr(hidden), has_quotes_);
    if (begin == hidden && hidden > 0) return std::nullopt;
    const std::string_view element = line_->substr(begin);
    bytes_ += element.size();
    line_ = begin == 0 ? std::nullopt : std::optional(line_->substr(0, begin - 1));
    return without_blanks(element);
  }

  std::span<const std::string_view> lines_;  // to the left of the current one
  bool has_quotes_;
  std::optional<std::string_view> line_;  // what is left of the current one
  std::size_t bytes_ = 0;
  std::size_t elements_ = 0;
  bool cut_short_ = false;
};

// --- The walk

bool may_speak(const std::optional<IpAddress>& speaker, std::size_t hop, const TrustedProxies& trusted,
               const ClientAddressOptions& options) noexcept {
  if (options.header == ForwardedHeader::kNone) return false;
  if (hop < options.trusted_hops) return true;
  return speaker ? trusted.contains(*speaker) : trusted.contains_unix_socket();
}

ForwardedEnd end_of(const Hop& hop) noexcept { return hop.hidden ? ForwardedEnd::kHidden : ForwardedEnd::kMalformed; }

ClientAddress walk_to_client(std::optional<IpAddress> speaker, ListFromItsEnd list, const TrustedProxies& trusted,
                             const ClientAddressOptions& options) {
  ClientAddress found;
  while (may_speak(speaker, found.trusted_hops, trusted, options)) {
    ++found.trusted_hops;
    const auto element = list.next();
    const Hop hop = element ? read_hop(*element, options.header) : Hop{};
    if (!hop.address) {
      found.end = element ? end_of(hop) : list.cut_short() ? ForwardedEnd::kBound : ForwardedEnd::kListEnded;
      break;
    }
    speaker = hop.address;
    found.from_header = true;
  }
  if (speaker) found.text = speaker->to_string();
  return found;
}

std::vector<std::string_view> lines_of(std::span<const std::pair<std::string, std::string>> headers,
                                       std::string_view name) {
  std::vector<std::string_view> lines;
  for (const auto& [field, value] : headers) {
    if (same_but_for_case(field, name)) lines.emplace_back(value);
  }
  return lines;
}

}  // namespace

std::string_view to_string(ForwardedEnd end) noexcept {
  switch (end) {
    case ForwardedEnd::kClient: return "client";
    case ForwardedEnd::kListEnded: return "list_ended";
    case ForwardedEnd::kHidden: return "hidden";
    case ForwardedEnd::kMalformed: return "malformed";
    case ForwardedEnd::kBound: return "bound";
  }
  return "unknown";
}

ClientAddress client_address(std::string_view peer, std::span<const std::string_view> forwarded,
                             std::span<const std::string_view> x_forwarded_for, const TrustedProxies& trusted,
                             const ClientAddressOptions& options) {
  const auto speaker = read_bare_node(peer);
  if (!speaker && !peer.empty()) return {.end = ForwardedEnd::kMalformed};
  const bool is_forwarded = options.header == ForwardedHeader::kForwarded;
  return walk_to_client(speaker, ListFromItsEnd(is_forwarded ? forwarded : x_forwarded_for, is_forwarded), trusted,
                        options);
}

ClientAddress client_address(std::string_view peer, std::span<const std::pair<std::string, std::string>> headers,
                             const TrustedProxies& trusted, const ClientAddressOptions& options) {
  const bool is_forwarded = options.header == ForwardedHeader::kForwarded;
  const auto lines = lines_of(headers, is_forwarded ? "Forwarded" : "X-Forwarded-For");
  return client_address(peer, lines, lines, trusted, options);
}

std::string rate_key_of(std::string_view address, const AddressGrouping& grouping) {
  const auto parsed = IpAddress::parse(address);
  if (!parsed) return "unknown";
  const int prefix = std::clamp(parsed->is_v4() ? grouping.ipv4_prefix : grouping.ipv6_prefix, 0, parsed->bits());
  std::string key = parsed->network(prefix).to_string();
  if (prefix < parsed->bits()) key += "/" + std::to_string(prefix);
  return key;
}

}  // namespace envoyou
