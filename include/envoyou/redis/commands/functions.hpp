// Commands for functions, which live on the server as its data do (Redis 7). See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

enum class RestorePolicy : std::uint8_t { kAppend, kFlush, kReplace };

Command<Reply> fcall(std::string_view function, const Strings& keys, const Strings& arguments = {});
// Of a function that only reads; may be repeated, and answered by a replica.
Command<Reply> fcall_ro(std::string_view function, const Strings& keys, const Strings& arguments = {});
Command<void> function_delete(std::string_view library);
Command<std::string> function_dump();
Command<void> function_flush(bool async = false);
Command<void> function_kill();
// What is known of each library; `pattern` is a glob of their names.
Command<std::vector<Parts>> function_list(std::string_view pattern = {}, bool with_code = false);
// The library's name.
Command<std::string> function_load(std::string_view code, bool replace = false);
Command<void> function_restore(std::string_view dumped, RestorePolicy policy = RestorePolicy::kAppend);
Command<Parts> function_stats();

}  // namespace envoyou::redis::cmd
