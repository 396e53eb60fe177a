#include <envoyou/redis/commands/cluster.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

template <>
struct Shape<ClusterServer> {
  static Result<ClusterServer> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() < 2) return no_such_shape("a host and a port", reply);
    auto host = Shape<std::optional<std::string>>::read(reply.elements[0]);
    if (!host) return host.error();
    auto port = Shape<std::int64_t>::read(reply.elements[1]);
    if (!port) return port.error();
    ClusterServer server{std::move(host)->value_or(""), *port, {}};
    if (reply.elements.size() > 2) server.id = reply.elements[2].text;
    return server;
  }
};

template <>
struct Shape<ClusterSlots> {
  static Result<ClusterSlots> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() < 3) return no_such_shape("slots and their servers", reply);
    auto first = Shape<std::int64_t>::read(reply.elements[0]);
    if (!first) return first.error();
    auto last = Shape<std::int64_t>::read(reply.elements[1]);
    if (!last) return last.error();
    ClusterSlots slots{*first, *last, {}};
    for (const ReplyView& element : reply.elements.subspan(2)) {
      auto server = Shape<ClusterServer>::read(element);
      if (!server) return server.error();
      slots.servers.push_back(std::move(server).value());
    }
    return slots;
  }
};

namespace {

using Int = std::int64_t;
using List = std::vector<std::string>;

}  // namespace

Command<Int> cluster_countkeysinslot(Int slot) { return reads<Int>(Words("CLUSTER", "COUNTKEYSINSLOT", slot)); }
Command<List> cluster_getkeysinslot(Int slot, Int count) {
  return reads<List>(Words("CLUSTER", "GETKEYSINSLOT", slot, count));
}
Command<std::string> cluster_info() { return reads<std::string>(Words("CLUSTER", "INFO")); }
Command<Int> cluster_keyslot(std::string_view key) { return reads<Int>(Words("CLUSTER", "KEYSLOT", key)); }
Command<std::vector<Parts>> cluster_links() { return reads<std::vector<Parts>>(Words("CLUSTER", "LINKS")); }
Command<std::string> cluster_myid() { return reads<std::string>(Words("CLUSTER", "MYID")); }
Command<std::string> cluster_nodes() { return reads<std::string>(Words("CLUSTER", "NODES")); }
Command<List> cluster_replicas(std::string_view id) { return reads<List>(Words("CLUSTER", "REPLICAS", id)); }
Command<std::vector<Parts>> cluster_shards() { return reads<std::vector<Parts>>(Words("CLUSTER", "SHARDS")); }
Command<std::vector<ClusterSlots>> cluster_slots() {
  return reads<std::vector<ClusterSlots>>(Words("CLUSTER", "SLOTS"));
}

}  // namespace envoyou::redis::cmd
