// Goal: no text makes the reader of policies crash or answer with what cannot be printed, and what it accepts is what
// it says: written back and read again it is the same, every tier has rules, and nobody who is allowed is denied.
// Method: libFuzzer. The input is a document itself, or edits one that is good: each edit puts another piece in the
// place of one, so that most documents are nearly good.
#include <envoyou/limiter/policy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

// A good document in pieces, with a ~ between any two.
constexpr std::string_view kDocument =
    R"({~"version"~:~1~,~"policies"~:{~"api"~:{~"rules"~:[~{~"limit"~:~30~,~"window"~:~"60s"~,~"name"~:~"burst"~,~)"
    R"("algorithm"~:~"gcra"~,~"burst"~:~10~,~"subject"~:~"key"~}~,~{~"limit"~:~1000~,~"window"~:~86400~}~]~,~)"
    R"("tiers"~:{~"pro"~:[~{~"limit"~:~300~,~"window"~:~"5m"~}~]~,~"free"~:~[~{~"limit"~:~9~,~"window"~:~"1h"~}~]~}~,~)"
    R"("outage"~:~"deny"~,~"instances"~:~4~,~"shadow"~:~true~,~"allow"~:{~"key"~:[~"k1"~,~"staff-*"~]~,~)"
    R"("address"~:[~"10.0.0.0/8"~,~"2001:db8::1"~]~}~,~"deny"~:{~"tenant"~:[~"bad"~]~,~"address"~:[~"11.0.0.1"~]~}~,~)"
    R"("lease"~:{~"units"~:~5~,~"life"~:~"100ms"~}~,~"retry_jitter_share"~:~0.25~,~"retry_jitter"~:~"2s"~}~}~})";

constexpr std::string_view kOthers =
    R"(""~0~-1~1e300~18446744073709551615~null~[]~{}~"a\n"~"default_tier"~"free"~"local"~"400d"~"*"~"s*"~"::/1"~)"
    R"("10.0.0.1"~"::ffff:10.0.0.0/104"~"1ms"~"sliding_log"~"concurrency"~"\u0072ules"~[[[[~"\u00fc")";

std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('~'), text.size());
    pieces.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

// Each edit takes three bytes: which piece, and what to put there.
std::string edited(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> others = pieces_of(kOthers);
  std::vector<std::string> pieces = pieces_of(kDocument);
  for (; size >= 3; data += 3, size -= 3) {
    std::string& piece = pieces[data[0] % pieces.size()];
    const std::size_t other = data[2] % pieces.size();
    switch (data[1] % 5) {
      case 0: piece = others[data[2] % others.size()]; break;
      case 1: piece = pieces[other]; break;
      case 2: std::swap(piece, pieces[other]); break;
      case 3: piece.insert(data[1] % (piece.size() + 1), 1, static_cast<char>(data[2])); break;
      default: piece.clear(); break;
    }
  }
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void check_lists(const envoyou::RatePolicy& policy) {
  for (const auto& [subject, entries] : policy.allow.entries()) {
    for (const std::string& entry : entries) {
      require(policy.allow.covers(subject, entry));
      require(!policy.deny.covers(subject, entry));
    }
  }
  require(envoyou::SubjectList::of(policy.deny.entries()).value() == policy.deny);
}

void check_rules(const envoyou::RatePolicy& policy) {
  require(!envoyou::rules_for(policy, "").value().empty());
  for (const auto& [tier, rules] : policy.tiers) {
    require(!rules.empty() && rules.size() <= envoyou::kMaxRulesPerCheck);
    require(envoyou::rules_for(policy, tier).value().data() == rules.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_text = data[0] < 64;
  const std::string json =
      is_text ? std::string(reinterpret_cast<const char*>(data) + 1, size - 1) : edited(data + 1, size - 1);
  const auto read = envoyou::RatePolicies::parse(json);
  if (!read) {
    require(!read.error().message().empty() && is_printable(read.error().message()));
    return 0;
  }
  const auto again = envoyou::RatePolicies::parse(read->to_json());
  require(again.has_value() && again->version() == read->version());
  for (const std::string& name : read->names()) {
    require(*again->find(name) == *read->find(name));
    check_lists(*read->find(name));
    check_rules(*read->find(name));
  }
  return 0;
}
