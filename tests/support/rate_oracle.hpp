// The algorithms of the rate limiter as the conventions beside the vectors say them, in the plainest words: lists of
// what was admitted, tokens that are counted, waits that are tried out millisecond by millisecond. Shares no code and
// no formula with the library. For tests. The sliding log has one of its own (limiter_oracle.hpp).
#pragma once

#include "support/limiter_oracle.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace envoyou::testing {

// One key under one rule.
class MeterOracle {
 public:
  virtual ~MeterOracle() = default;

  // Units that could be taken at that moment.
  virtual std::int64_t room(std::int64_t now) const = 0;
  virtual std::int64_t capacity() const = 0;
  virtual void take(std::int64_t now, std::int64_t cost) = 0;

  bool admits(std::int64_t now, std::int64_t cost) const { return cost == 0 || cost <= room(now); }
  std::int64_t retry_after(std::int64_t now, std::int64_t cost) const {
    if (cost > capacity()) return -1;
    std::int64_t wait = 0;
    while (!admits(now + wait, cost)) ++wait;
    return wait;
  }
  std::int64_t reset_after(std::int64_t now) const {
    std::int64_t wait = 0;
    while (room(now + wait) < capacity()) ++wait;
    return wait;
  }

 protected:
  // Time does not go back behind the newest admission.
  std::int64_t effective(std::int64_t now) const { return std::max(now, newest_); }
  std::int64_t newest_ = INT64_MIN / 2;
};

inline std::int64_t bucket_of(std::int64_t at, std::int64_t window) { return at / window - (at % window < 0 ? 1 : 0); }

class FixedWindowOracle final : public MeterOracle {
 public:
  FixedWindowOracle(std::int64_t limit, std::int64_t window) : limit_(limit), window_(window) {}
  std::int64_t capacity() const override { return limit_; }
  std::int64_t room(std::int64_t now) const override {
    const auto found = counts_.find(bucket_of(effective(now), window_));
    return limit_ - (found == counts_.end() ? 0 : found->second);
  }
  void take(std::int64_t now, std::int64_t cost) override {
    newest_ = effective(now);
    counts_[bucket_of(newest_, window_)] += cost;
  }

 private:
  std::int64_t limit_;
  std::int64_t window_;
  std::map<std::int64_t, std::int64_t> counts_;
};

class SlidingCounterOracle final : public MeterOracle {
 public:
  SlidingCounterOracle(std::int64_t limit, std::int64_t window) : limit_(limit), window_(window) {}
  std::int64_t capacity() const override { return limit_; }
  // The most units for which the inequality holds, tried one after the other.
  std::int64_t room(std::int64_t now) const override {
    const std::int64_t at = effective(now);
    const std::int64_t bucket = bucket_of(at, window_);
    const std::int64_t elapsed = at - bucket * window_;
    std::int64_t units = limit_;
    while (units > 0 &&
           count(bucket - 1) * (window_ - elapsed) + (count(bucket) + units) * window_ > limit_ * window_) {
      --units;
    }
    return units;
  }
  void take(std::int64_t now, std::int64_t cost) override {
    newest_ = effective(now);
    counts_[bucket_of(newest_, window_)] += cost;
  }

 private:
  std::int64_t count(std::int64_t bucket) const {
    const auto found = counts_.find(bucket);
    return found == counts_.end() ? 0 : found->second;
  }
  std::int64_t limit_;
  std::int64_t window_;
  std::map<std::int64_t, std::int64_t> counts_;
};

// A bucket of tokens, counted in parts of a token: a millisecond brings `limit` parts, and `window` parts are a token.
class TokenBucketOracle final : public MeterOracle {
 public:
  TokenBucketOracle(std::int64_t limit, std::int64_t window, std::int64_t burst)
      : limit_(limit), window_(window), burst_(burst), parts_(burst * window) {}
  std::int64_t capacity() const override { return burst_; }
  std::int64_t room(std::int64_t now) const override { return parts_at(effective(now)) / window_; }
  void take(std::int64_t now, std::int64_t cost) override {
    const std::int64_t at = effective(now);
    parts_ = parts_at(at) - cost * window_;
    newest_ = at;
  }

 private:
  std::int64_t parts_at(std::int64_t at) const {
    if (newest_ < 0) return burst_ * window_;
    return std::min(burst_ * window_, parts_ + (at - newest_) * limit_);
  }
  std::int64_t limit_;
  std::int64_t window_;
  std::int64_t burst_;
  std::int64_t parts_;
};

// Several rules of one algorithm, each on a meter of its own; all or nothing.
class RateOracle {
 public:
  using Make = std::unique_ptr<MeterOracle> (*)(const OracleRule& rule);
  RateOracle(Make make, std::vector<OracleRule> rules) : make_(make), rules_(std::move(rules)) {}

  OracleAnswer ask(const std::string& key, std::int64_t cost, std::int64_t now) {
    OracleAnswer answer{true, INT64_MAX, 0, 0};
    for (const auto& meter : meters(key)) {
      const std::int64_t wait = meter->retry_after(now, cost);
      answer.allowed = answer.allowed && wait == 0;
      answer.remaining = std::min(answer.remaining, std::max<std::int64_t>(0, meter->room(now)));
      answer.retry_after = answer.retry_after < 0 || wait < 0 ? -1 : std::max(answer.retry_after, wait);
      answer.reset_after = std::max(answer.reset_after, meter->reset_after(now));
    }
    return answer;
  }
  OracleAnswer hit(const std::string& key, std::int64_t cost, std::int64_t now) {
    OracleAnswer answer = ask(key, cost, now);
    if (!answer.allowed || cost == 0) return answer;
    for (const auto& meter : meters(key)) meter->take(now, cost);
    const OracleAnswer after = ask(key, 0, now);
    answer.remaining = after.remaining;
    answer.reset_after = after.reset_after;
    return answer;
  }
  void reset(const std::string& key) { keys_.erase(key); }

 private:
  using Meters = std::vector<std::unique_ptr<MeterOracle>>;
  Meters& meters(const std::string& key) {
    Meters& found = keys_[key];
    if (found.empty()) {
      for (const auto& rule : rules_) found.push_back(make_(rule));
    }
    return found;
  }

  Make make_;
  std::vector<OracleRule> rules_;
  std::map<std::string, Meters> keys_;
};

// Leases of one key: a list.
class LeasesOracle {
 public:
  LeasesOracle(std::int64_t limit, std::int64_t ttl) : limit_(limit), ttl_(ttl) {}

  OracleAnswer acquire(const std::string& id, std::int64_t cost, std::int64_t now) {
    const std::int64_t at = std::max(now, newest_);
    OracleAnswer answer{true, 0, 0, 0};
    const bool held = live(id, at);
    if (!held) answer.retry_after = wait(cost, now, at);
    answer.allowed = held || answer.retry_after == 0;
    if (answer.allowed && (held || cost > 0)) {
      newest_ = at;
      if (!held) leases_[id] = {0, cost};
      leases_[id].first = at + ttl_;
    }
    answer.remaining = std::max<std::int64_t>(0, limit_ - used(at));
    answer.reset_after = reset_after(now, at);
    return answer;
  }
  OracleAnswer release(const std::string& id, std::int64_t now) {
    const std::int64_t at = std::max(now, newest_);
    leases_.erase(id);
    return {true, std::max<std::int64_t>(0, limit_ - used(at)), 0, reset_after(now, at)};
  }

 private:
  bool live(const std::string& id, std::int64_t at) const {
    const auto found = leases_.find(id);
    return found != leases_.end() && found->second.first > at;
  }
  std::int64_t used(std::int64_t at) const {
    std::int64_t sum = 0;
    for (const auto& [id, lease] : leases_) sum += lease.first > at ? lease.second : 0;
    return sum;
  }
  std::int64_t wait(std::int64_t cost, std::int64_t now, std::int64_t at) const {
    if (cost > limit_) return -1;
    if (cost == 0 || used(at) + cost <= limit_) return 0;
    std::int64_t later = at + 1;
    while (used(later) + cost > limit_) ++later;
    return later - now;
  }
  std::int64_t reset_after(std::int64_t now, std::int64_t at) const {
    std::int64_t until = now;
    for (const auto& [id, lease] : leases_) {
      if (lease.first > at) until = std::max(until, lease.first);
    }
    return until - now;
  }

  std::int64_t limit_;
  std::int64_t ttl_;
  std::int64_t newest_ = INT64_MIN / 2;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> leases_;  // until, cost
};

}  // namespace envoyou::testing
