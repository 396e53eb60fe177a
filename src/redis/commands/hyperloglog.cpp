#include <envoyou/redis/commands/hyperloglog.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

Command<bool> pfadd(std::string_view key, const Strings& elements) {
  Words words("PFADD", key);
  return writes<bool>(std::move(add_all(words, elements)));
}
Command<std::int64_t> pfcount(const Strings& keys) { return reads<std::int64_t>(with_all("PFCOUNT", keys)); }
Command<void> pfmerge(std::string_view to, const Strings& keys) {
  Words words("PFMERGE", to);
  return sets<void>(std::move(add_all(words, keys)));
}

}  // namespace envoyou::redis::cmd
