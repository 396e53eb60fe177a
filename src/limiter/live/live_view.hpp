// What the limiter counts of itself while it decides, and the snapshot of it: see envoyou/limiter/live.hpp.
//
//   const LiveView::Policy policy = live.policy("api");                  // once, or each time: it is a short lookup
//   live.decided({.policy = policy, .key = key, .cost = 1, .allowed = true, .source = Source::kRedis,
//                 .latency = took}, now);
//
// A decision costs two relaxed additions in the thread's own stripe and one update of a list of top keys; nothing is
// allocated and Redis is not asked. Switched off it costs one relaxed load.
//
// Does not: read a clock, decide, hide keys, or publish anything by itself.
//
// Thread-safe. What is counted while a snapshot is taken may be in some of its numbers and not yet in others.
#pragma once

#include "limiter/live/latency.hpp"
#include "limiter/live/top_keys.hpp"

#include <envoyou/limiter/live.hpp>
#include <envoyou/source.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kDefaultLivePolicies = 256;
inline constexpr std::size_t kDefaultTopShown = 20;
inline constexpr std::string_view kDefaultLivePolicy = "default";  // of decisions whose policy has no name

// Numbers beyond the bounds are taken for the nearest that is within.
struct LiveOptions {
  bool enabled = true;
  std::size_t max_policies = kDefaultLivePolicies;  // 1 to kMaxLivePolicies, 600 bytes each once it is used
  std::size_t top_shown = kDefaultTopShown;         // keys in each list of a snapshot, 0 to kMaxTopShown
  TopKeysOptions top_keys = {};                     // of each of the three lists
};

class LiveView {
 private:
  struct PolicyCells;

 public:
  // Where a policy is counted. Valid as long as its view. One that was made by nobody is "other".
  class Policy {
   public:
    Policy() = default;
    friend bool operator==(const Policy&, const Policy&) = default;

   private:
    friend class LiveView;
    explicit Policy(PolicyCells* cells) noexcept : cells_(cells) {}
    PolicyCells* cells_ = nullptr;
  };

  struct Decided {
    Policy policy = {};
    std::string_view key = {};  // as it is to be shown
    std::int64_t cost = 1;      // 0: counts as a decision, and for no key
    bool allowed = false;       // by the policy's rules
    bool shadow = false;        // the policy only watches: who is not allowed is let through all the same
    Source source = Source::kLocal;
    Microseconds latency{0};
  };

  explicit LiveView(LiveOptions options = {});
  ~LiveView();
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  // The same name gives the same handle. Empty is "default"; names over kMaxLivePolicyNameBytes, and new ones when
  // there are max_policies, are "other". Takes a lock only where a name is new; else a hash and a comparison.
  Policy policy(std::string_view name);

  void decided(const Decided& decision, TimePoint now) noexcept;

  LimiterLive snapshot(TimePoint now, WallTime wall_now) const;

  // Grows with each decision that is counted, each new policy and each switch; never falls. Adds up counters: for a few
  // calls a second, not for the path of a decision.
  std::uint64_t version() const;

  void set_enabled(bool enabled) noexcept;
  bool enabled() const noexcept { return enabled_.load(std::memory_order_relaxed); }

  std::size_t bytes() const;  // at most, with the policies that there are now

 private:
  PolicyCells* find(std::uint64_t hash, std::string_view name) const noexcept;
  PolicyCells* add_policy(std::uint64_t hash, std::string_view name);
  LatencyHistogram& latency_of(Source source) noexcept { return source == Source::kRedis ? redis_ : local_; }

  std::atomic<bool> enabled_;
  LiveOptions options_;

  // Found by name without a lock: open addressing, at most half full; entries come and never go.
  std::size_t slots_mask_;
  std::unique_ptr<std::atomic<PolicyCells*>[]> slots_;
  std::atomic<bool> full_{false};
  std::unique_ptr<PolicyCells> other_;

  TopKeys used_;
  TopKeys denied_;
  TopKeys shadow_denied_;
  LatencyHistogram redis_;
  LatencyHistogram local_;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<PolicyCells>> policies_;  // guarded by mutex_, in the order of their coming
  std::atomic<std::uint64_t> switches_{0};
};

}  // namespace envoyou::limiter
