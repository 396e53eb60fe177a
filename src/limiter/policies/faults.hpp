// Collects the faults of a document, each with its place. Their number is bounded, so that a large document that is
// wholly wrong does not become a larger message.
//
// Thread-compatible.
#pragma once

#include <envoyou/limiter/policy.hpp>
#include <envoyou/result.hpp>

#include "base/problems.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace envoyou::limiter::policies {

class Faults {
 public:
  void add(std::string_view place, std::string_view problem) {
    if (++count_ <= kMaxPolicyFaults) problems_.add(place, problem);
  }

  std::size_t count() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  Result<void> result() const {
    if (count_ <= kMaxPolicyFaults) return problems_.result();
    const std::string more = "; and " + std::to_string(count_ - kMaxPolicyFaults) + " more";
    return Error(Errc::kInvalidArgument, std::string(problems_.result().error().message()) + more);
  }

 private:
  base::Problems problems_;
  std::size_t count_ = 0;
};

}  // namespace envoyou::limiter::policies
