#include <envoyou/limiter/policy.hpp>

#include "base/bytes.hpp"
#include "limiter/policies/list_entry.hpp"
#include "limiter/policies/place.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace envoyou {

namespace {

// Sorted, the shorter of two that begin alike comes first; so what lies between it and a text that begins with it
// begins with it too, and the last one that is not behind a text is the only one that the text can begin with.
std::vector<std::string> without_covered(std::vector<std::string> prefixes) {
  std::ranges::sort(prefixes);
  std::vector<std::string> kept;
  for (std::string& prefix : prefixes) {
    if (kept.empty() || !prefix.starts_with(kept.back())) kept.push_back(std::move(prefix));
  }
  return kept;
}

bool begins_with_one_of(const std::vector<std::string>& prefixes, std::string_view text) {
  const auto after = std::ranges::upper_bound(prefixes, text, std::less<>());
  return after != prefixes.begin() && text.starts_with(*std::prev(after));
}

}  // namespace

Result<SubjectList> SubjectList::of(const Entries& entries) {
  limiter::policies::Faults faults;
  limiter::policies::tell_list_faults(entries, "", faults);
  for (const auto& [subject, texts] : entries) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto entry = limiter::policies::read_list_entry(subject, texts[i]);
      if (entry) continue;
      faults.add(limiter::policies::place_of_element(limiter::policies::place_of_member("", subject), i),
                 std::string(entry.error().message()) + ", got " + base::printable(texts[i]));
    }
  }
  if (!faults.empty()) return faults.result().error();
  SubjectList made;
  for (const auto& [subject, texts] : entries) {
    if (!texts.empty()) made.subjects_.emplace(subject, made_of(subject, texts));
  }
  return made;
}

SubjectList::OfSubject SubjectList::made_of(std::string_view subject, const std::vector<std::string>& texts) {
  using Kind = limiter::policies::ListEntry::Kind;
  OfSubject made;
  std::vector<Network> networks;
  for (const std::string& text : texts) {
    auto entry = limiter::policies::read_list_entry(subject, text).value();
    switch (entry.kind) {
      case Kind::kValue: made.values.insert(std::move(entry.text)); break;
      case Kind::kPrefix: made.prefixes.push_back(std::move(entry.text)); break;
      case Kind::kNetwork: networks.push_back({entry.network, entry.network_prefix}); break;
    }
  }
  made.prefixes = without_covered(std::move(made.prefixes));
  // Networks are disjoint or one lies in the other; sorted, the wider one comes before what lies in it.
  std::ranges::sort(networks);
  for (const Network& network : networks) {
    if (!covers_network(made.networks, network)) made.networks.push_back(network);
  }
  return made;
}

bool SubjectList::contains(std::string_view subject, std::string_view value) const {
  const auto found = subjects_.find(subject);
  if (found == subjects_.end()) return false;
  const OfSubject& list = found->second;
  if (subject != limiter::policies::kAddressSubject) {
    return list.values.find(value) != list.values.end() || begins_with_one_of(list.prefixes, value);
  }
  if (value.find('/') != std::string_view::npos) return covers(subject, value);
  const auto address = IpAddress::parse(value);
  return address && covers_network(list.networks, {*address, address->bits()});
}

bool SubjectList::covers(std::string_view subject, std::string_view entry) const {
  using Kind = limiter::policies::ListEntry::Kind;
  const auto found = subjects_.find(subject);
  const auto read = limiter::policies::read_list_entry(subject, entry);
  if (found == subjects_.end() || !read) return false;
  switch (read->kind) {
    case Kind::kValue: return contains(subject, read->text);
    case Kind::kPrefix: return begins_with_one_of(found->second.prefixes, read->text);
    case Kind::kNetwork: return covers_network(found->second.networks, {read->network, read->network_prefix});
  }
  return false;
}

bool SubjectList::covers_network(const std::vector<Network>& networks, const Network& network) noexcept {
  const auto after = std::ranges::upper_bound(networks, network.first, {}, &Network::first);
  if (after == networks.begin()) return false;
  const Network& candidate = *std::prev(after);
  return candidate.prefix <= network.prefix && network.first.network(candidate.prefix) == candidate.first;
}

std::size_t SubjectList::size() const noexcept {
  std::size_t total = 0;
  for (const auto& [subject, list] : subjects_) {
    total += list.values.size() + list.prefixes.size() + list.networks.size();
  }
  return total;
}

SubjectList::Entries SubjectList::entries() const {
  Entries all;
  for (const auto& [subject, list] : subjects_) {
    std::vector<std::string>& texts = all[subject];
    texts.assign(list.values.begin(), list.values.end());
    for (const std::string& prefix : list.prefixes) texts.push_back(prefix + "*");
    for (const Network& each : list.networks) texts.push_back(limiter::policies::network_text(each.first, each.prefix));
    std::ranges::sort(texts);
  }
  return all;
}

}  // namespace envoyou
