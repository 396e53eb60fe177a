// Asks the nodes of a cluster for its map.
//
//   idle --(RefreshPace says so)--> up to kAsked nodes are asked at the same time: CLUSTER INFO, CLUSTER SHARDS
//    ^                                                |        (a server that does not know it: CLUSTER SLOTS)
//    '------ the best answer is adopted <-------------'  all have answered, or kAnswerWithin has passed
//
// The best is that of the newest epoch, among those of a node that finds the cluster well if there is one, among those
// the one that covers most slots. So one node that was cut off does not lead everybody astray. A map that covers fewer
// slots than the present one counts only if every node that answered says so.
//
// While no node is up the seeds and all servers that were ever named are dialled.
//
// Confined to the I/O role.
#pragma once

#include "base/random.hpp"
#include "redis/topology/discovery.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/refresh_pace.hpp"
#include "redis/topology/shards.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace envoyou::redis {

// What one node says of its cluster.
struct ClusterView {
  Endpoint asked;
  bool tls = false;
  std::uint64_t epoch = 0;  // 0: not told
  bool is_well = true;
  bool lacks_shards = false;  // the server does not know CLUSTER SHARDS
  std::optional<Shards> shards;
  std::optional<Error> error;
};

// CLUSTER INFO's cluster_state and cluster_current_epoch. Pure.
void read_cluster_info(std::string_view text, ClusterView& view);

// The index of the best view; nothing if none is to be believed. `present` may be empty. Pure.
std::optional<std::size_t> choose_view(const std::vector<ClusterView>& views, const Shards& present);

class ClusterDiscovery final : public Discovery {
 public:
  static constexpr std::size_t kAsked = 3;
  static constexpr Milliseconds kAnswerWithin{500};

  // REQUIRES: the fleet outlives it.
  ClusterDiscovery(Fleet& fleet, std::uint64_t seed);

  void turn(TimePoint now) override;
  TimePoint due() const override;
  void want(TimePoint now) override { pace_.want(now); }

 private:
  struct Round {
    std::vector<ClusterView> views;
    std::size_t left = 0;  // answers that are still to come
  };
  enum class What : std::uint8_t { kInfo, kByShards, kByRanges };
  class ViewReader;

  void begin(TimePoint now);
  void ask(Member& member, std::size_t index);
  Pending question(std::string_view verb, std::size_t index, What what);
  void ask_for_slots(TimePoint now);
  void judge(TimePoint now);
  void call_all();
  void note(const Shards& shards);
  Error trouble(const Round& round) const;

  Fleet& fleet_;
  base::Jitter jitter_;
  RefreshPace pace_{jitter_};
  std::shared_ptr<Round> round_;  // null: nobody is asked. Its readers hold it, too
  TimePoint until_{};
  bool asks_for_slots_ = false;  // a server did not know CLUSTER SHARDS
  std::vector<Endpoint> heard_of_;
};

}  // namespace envoyou::redis
