// Policies: named sets of rules, and all that goes with them, as values and from JSON.
//
//   {"version": 1, "policies": {"api": {
//     "rules": [{"limit": 30, "window": "60s", "name": "burst", "subject": "key"}],
//     "deny": {"address": ["203.0.113.0/24"]}}}}
//
//   PolicyBook book;
//   if (auto read = book.reload_file("policies.json"); !read) log(read.error());   // every fault; the old set stays
//   const auto policies = book.current();                                          // valid while it is held
//   const RatePolicy* api = policies->find("api");
//
// Does not: ask the limiter, watch files, or say who a caller is. docs/limiter-policies.md has the whole schema.
//
// Values and RatePolicies are thread-compatible: any number of threads may read one. PolicyBook is thread-safe.
#pragma once

#include <envoyou/limiter.hpp>
#include <envoyou/limiter/address.hpp>

#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace envoyou {

inline constexpr std::size_t kMaxPoliciesBytes = 8u << 20;  // of the JSON
inline constexpr std::size_t kMaxPolicies = 1000;
inline constexpr std::size_t kMaxPolicyTiers = 64;
inline constexpr std::size_t kMaxPolicyNameBytes = 64;  // also of a tier and of a subject
inline constexpr std::size_t kMaxListSubjects = 16;
inline constexpr std::size_t kMaxListEntries = 100'000;  // of one list, over all its subjects
inline constexpr std::size_t kMaxPolicyFaults = 100;     // that are told; of more their number
inline constexpr std::int64_t kMaxInstances = 100'000;

// What decides while Redis is away.
enum class OutageMode : std::uint8_t {
  kLocal,  // this process, from its share of the limit
  kAllow,  // everybody is let through
  kDeny,   // nobody is
};

std::string_view to_string(OutageMode mode) noexcept;  // "local", "allow", "deny"

// A rule, and whom it counts: "key", "address", "tenant", or what else the host calls its callers by.
struct PolicyRule {
  RateRule rule = {};
  std::string subject = "key";
  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

// For keys that are asked for all the time: `units` are taken from Redis at once, and for up to `life` this process
// decides from them.
struct HotKeyLease {
  std::int64_t units = 0;  // 1 to the smallest capacity of any rule of the policy
  Milliseconds life{0};    // 1 ms or more, and less than the shortest window of any rule of the policy
  friend bool operator==(const HotKeyLease&, const HotKeyLease&) = default;
};

// A caller, by one of its names: {"address", "192.0.2.1"}. Views of what the caller of classify() owns.
struct Subject {
  std::string_view kind = {};
  std::string_view value = {};
};

// Who is exempt, or shut out: by subject, entries of one of three kinds.
//
//   "k1"          that value; of the subject "address" in whatever way the address is written
//   "tenant-a*"   whatever begins with what stands before the star; not of "address"
//   "10.0.0.0/8"  a network; of "address" alone
//
// A star can stand at the end alone and behind something, and a network has 1 bit or more, so that no entry stands for
// everybody; a value that holds a star cannot be listed.
class SubjectList {
 public:
  using Entries = std::map<std::string, std::vector<std::string>, std::less<>>;

  SubjectList() = default;

  // Errors: kInvalidArgument, all at once, each by its place ("address[3]"): what is empty, over-long
  // (kMaxRateKeyBytes) or not UTF-8, malformed patterns, and too many of anything.
  static Result<SubjectList> of(const Entries& entries);

  // Takes a lookup in a hash table and a binary search at most, however long the list is. A value of "address" is an
  // address, or a network as rate_key_of() makes it, which must be wholly listed; all else is in no list.
  bool contains(std::string_view subject, std::string_view value) const;
  // Is all that `entry` stands for contained? False for what is no entry.
  bool covers(std::string_view subject, std::string_view entry) const;

  bool empty() const noexcept { return subjects_.empty(); }
  std::size_t size() const noexcept;
  // In their canonical spelling, sorted; without prefixes and networks that lie in another one. of() gives the same
  // list.
  Entries entries() const;

  friend bool operator==(const SubjectList& a, const SubjectList& b) { return a.entries() == b.entries(); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  // Addresses have all their bits as prefix.
  struct Network {
    IpAddress first;
    int prefix = 0;
    friend auto operator<=>(const Network&, const Network&) = default;
  };
  struct OfSubject {
    std::unordered_set<std::string, TextHash, std::equal_to<>> values;
    std::vector<std::string> prefixes;  // sorted, without the star, and none begins with another
    std::vector<Network> networks;      // sorted, and none within another
  };
  static OfSubject made_of(std::string_view subject, const std::vector<std::string>& texts);
  static bool covers_network(const std::vector<Network>& networks, const Network& network) noexcept;

  std::map<std::string, OfSubject, std::less<>> subjects_;
};

struct RatePolicy {
  std::string name = {};  // 1 to kMaxPolicyNameBytes of printable ASCII
  std::vector<PolicyRule> rules = {};
  // Rules that take the place of `rules` for callers of that tier.
  std::map<std::string, std::vector<PolicyRule>, std::less<>> tiers = {};
  // The tier of callers that have none. Empty: `rules` apply to them. Else `rules` are those of the tier.
  std::string default_tier = {};

  OutageMode outage = OutageMode::kLocal;
  // How many processes share the limit in an outage, of kLocal: 1 to kMaxInstances; 0: it is
  // not said, and taken for 1.
  std::int64_t instances = 0;
  bool shadow = false;  // decide, count and tell, and let through

  SubjectList allow = {};  // who is let through whatever the rules say
  SubjectList deny = {};   // who is not; deny wins over allow

  std::optional<HotKeyLease> lease = std::nullopt;
  double retry_jitter_share = 0;  // of Retry-After, as in HeaderOptions: 0 to 1 of the wait
  Milliseconds retry_jitter{0};   // 0 to kMaxRetryJitter; the larger of the two bounds counts

  friend bool operator==(const RatePolicy&, const RatePolicy&) = default;
};

enum class PolicyVerdict : std::uint8_t {
  kRulesApply,
  kAllowed,  // by the allow list
  kDenied,   // by the deny list
};

std::string_view to_string(PolicyVerdict verdict) noexcept;  // "rules_apply", "allowed", "denied"

// What the lists say of a caller, given by all its names. Denied if any of them is denied; else allowed if any is
// allowed. Does not look at `shadow`: who asks lets through in any case.
PolicyVerdict classify(const RatePolicy& policy, std::span<const Subject> caller);

// The rules for a caller of that tier; empty: of none. They live as long as the policy.
// Errors: kInvalidArgument for a tier that the policy does not have.
Result<std::span<const PolicyRule>> rules_for(const RatePolicy& policy, std::string_view tier);

// An immutable set of policies by name, that has been validated as a whole.
class RatePolicies {
 public:
  RatePolicies() = default;  // none

  // Errors: kInvalidArgument with every fault of the text by its place in it (the first kMaxPolicyFaults of them),
  // unknown and repeated members among them:
  //   policies.api.rules[1].window: must be from 1ms to 366d, got "400d"
  // kTooLarge: over kMaxPoliciesBytes.
  static Result<RatePolicies> parse(std::string_view json);
  // The same, with the path before the faults. Errors also: kInvalidArgument for what is no regular file that can be
  // read.
  static Result<RatePolicies> parse_file(const std::string& path);
  // Policies that were built in code. The same errors, as if they had been written as JSON.
  static Result<RatePolicies> of(const std::vector<RatePolicy>& policies);

  const RatePolicy* find(std::string_view name) const noexcept;  // nullptr: none. Lives as long as the set
  std::vector<std::string> names() const;                        // sorted
  std::size_t size() const noexcept { return policies_.size(); }

  // Of the meaning, not of the spelling: "60s" and 60, or members in another order, give the same number; policies that
  // differ give another one, but for a chance of 2^-64. 0: of the set that has none.
  std::uint64_t version() const noexcept { return version_; }
  // The set in its canonical spelling, with what is at its default left out. parse() gives the same set, the empty one
  // excepted.
  std::string to_json() const;

 private:
  using ByName = std::map<std::string, RatePolicy, std::less<>>;
  explicit RatePolicies(ByName policies);

  ByName policies_;
  std::uint64_t version_ = 0;
};

// The policies in force, replaced while others use them: who holds a set keeps it as it was. Counts are not touched, as
// they belong to keys and not to policies.
//
// Thread-safe. current() takes a lock for as long as it takes to copy a pointer.
class PolicyBook {
 public:
  enum class Outcome : std::uint8_t { kUnchanged, kReplaced };

  explicit PolicyBook(RatePolicies policies = {});

  std::shared_ptr<const RatePolicies> current() const;  // never null
  // Grows by one with each replacement. A thread that keeps a set of its own may keep it while this number stays; it
  // reads the number first and current() after it.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

  // A set of the version that is in force changes nothing.
  Outcome replace(RatePolicies policies);
  // Reads, validates and replaces; reloads happen one after the other. Blocks for the time of reading the file. On an
  // error, which is that of parse_file(), the set in force stays.
  Result<Outcome> reload_file(const std::string& path);

 private:
  std::mutex reload_mutex_;  // taken before the other
  mutable std::mutex mutex_;
  std::shared_ptr<const RatePolicies> current_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace envoyou
