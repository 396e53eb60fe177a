#include <envoyou/redis/script.hpp>

#include "base/crypto.hpp"

namespace envoyou::redis {

namespace {

// "$7\r\nEVALSHA\r\n" and "$40\r\n<40 hex digits>\r\n", as Words writes them.
constexpr std::size_t kNameBytes = 13;
constexpr std::size_t kDigestBytes = 47;

}  // namespace

Script::Script(std::string_view text) : text_(text), sha1_(base::sha1_hex(text)) {}

Words Script::words(std::size_t number_of_keys) const {
  Words words("EVALSHA", std::string_view(sha1_));
  words.add(number_of_keys);
  return words;
}

Words Script::with_text(const Words& words) const {
  Words made("EVAL", std::string_view(text_));
  made.append(words.encoded().substr(kNameBytes + kDigestBytes));
  made.count_ = words.count_;
  return made;
}

}  // namespace envoyou::redis
