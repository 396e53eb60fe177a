#include <envoyou/redis/commands/functions.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

std::string_view word(RestorePolicy policy) {
  switch (policy) {
    case RestorePolicy::kAppend: return "APPEND";
    case RestorePolicy::kFlush: return "FLUSH";
    case RestorePolicy::kReplace: break;
  }
  return "REPLACE";
}

}  // namespace

Command<Reply> fcall(std::string_view function, const Strings& keys, const Strings& arguments) {
  return writes<Reply>(calling("FCALL", function, keys, arguments));
}
Command<Reply> fcall_ro(std::string_view function, const Strings& keys, const Strings& arguments) {
  return reads<Reply>(calling("FCALL_RO", function, keys, arguments));
}
Command<void> function_delete(std::string_view library) { return writes<void>(Words("FUNCTION", "DELETE", library)); }
Command<std::string> function_dump() { return reads<std::string>(Words("FUNCTION", "DUMP")); }
Command<void> function_flush(bool async) { return sets<void>(Words("FUNCTION", "FLUSH", async ? "ASYNC" : "SYNC")); }
Command<void> function_kill() { return writes<void>(Words("FUNCTION", "KILL")); }
Command<std::vector<Parts>> function_list(std::string_view pattern, bool with_code) {
  Words words("FUNCTION", "LIST");
  if (!pattern.empty()) words.add("LIBRARYNAME").add(pattern);
  return reads<std::vector<Parts>>(std::move(add_flag(words, with_code, "WITHCODE")));
}
Command<std::string> function_load(std::string_view code, bool replace) {
  Words words("FUNCTION", "LOAD");
  words = std::move(add_flag(words, replace, "REPLACE").add(code));
  return {std::move(words), decode_shape<std::string>, replace ? Repeat::kIsSafe : Repeat::kNever};
}
Command<void> function_restore(std::string_view dumped, RestorePolicy policy) {
  return writes<void>(Words("FUNCTION", "RESTORE", dumped, word(policy)));
}
Command<Parts> function_stats() { return reads<Parts>(Words("FUNCTION", "STATS")); }

}  // namespace envoyou::redis::cmd
