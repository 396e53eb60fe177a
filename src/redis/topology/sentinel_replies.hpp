// What sentinels and a primary say, read into values. Lenient as shards.hpp: what has no meaning is nothing.
//
// Pure; thread-safe.
#pragma once

#include <envoyou/redis/options.hpp>
#include <envoyou/redis/reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

// SENTINEL GET-MASTER-ADDR-BY-NAME: host and port. Nothing: this sentinel does not know the name.
std::optional<Endpoint> read_master_address(const ReplyView& reply);

// SENTINEL SENTINELS and SENTINEL REPLICAS: one map a server, of which those that are down are passed over. At most
// `most` of them.
std::vector<Endpoint> read_servers(const ReplyView& reply, std::size_t most);

// ROLE. Nothing: it does not say.
std::optional<bool> is_primary_by_role(const ReplyView& reply);

// The text of a message on +switch-master: "name old-host old-port new-host new-port". The new address, if it is about
// `name`.
std::optional<Endpoint> read_switch(std::string_view text, std::string_view name);

}  // namespace envoyou::redis
