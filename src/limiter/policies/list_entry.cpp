#include "limiter/policies/list_entry.hpp"

#include "base/bytes.hpp"
#include "limiter/policies/place.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::limiter::policies {

namespace {

Result<ListEntry> bad_entry(std::string problem) { return Error(Errc::kInvalidArgument, std::move(problem)); }

// Why TrustedProxies does not take it for a network. `skipped` bits of its prefix are those of ::ffff:0:0/96.
std::string fault_of_network(const IpAddress& address, int skipped, std::string_view prefix) {
  const int most = address.bits() + skipped;
  const auto bits = base::parse_int64(prefix);
  if (!bits || *bits <= skipped || *bits > most) {
    return "must have a prefix of " + std::to_string(skipped + 1) + " to " + std::to_string(most) + " bits";
  }
  const int kept = static_cast<int>(*bits) - skipped;
  return "has bits behind its prefix (the network is " + network_text(address.network(kept), kept) + ")";
}

Result<ListEntry> read_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = IpAddress::parse(host);
  if (!address) return bad_entry("must be an address or a network");
  ListEntry made{.kind = ListEntry::Kind::kNetwork, .network = *address, .network_prefix = address->bits()};
  if (slash == std::string_view::npos) return made;
  const std::string_view prefix = text.substr(slash + 1);
  const int skipped = address->is_v4() && host.find(':') != std::string_view::npos ? 96 : 0;
  const std::string whole(text);
  if (!TrustedProxies::parse(std::span(&whole, 1))) return bad_entry(fault_of_network(*address, skipped, prefix));
  made.network_prefix = static_cast<int>(base::parse_int64(prefix).value_or(0)) - skipped;
  return made;
}

Result<ListEntry> read_value_or_prefix(std::string_view text) {
  const std::size_t star = text.find('*');
  if (star == std::string_view::npos) return ListEntry{.text = std::string(text)};
  if (star + 1 != text.size()) return bad_entry("can have a star at its end alone");
  if (star == 0) return bad_entry("must have something before its star");
  return ListEntry{.kind = ListEntry::Kind::kPrefix, .text = std::string(text.substr(0, star))};
}

std::string too_many(std::size_t most, std::string_view what, std::size_t got) {
  return "must be at most " + std::to_string(most) + " " + std::string(what) + ", got " + std::to_string(got);
}

}  // namespace

std::string network_text(const IpAddress& first, int prefix) {
  return prefix == first.bits() ? first.to_string() : first.to_string() + "/" + std::to_string(prefix);
}

Result<ListEntry> read_list_entry(std::string_view subject, std::string_view text) {
  if (text.empty()) return bad_entry("must not be empty");
  if (text.size() > kMaxRateKeyBytes) {
    return bad_entry("must be at most " + std::to_string(kMaxRateKeyBytes) + " bytes, has " +
                     std::to_string(text.size()));
  }
  if (!base::is_valid_utf8(text)) return bad_entry("must be UTF-8");
  return subject == kAddressSubject ? read_network(text) : read_value_or_prefix(text);
}

std::optional<std::string> fault_of_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxPolicyNameBytes &&
                    std::ranges::all_of(name, [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (good) return std::nullopt;
  return "must be a name of 1 to " + std::to_string(kMaxPolicyNameBytes) + " printable ASCII characters";
}

void tell_list_faults(const SubjectList::Entries& entries, std::string_view place, Faults& faults) {
  std::size_t total = 0;
  for (const auto& [subject, texts] : entries) {
    const std::string here = place_of_member(place, subject);
    if (const auto fault = fault_of_name(subject)) faults.add(here, *fault);
    total += texts.size();
  }
  const std::string_view whole = place.empty() ? "entries" : place;
  if (total > kMaxListEntries) faults.add(whole, too_many(kMaxListEntries, "entries", total));
  if (entries.size() > kMaxListSubjects) faults.add(whole, too_many(kMaxListSubjects, "subjects", entries.size()));
}

}  // namespace envoyou::limiter::policies
