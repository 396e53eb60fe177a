// Commands for scripts. See types.hpp. A script that is used often is a redis::Script (script.hpp), which sends its
// digest; `eval` sends the text each time.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

Command<Reply> eval(std::string_view text, const Strings& keys, const Strings& arguments = {});
// Of a script that only reads; may be repeated, and answered by a replica.
Command<Reply> eval_ro(std::string_view text, const Strings& keys, const Strings& arguments = {});
Command<Reply> evalsha(std::string_view sha1, const Strings& keys, const Strings& arguments = {});
Command<Reply> evalsha_ro(std::string_view sha1, const Strings& keys, const Strings& arguments = {});
Command<std::vector<bool>> script_exists(const Strings& sha1s);
Command<void> script_flush(bool async = false);
Command<void> script_kill();
// The digest.
Command<std::string> script_load(std::string_view text);

}  // namespace envoyou::redis::cmd
