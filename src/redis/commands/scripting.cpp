#include <envoyou/redis/commands/scripting.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

Command<Reply> eval(std::string_view text, const Strings& keys, const Strings& arguments) {
  return writes<Reply>(calling("EVAL", text, keys, arguments));
}
Command<Reply> eval_ro(std::string_view text, const Strings& keys, const Strings& arguments) {
  return reads<Reply>(calling("EVAL_RO", text, keys, arguments));
}
Command<Reply> evalsha(std::string_view sha1, const Strings& keys, const Strings& arguments) {
  return writes<Reply>(calling("EVALSHA", sha1, keys, arguments));
}
Command<Reply> evalsha_ro(std::string_view sha1, const Strings& keys, const Strings& arguments) {
  return reads<Reply>(calling("EVALSHA_RO", sha1, keys, arguments));
}
Command<std::vector<bool>> script_exists(const Strings& sha1s) {
  Words words("SCRIPT", "EXISTS");
  return reads<std::vector<bool>>(std::move(add_all(words, sha1s)));
}
Command<void> script_flush(bool async) { return sets<void>(Words("SCRIPT", "FLUSH", async ? "ASYNC" : "SYNC")); }
Command<void> script_kill() { return writes<void>(Words("SCRIPT", "KILL")); }
Command<std::string> script_load(std::string_view text) { return sets<std::string>(Words("SCRIPT", "LOAD", text)); }

}  // namespace envoyou::redis::cmd
