// The rate limiter as the conventions beside the vectors say it, in the plainest words: a list of what was admitted,
// summed up anew at every question. Shares no code with the library. For tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace envoyou::testing {

struct OracleRule {
  std::int64_t limit = 1;
  std::int64_t window = 1;
};

struct OracleAnswer {
  bool allowed = false;
  std::int64_t remaining = 0;
  std::int64_t retry_after = 0;
  std::int64_t reset_after = 0;

  friend bool operator==(const OracleAnswer&, const OracleAnswer&) = default;
  friend std::ostream& operator<<(std::ostream& out, const OracleAnswer& answer) {
    return out << (answer.allowed ? "allowed" : "denied") << " remaining " << answer.remaining << " retry "
               << answer.retry_after << " reset " << answer.reset_after;
  }
};

class SlidingLogOracle {
 public:
  OracleAnswer hit(const std::string& key, const std::vector<OracleRule>& rules, std::int64_t cost, std::int64_t now) {
    OracleAnswer answer = ask(key, rules, cost, now);
    if (!answer.allowed || cost == 0) return answer;
    for (const std::int64_t window : windows(rules)) {
      auto& log = logs_[{key, window}];
      log.emplace_back(effective(log, now, window), cost);
    }
    const OracleAnswer after = ask(key, rules, 0, now);
    answer.remaining = after.remaining;
    answer.reset_after = after.reset_after;
    return answer;
  }

  OracleAnswer ask(const std::string& key, const std::vector<OracleRule>& rules, std::int64_t cost,
                   std::int64_t now) const {
    OracleAnswer answer{true, INT64_MAX, 0, 0};
    for (const auto& rule : rules) {
      const Log log = live(key, rule.window, now);
      const std::int64_t used = sum(log, effective(log, now, rule.window) - rule.window);
      const std::int64_t wait = wait_for(log, rule, cost, now);
      answer.allowed = answer.allowed && wait == 0;
      answer.remaining = std::min(answer.remaining, std::max<std::int64_t>(0, rule.limit - used));
      answer.retry_after = answer.retry_after < 0 || wait < 0 ? -1 : std::max(answer.retry_after, wait);
      for (const auto& [at, paid] : log) answer.reset_after = std::max(answer.reset_after, at + rule.window - now);
    }
    return answer;
  }

  void reset(const std::string& key, const std::vector<OracleRule>& rules) {
    for (const std::int64_t window : windows(rules)) logs_.erase({key, window});
  }

  // What a server admitted by itself at `at` and told afterwards.
  void enter(const std::string& key, std::int64_t window, std::int64_t at, std::int64_t cost) {
    auto& log = logs_[{key, window}];
    log.insert(std::upper_bound(log.begin(), log.end(), std::pair(at, INT64_MAX)), {at, cost});
  }

 private:
  using Log = std::vector<std::pair<std::int64_t, std::int64_t>>;  // when, cost; in order

  static std::vector<std::int64_t> windows(const std::vector<OracleRule>& rules) {
    std::vector<std::int64_t> made;
    for (const auto& rule : rules) {
      if (std::find(made.begin(), made.end(), rule.window) == made.end()) made.push_back(rule.window);
    }
    return made;
  }
  static bool broken(const Log& log, std::int64_t now, std::int64_t window) {
    return !log.empty() && log.back().first > now + window + 1000;
  }
  static std::int64_t effective(const Log& log, std::int64_t now, std::int64_t window) {
    return log.empty() || broken(log, now, window) ? now : std::max(now, log.back().first);
  }
  static std::int64_t sum(const Log& log, std::int64_t after) {
    std::int64_t total = 0;
    for (const auto& [at, cost] : log) total += at > after ? cost : 0;
    return total;
  }
  Log live(const std::string& key, std::int64_t window, std::int64_t now) const {
    const auto found = logs_.find({key, window});
    Log made;
    if (found == logs_.end() || broken(found->second, now, window)) return made;
    const std::int64_t at = effective(found->second, now, window);
    for (const auto& each : found->second) {
      if (each.first > at - window) made.push_back(each);
    }
    return made;
  }
  static std::int64_t wait_for(const Log& log, const OracleRule& rule, std::int64_t cost, std::int64_t now) {
    if (cost > rule.limit) return -1;
    std::int64_t used = sum(log, INT64_MIN);
    if (cost == 0 || used + cost <= rule.limit) return 0;
    for (const auto& [at, paid] : log) {
      used -= paid;
      if (used + cost <= rule.limit) return at + rule.window - now;
    }
    return -1;
  }

  std::map<std::pair<std::string, std::int64_t>, Log> logs_;
};

}  // namespace envoyou::testing
