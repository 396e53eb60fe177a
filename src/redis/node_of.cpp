#include <envoyou/redis/node_of.hpp>

#include "redis/client_impl.hpp"
#include "redis/topology/slots.hpp"

namespace envoyou::redis {

std::string node_of(Client& client, std::string_view key) {
  const Client::Impl& impl = client.impl();
  if (impl.options.topology != Topology::kCluster || impl.fork_guard.forked()) return {};
  const auto place = impl.router->where_is(slot_of(key));
  return place && *place ? to_string(**place) : std::string();
}

}  // namespace envoyou::redis
