// A Lua script that lives on the server: sent by its SHA-1 (EVALSHA), and with its text (EVAL) when the server has
// forgotten it, after a restart, a failover or SCRIPT FLUSH. The caller sees one answer within one deadline.
//
// User input goes into keys and arguments, never into the text.
//
// Immutable; thread-safe. REQUIRES: a Script outlives the commands made from it (make them constants of a module).
#pragma once

#include <envoyou/redis/command.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou::redis {

class Script {
 public:
  explicit Script(std::string_view text);

  std::string_view text() const noexcept { return text_; }
  std::string_view sha1() const noexcept { return sha1_; }  // 40 hex digits

  // EVALSHA sha1 number-of-keys …; add the keys, then the arguments, to the words.
  Words words(std::size_t number_of_keys) const;
  // The same call as EVAL with the text. REQUIRES: `words` was made by words().
  Words with_text(const Words& words) const;

  template <class R>
  Command<R> command(Words words, typename Command<R>::Decode decode, Repeat repeat, std::uint64_t tag) const {
    Command<R> made(std::move(words), decode, repeat, tag);
    made.script = this;
    return made;
  }

 private:
  std::string text_;
  std::string sha1_;
};

}  // namespace envoyou::redis
