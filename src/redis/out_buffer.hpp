// Encoded commands on their way to the socket, and how many bytes of the link's whole stream were encoded and written
// so far. Confined to the I/O role.
#pragma once

#include "wire/encoder.hpp"

#include <envoyou/redis/command.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace envoyou::redis {

class OutBuffer {
 public:
  // Above this much unwritten nothing more is encoded: what waits unencoded can still expire unsent.
  static constexpr std::size_t kEnough = 256u << 10;

  void append(const Words& words) {
    const std::size_t before = bytes_.size();
    wire::append_command(bytes_, words);
    encoded_ += bytes_.size() - before;
  }
  std::string_view unwritten() const noexcept { return std::string_view(bytes_).substr(at_); }
  bool empty() const noexcept { return at_ == bytes_.size(); }
  bool has_enough() const noexcept { return bytes_.size() - at_ >= kEnough; }
  void consume(std::size_t bytes) {
    at_ += bytes;
    written_ += bytes;
    if (!empty()) return;
    bytes_.clear();
    at_ = 0;
    // One huge value must not pin its size in memory for the life of the link.
    if (bytes_.capacity() > 4 * kEnough) bytes_ = std::string();
  }

  std::uint64_t encoded() const noexcept { return encoded_; }
  std::uint64_t written() const noexcept { return written_; }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  std::uint64_t encoded_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace envoyou::redis
