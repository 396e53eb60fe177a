// Encoded commands on their way to the socket, and how many bytes of the link's whole stream were encoded and written
// so far. Confined to the I/O role.
#pragma once

#include "wire/encoder.hpp"

#include <envoyou/redis/command.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace envoyou::redis {

class OutBuffer {
 public:
  // Above this much unwritten nothing more is encoded: what waits unencoded can still expire unsent.
  static constexpr std::size_t kEnough = 256u << 10;

  void append(const Words& words) {
    const std::size_t most = wire::most_encoded(words);
    if (capacity_ - end_ < most) make_room(most);
    char* const at = bytes_.get() + end_;
    const auto size = static_cast<std::size_t>(wire::encode(words, at) - at);
    end_ += size;
    encoded_ += size;
  }
  std::string_view unwritten() const noexcept { return {bytes_.get() + at_, end_ - at_}; }
  bool empty() const noexcept { return at_ == end_; }
  bool has_enough() const noexcept { return end_ - at_ >= kEnough; }
  void consume(std::size_t bytes) noexcept {
    at_ += bytes;
    written_ += bytes;
    if (!empty()) return;
    at_ = 0;
    end_ = 0;
    // One huge value must not pin its size in memory for the life of the link.
    if (capacity_ <= 4 * kEnough) return;
    bytes_.reset();
    capacity_ = 0;
  }

  std::uint64_t encoded() const noexcept { return encoded_; }
  std::uint64_t written() const noexcept { return written_; }

 private:
  static constexpr std::size_t kFirstCapacity = 4096;

  void make_room(std::size_t size) {
    const std::size_t kept = end_ - at_;
    const std::size_t wanted = std::max({kFirstCapacity, 2 * capacity_, kept + size});
    std::unique_ptr<char[]> larger(new char[wanted]);
    if (kept > 0) std::memcpy(larger.get(), bytes_.get() + at_, kept);
    bytes_ = std::move(larger);
    capacity_ = wanted;
    at_ = 0;
    end_ = kept;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t at_ = 0;   // unwritten from here
  std::size_t end_ = 0;  // to here
  std::uint64_t encoded_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace envoyou::redis
