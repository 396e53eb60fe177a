#include "redis/topology/router.hpp"

#include "redis/topology/merged_answer.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

// Round trips that differ by less are equal, and share the reads.
constexpr Microseconds kAlike{100};

void add(ClientStats& sum, const ClientStats& part) {
  sum.submitted += part.submitted;
  sum.answered += part.answered;
  sum.timed_out += part.timed_out;
  sum.expired_unsent += part.expired_unsent;
  sum.repeated += part.repeated;
  sum.shortened += part.shortened;
  sum.repeats_refused += part.repeats_refused;
  sum.late_replies += part.late_replies;
  sum.foreign_replies += part.foreign_replies;
  sum.connects += part.connects;
  sum.condemned += part.condemned;
  sum.writes += part.writes;
  sum.bytes_sent += part.bytes_sent;
  sum.bytes_received += part.bytes_received;
  sum.tls_handshakes += part.tls_handshakes;
  sum.tls_resumed += part.tls_resumed;
  sum.repeat_budget += part.repeat_budget;
  const bool nearer = part.round_trip.count() > 0 && (sum.round_trip.count() == 0 || part.round_trip < sum.round_trip);
  if (nearer) sum.round_trip = part.round_trip;
  sum.queued += part.queued;
  sum.in_flight += part.in_flight;
}

ClientStats stats_of(const Node& node) {
  ClientStats stats;
  node.board.read_tally(stats);
  stats.submitted = node.inbox.posted();
  stats.queued = node.inbox.quota().unsent();
  return stats;
}

Error refusal(const Routing& routing) {
  const std::string name(routing.spec->name.empty() ? std::string_view("the command") : routing.spec->name);
  if (routing.kind == Routing::Kind::kCrossSlot) {
    return Error(Errc::kCrossSlot, name + ": its keys lie in different slots; give them one hash tag");
  }
  return invalid_argument("command", name + " reaches one node of the cluster only; say which in CallOptions::node");
}

Error nobody_has(Slot slot) {
  return Error(Errc::kUnavailable, "slot " + std::to_string(slot) + " of the cluster has no owner");
}

Pending pending_for(Submission&& submission, TimePoint deadline, Slot slot, bool reads) {
  Pending pending(std::move(submission), deadline);
  pending.route.slot = slot;
  pending.route.reads = reads;
  pending.route.is_set = true;
  return pending;
}

void refuse(Submission& submission, const Error& why) {
  const ReaderHandle reader = std::move(submission.reader);
  reader->on_error(why);
}

}  // namespace

// Takes submissions apart by where they go, in order.
class Router::Sorter {
 public:
  // `only`: where all of them go, whatever their keys; null: by their keys.
  Sorter(Router& router, TimePoint deadline, Node* only)
      : router_(router), deadline_(deadline), only_(only), map_(router.map()) {}

  void add(Submission&& submission) {
    if (only_ != nullptr) return put(std::move(submission), only_, kNoSlot, false);
    if (router_.options_.topology == Topology::kSentinel) {
      return put(std::move(submission), kNoSlot, find_command_of(submission.words).reads);
    }
    const Routing routing = route(submission.words);
    switch (routing.kind) {
      case Routing::Kind::kAnyNode: return put(std::move(submission), kNoSlot, routing.reads);
      case Routing::Kind::kSlot: return put(std::move(submission), routing.slot, routing.reads);
      case Routing::Kind::kSplit: return add_parts(std::move(submission), routing);
      case Routing::Kind::kCrossSlot:
      case Routing::Kind::kOneNode: return refuse(submission, refusal(routing));
    }
  }
  void post(bool shortened) {
    for (Group& group : groups_) {
      for (Pending& pending : group.pendings) {
        pending.more_follow = true;
        pending.shortened = shortened;
      }
      group.pendings.back().more_follow = false;
      router_.post(group.node, group.pendings);
    }
  }

 private:
  static const CommandSpec& find_command_of(const Words& words) noexcept { return *route(words).spec; }

  void add_parts(Submission&& submission, const Routing& routing) {
    const auto parts = split(submission.words);
    auto readers = readers_of_parts(*routing.spec, parts, std::move(submission.reader));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Submission part;
      part.words = parts[i].words;
      part.reader = std::move(readers[i]);
      part.repeat = submission.repeat;
      put(std::move(part), parts[i].slot, routing.reads);
    }
  }

  void put(Submission&& submission, Slot slot, bool reads) {
    if (map_ == nullptr) return put(std::move(submission), nullptr, slot, reads);
    Route wanted;
    wanted.slot = slot;
    wanted.reads = reads;
    Node* const node = router_.choose(*map_, wanted);
    if (node != nullptr) return put(std::move(submission), node, slot, reads);
    refuse(submission, nobody_has(slot));
  }

  void put(Submission&& submission, Node* node, Slot slot, bool reads) {
    const auto at =
        std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) { return group.node == node; });
    Group& group = at != groups_.end() ? *at : groups_.emplace_back(Group{node, {}});
    group.pendings.push_back(pending_for(std::move(submission), deadline_, slot, reads));
  }

  Router& router_;
  const TimePoint deadline_;
  Node* const only_;
  const std::shared_ptr<const SlotMap> map_;
  std::vector<Group> groups_;
};

Router::Router(const ClientOptions& options, const Runtime& runtime, std::function<void()> wake)
    : options_(options), board_(runtime.clock), lobby_(options.max_queued, options.max_queued_bytes, std::move(wake)) {}

// Without the sorting for what goes to one place, which is nearly everything.
void Router::submit(Submission submission, TimePoint deadline, bool shortened, std::string_view node) {
  const Routing routing = route(submission.words);
  const bool whole = options_.topology == Topology::kSentinel;
  const bool one_place = routing.kind == Routing::Kind::kSlot || routing.kind == Routing::Kind::kAnyNode || whole;
  if (!node.empty() || !one_place) {
    std::vector<Submission> one;
    one.push_back(std::move(submission));
    return submit_all(std::move(one), deadline, shortened, node);
  }
  Pending pending = pending_for(std::move(submission), deadline, whole ? kNoSlot : routing.slot, routing.reads);
  pending.shortened = shortened;
  const auto known = map();
  if (known == nullptr) return post(nullptr, std::span(&pending, 1));
  Node* const chosen = choose(*known, pending.route);
  if (chosen == nullptr) return pending.fail(nobody_has(pending.route.slot));
  post(chosen, std::span(&pending, 1));
}

void Router::submit_all(std::vector<Submission> submissions, TimePoint deadline, bool shortened,
                        std::string_view node) {
  std::shared_ptr<Node> only;
  if (!node.empty()) {
    only = named(node);
    if (only == nullptr) {
      const Error unknown = invalid_argument("node", "is none of Client::nodes()");
      for (Submission& submission : submissions) refuse(submission, unknown);
      return;
    }
  }
  Sorter sorter(*this, deadline, only.get());
  for (Submission& submission : submissions) sorter.add(std::move(submission));
  sorter.post(shortened);
}

void Router::post(Node* node, std::span<Pending> group) {
  Result<void> posted = Error(Errc::kClosed);
  if (node != nullptr) {
    posted = node->board.is_away() ? Result<void>(node->board.why_away()) : node->inbox.post(group);
  }
  // The node has just left, or there is no map yet; if it is the client that was closed, the lobby is closed, too.
  if (!posted && posted.error().code() == Errc::kClosed) {
    posted = node == nullptr && board_.is_away() ? Result<void>(board_.why_away()) : lobby_.post(group);
  }
  if (posted) return;
  for (Pending& pending : group) pending.fail(posted.error());
}

Node* Router::choose(const SlotMap& map, const Route& route) const noexcept {
  const bool anywhere = route.slot == kNoSlot && map.shards.size() > 1;
  if (anywhere) return choose_any(map);
  const std::uint16_t shard = route.slot == kNoSlot ? 0 : map.shard_of[route.slot];
  if (shard == SlotMap::kNobody || map.shards.empty()) return nullptr;
  const ShardNodes& nodes = map.shards[shard];
  if (route.reads && options_.read_from == ReadFrom::kNearestReplica) {
    if (Node* const replica = choose_replica(nodes)) return replica;
  }
  return nodes.primary.get();
}

// Each primary that is up in its turn.
Node* Router::choose_any(const SlotMap& map) const noexcept {
  const std::uint32_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  Node* away = nullptr;
  for (std::size_t i = 0; i < map.shards.size(); ++i) {
    Node* const node = map.shards[(turn + i) % map.shards.size()].primary.get();
    if (node == nullptr) continue;
    if (node->board.is_up()) return node;
    away = node;
  }
  return away;
}

// The nearest of those that are up, or one about as near; null: none is up.
Node* Router::choose_replica(const ShardNodes& shard) const noexcept {
  Microseconds nearest = Microseconds::max();
  for (const auto& replica : shard.replicas) {
    if (replica->board.is_up()) nearest = std::min(nearest, replica->board.round_trip());
  }
  if (nearest == Microseconds::max()) return nullptr;
  const std::uint32_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < shard.replicas.size(); ++i) {
    Node* const replica = shard.replicas[(turn + i) % shard.replicas.size()].get();
    if (replica->board.is_up() && replica->board.round_trip() <= nearest + nearest / 4 + kAlike) return replica;
  }
  return nullptr;
}

std::shared_ptr<Node> Router::named(std::string_view endpoint) const {
  const std::lock_guard lock(mutex_);
  for (const ListedNode& listed : nodes_) {
    if (to_string(listed.endpoint) == endpoint) return listed.node;
  }
  return nullptr;
}

std::optional<Result<Endpoint>> Router::where_is(Slot slot) const {
  const auto map = this->map();
  if (map == nullptr) return std::nullopt;
  Route wanted;
  wanted.slot = slot;
  const Node* const primary = choose(*map, wanted);
  const std::lock_guard lock(mutex_);
  if (const auto found = learnt_.find(slot); found != learnt_.end()) return Result<Endpoint>(found->second);
  const auto is_it = [&](const ListedNode& listed) { return listed.node.get() == primary; };
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), is_it);
  if (primary == nullptr || found == nodes_.end()) return Result<Endpoint>(nobody_has(slot));
  return Result<Endpoint>(found->endpoint);
}

void Router::learn(Slot slot, Endpoint at) {
  call_for_map();
  const std::lock_guard lock(mutex_);
  learnt_.insert_or_assign(slot, std::move(at));
}

std::shared_ptr<const SlotMap> Router::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

void Router::publish(std::shared_ptr<const SlotMap> map) {
  const std::lock_guard lock(mutex_);
  map_.swap(map);
  learnt_.clear();
}

void Router::list(std::vector<ListedNode> nodes) {
  const std::lock_guard lock(mutex_);
  nodes_ = std::move(nodes);
}

void Router::keep_counts(const ClientStats& stats) {
  const std::lock_guard lock(mutex_);
  add(gone_, stats);
}

ClientStats Router::stats() const {
  const std::lock_guard lock(mutex_);
  ClientStats sum = gone_;
  for (const ListedNode& listed : nodes_) add(sum, stats_of(*listed.node));
  sum.queued += lobby_.quota().unsent();
  return sum;
}

std::vector<NodeInfo> Router::nodes() const {
  const std::lock_guard lock(mutex_);
  std::vector<NodeInfo> made;
  for (const ListedNode& listed : nodes_) {
    const Board& board = listed.node->board;
    NodeInfo info{.endpoint = listed.endpoint,
                  .is_primary = listed.is_primary,
                  .slots = listed.slots,
                  .is_up = board.is_up(),
                  .away_because = {},
                  .round_trip = board.round_trip(),
                  .server = board.server(),
                  .stats = stats_of(*listed.node)};
    if (board.is_away()) info.away_because = board.cause_away();
    made.push_back(std::move(info));
  }
  return made;
}

}  // namespace envoyou::redis
