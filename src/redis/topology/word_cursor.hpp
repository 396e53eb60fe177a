// Reads the words of a command back, in order, from the form they are kept in ("$3\r\nGET\r\n$1\r\nk\r\n"). Several
// commands that go as one (Words::then) have an array header before each but the first.
//
// REQUIRES: the Words outlive it. Confined to one thread.
#pragma once

#include <envoyou/redis/command.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace envoyou::redis {

// One command of a Words; what comes behind it is still there.
struct CommandView {
  CommandView() = default;
  CommandView(const Words& words) noexcept : bytes(words.encoded()), count(words.count()) {}  // NOLINT: is one

  std::string_view bytes;
  std::size_t count = 0;
};

class WordCursor {
 public:
  explicit WordCursor(CommandView command) noexcept : rest_(command.bytes), count_(command.count) {}

  // The number of the word that comes next: 0 is the command's name.
  std::size_t index() const noexcept { return index_; }

  std::optional<std::string_view> next() noexcept {
    if (index_ == count_) return std::nullopt;
    const std::size_t size = take_number();
    const std::string_view word(rest_.data(), size);
    rest_.remove_prefix(size + kEndOfLine);
    ++index_;
    return word;
  }

  void skip(std::size_t words) noexcept {
    while (words > 0 && next()) --words;
  }

  // The command behind this one. Null: it is the last.
  std::optional<CommandView> behind() noexcept {
    skip(count_);
    if (rest_.empty()) return std::nullopt;
    CommandView command;
    command.count = take_number();
    command.bytes = rest_;
    return command;
  }

 private:
  static constexpr std::size_t kEndOfLine = 2;

  // "$12\r\n", "*3\r\n".
  std::size_t take_number() noexcept {
    std::size_t at = 1;
    std::size_t number = 0;
    for (; rest_[at] != '\r'; ++at) number = number * 10 + static_cast<std::size_t>(rest_[at] - '0');
    rest_.remove_prefix(at + kEndOfLine);
    return number;
  }

  std::string_view rest_;
  const std::size_t count_;
  std::size_t index_ = 0;
};

}  // namespace envoyou::redis
