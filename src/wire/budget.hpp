// What one reply may still cost. Charged before anything is allocated for it: a header of a few bytes can announce
// gigabytes.
//
// Confined to one thread.
#pragma once

#include "wire/decoder.hpp"

#include <cstddef>

namespace envoyou::wire {

class Budget {
 public:
  explicit Budget(const DecoderLimits& limits) noexcept : limits_(limits) { reset(); }

  void reset() noexcept {
    bytes_ = limits_.max_bytes;
    elements_ = limits_.max_elements;
  }

  // The node of the reply itself, that is in no array.
  bool take_root() noexcept { return take_text(sizeof(redis::ReplyView)); }
  bool take_text(std::size_t bytes) noexcept {
    if (bytes > bytes_) return false;
    bytes_ -= bytes;
    return true;
  }
  bool take_elements(std::size_t count) noexcept {
    if (count > elements_ || count > bytes_ / sizeof(redis::ReplyView)) return false;
    elements_ -= count;
    bytes_ -= count * sizeof(redis::ReplyView);
    return true;
  }

  std::size_t bytes() const noexcept { return bytes_; }
  const DecoderLimits& limits() const noexcept { return limits_; }

 private:
  DecoderLimits limits_;
  std::size_t bytes_ = 0;
  std::size_t elements_ = 0;
};

}  // namespace envoyou::wire
