// Commands that estimate how many different things were seen. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

// False: the estimate is what it was.
Command<bool> pfadd(std::string_view key, const Strings& elements);
Command<std::int64_t> pfcount(const Strings& keys);
Command<void> pfmerge(std::string_view to, const Strings& keys);

}  // namespace envoyou::redis::cmd
