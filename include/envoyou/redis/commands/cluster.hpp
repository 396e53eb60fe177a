// Commands that ask a server about its cluster. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct ClusterServer {
  std::string host;
  std::int64_t port = 0;
  std::string id;
};

// Both ends belong to it; the first server is the master.
struct ClusterSlots {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::vector<ClusterServer> servers;
};

Command<std::int64_t> cluster_countkeysinslot(std::int64_t slot);
Command<std::vector<std::string>> cluster_getkeysinslot(std::int64_t slot, std::int64_t count);
// Lines of name:value.
Command<std::string> cluster_info();
Command<std::int64_t> cluster_keyslot(std::string_view key);
Command<std::vector<Parts>> cluster_links();
Command<std::string> cluster_myid();
Command<std::string> cluster_nodes();
Command<std::vector<std::string>> cluster_replicas(std::string_view id);
Command<std::vector<Parts>> cluster_shards();
Command<std::vector<ClusterSlots>> cluster_slots();

}  // namespace envoyou::redis::cmd
