// How many commands may be repeated at one node: a sick server must not get its load twice.
//
// A bucket of tokens: full at first, a repeat takes one, an answer gives back a tenth of one. Under a steady fault
// repeats are thus at most a tenth of the answered commands.
//
// Pure; confined to the I/O role.
#pragma once

#include <algorithm>
#include <cstdint>

namespace envoyou::redis {

class RetryBudget {
 public:
  static constexpr std::int64_t kMaxTokens = 100;
  static constexpr std::int64_t kAnswersPerToken = 10;

  bool take() noexcept {
    if (tenths_ < kAnswersPerToken) return false;
    tenths_ -= kAnswersPerToken;
    return true;
  }
  std::int64_t left() const noexcept { return tenths_ / kAnswersPerToken; }
  void on_answered(std::int64_t answers) noexcept {
    tenths_ = std::min(tenths_ + answers, kMaxTokens * kAnswersPerToken);
  }

 private:
  std::int64_t tenths_ = kMaxTokens * kAnswersPerToken;
};

}  // namespace envoyou::redis
