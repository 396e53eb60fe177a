// Which server of a client has a key: for what must be asked of that server and names no key itself (TIME, INFO), and
// for who keeps books of each server.
//
// Thread-safe.
#pragma once

#include <envoyou/redis/client.hpp>

#include <string>
#include <string_view>

namespace envoyou::redis {

// In a cluster the primary of the key's slot, by the client's present map, as CallOptions::node names it. Empty: there
// is one server, or it is not known. The map may be behind: a command with the key finds out, by a redirect.
std::string node_of(Client& client, std::string_view key);

}  // namespace envoyou::redis
