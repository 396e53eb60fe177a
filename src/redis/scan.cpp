#include <envoyou/redis/scan.hpp>

#include "redis/topology/cluster_scan.hpp"

#include <memory>
#include <utility>

namespace envoyou::redis::detail_redis {

namespace {

std::vector<std::string> primaries_of(const Client& client) {
  std::vector<std::string> names;
  for (const NodeInfo& node : client.nodes()) {
    if (node.is_primary) names.push_back(to_string(node.endpoint));
  }
  return names;
}

}  // namespace

bool keeps_slot_of(std::string_view cluster_nodes, std::string_view key) {
  const auto view = read_own_view(cluster_nodes);
  const Slot slot = slot_of(key);
  return view && view->serves[slot] && !view->gives.contains(slot);
}

Error slot_never_rests(std::string_view key) {
  return Error(Errc::kUnavailable, "something may be missing: slot " + std::to_string(slot_of(key)) +
                                       " of the key was on the move; scan again");
}

std::unique_ptr<ScanSource<std::string>> source_of_keys(const Client& client, const cmd::ScanOptions& options) {
  if (client.options().topology == Topology::kCluster) {
    return std::make_unique<ClusterScan>([&client] { return primaries_of(client); }, options);
  }
  const auto ask = [](std::string_view, std::string_view cursor, const cmd::ScanOptions& how) {
    return cmd::scan(cursor, how);
  };
  return std::make_unique<OneNodeScan<std::string>>(ask, std::string_view(), options);
}

}  // namespace envoyou::redis::detail_redis
