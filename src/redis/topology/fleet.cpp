#include "redis/topology/fleet.hpp"

#include "redis/error_reply.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::string_view kComponent = "redis";

}  // namespace

ClientOptions node_options(const ClientOptions& all, const Endpoint& at) {
  ClientOptions one = all;
  one.topology = Topology::kStandalone;
  one.seeds.clear();
  one.sentinel = {};
  one.host = at.host;
  one.port = at.port;
  return one;
}

void Member::on_refused(std::string_view reason) noexcept {
  good = false;
  heard = true;
  fleet_.tell_bad(reason, false);
}

void Member::on_condemned(std::string_view reason) noexcept {
  good = false;
  heard = true;
  fleet_.tell_bad(reason, true);
}

void Member::on_answered(Microseconds round_trip) noexcept {
  good = true;
  heard = true;
  fleet_.stirred_ = true;
  if (!fleet_.has_map_) fleet_.hinted_ = true;
  if (fleet_.listener_ != nullptr && is_primary) fleet_.listener_->on_answered(round_trip);
}

bool Member::take(Pending& pending, std::string_view error, TimePoint now) {
  return fleet_.take(*this, pending, error, now);
}

bool Member::is_redirect(std::string_view error) const { return parse_redirect(error).kind != Redirect::Kind::kNone; }

Fleet::Fleet(const ClientOptions& options, const Runtime& runtime, NodeListener* listener, Reactor& reactor,
             MakeNode make, std::shared_ptr<Router> router)
    : options_(options),
      runtime_(runtime),
      listener_(listener),
      reactor_(reactor),
      make_(std::move(make)),
      router_(std::move(router)),
      logger_(runtime.logger) {}

Fleet::~Fleet() = default;

void Fleet::turn(TimePoint now) {
  stirred_ = false;
  if (router_->take_call_for_map()) hinted_ = true;
  if (std::exchange(hinted_, false)) discovery_->want(now);
  take_lobby(now);
  follow_redirects(now);
  send_delayed(now);
  waiting_.expire(now, tally_);
  discovery_->turn(now);
  if (next_ && next_has_settled()) publish(now);
  see_off(now);
  show();
  router_->lobby().quota().publish();
}

TimePoint Fleet::due() const {
  if (stirred_ || hinted_ || router_->is_map_called_for() || !redirected_.empty()) return TimePoint::min();
  TimePoint due = std::min(discovery_->due(), waiting_.earliest());
  for (const Delayed& delayed : delayed_) due = std::min(due, delayed.at);
  for (const auto& [endpoint, member] : members_) due = std::min(due, stays_until(*member));
  const bool watches = next_ || std::any_of(members_.begin(), members_.end(),
                                            [](const auto& each) { return each.second->is_leaving(); });
  return watches ? std::min(due, runtime_.clock->now() + kLookAgain) : due;
}

// ---- What servers say of commands ------------------------------------------------------------------------------

bool Fleet::take(Member& from, Pending& pending, std::string_view error, TimePoint now) {
  Redirect redirect = parse_redirect(error);
  switch (redirect.kind) {
    case Redirect::Kind::kNone: return false;
    case Redirect::Kind::kLater: return delay(from, pending, error, now);
    case Redirect::Kind::kMoved: hinted_ = true; break;
    case Redirect::Kind::kAsk: break;
  }
  // Servers that send it to each other do not agree yet.
  if (pending.route.hops == kMaxHops) return delay(from, pending, error, now);
  ++pending.route.hops;
  redirected_.push_back({from.node, from.endpoint, std::move(redirect), std::move(pending)});
  return true;
}

bool Fleet::delay(Member& from, Pending& pending, std::string_view error, TimePoint now) {
  hinted_ = true;
  const auto doubled = kFirstDelay * (1 << std::min<int>(pending.route.delays, 4));
  const TimePoint at = now + std::min<Milliseconds>(doubled, kMostDelay);
  if (pending.route.delays == kMaxDelays || at >= pending.deadline) return false;
  ++pending.route.delays;
  pending.route.hops = 0;
  pending.route.asking = false;
  pending.charge.queued_again();
  delayed_.push_back({from.node, at, error_from_reply(error, options_.password), std::move(pending)});
  stirred_ = true;
  return true;
}

void Fleet::follow_redirects(TimePoint now) {
  auto redirected = std::exchange(redirected_, {});
  for (Redirected& each : redirected) follow(each, now);
}

void Fleet::follow(Redirected& redirected, TimePoint now) {
  Pending pending = std::move(redirected.pending);
  if (now >= pending.deadline) return expire_unsent(pending, tally_);
  Endpoint to = std::move(redirected.to.to);
  if (to.host.empty()) to.host = redirected.from.host;
  pending.route.asking = redirected.to.kind == Redirect::Kind::kAsk;
  pending.route.slot = redirected.to.slot;
  const bool known = members_.contains(to);
  Member* const member = known || strangers() < kMaxStrangers ? need(to) : nullptr;
  if (member == nullptr) {
    return pending.fail(Error(Errc::kRedirect, "redirected to " + to_string(to) + ", which can not be reached"));
  }
  post(*member->node, std::move(pending));
}

void Fleet::send_delayed(TimePoint now) {
  auto delayed = std::exchange(delayed_, {});
  for (Delayed& each : delayed) {
    if (now >= each.pending.deadline) {
      each.pending.fail(each.error);
    } else if (now >= each.at) {
      send(std::move(each.pending), now);
    } else {
      delayed_.push_back(std::move(each));
    }
  }
}

void Fleet::take_lobby(TimePoint now) {
  router_->lobby().take(moving_);
  for (Pending& pending : moving_) send(std::move(pending), now);
  moving_.clear();
}

// By the map, wherever it came from.
void Fleet::send(Pending&& pending, TimePoint now) {
  if (now >= pending.deadline) return expire_unsent(pending, tally_);
  pending.more_follow = false;
  if (!has_map_) {
    if (router_->board().is_away()) return pending.fail(router_->board().why_away());
    return waiting_.push_back(std::move(pending));
  }
  const auto map = router_->map();
  Node* const node = router_->choose(*map, pending.route);
  if (node == nullptr) return pending.fail(Error(Errc::kUnavailable, "the slot of the key has no owner"));
  post(*node, std::move(pending));
}

void Fleet::post(Node& node, Pending&& pending) {
  const bool may_have_run = pending.may_have_run;
  Result<void> posted = node.board.is_away() ? Result<void>(node.board.why_away()) : Result<void>();
  if (posted) posted = node.inbox.post(std::span(&pending, 1));
  if (posted) return;
  pending.fail(may_have_run
                   ? Error(Errc::kConnectionLost, "the link was lost: " + std::string(posted.error().message()))
                   : posted.error());
}

// ---- What the listener is told -----------------------------------------------------------------------------------

void Fleet::tell_bad(std::string_view reason, bool condemned) {
  hinted_ = true;
  stirred_ = true;
  if (listener_ == nullptr || !none_is_good()) return;
  if (condemned) {
    listener_->on_condemned(reason);
  } else {
    listener_->on_refused(reason);
  }
}

// Without a map all that are known count, once each of them was heard of.
bool Fleet::none_is_good() const {
  return std::none_of(members_.begin(), members_.end(), [&](const auto& each) {
    const Member& member = *each.second;
    if (has_map_) return member.is_primary && member.good;
    return member.good || !member.heard;
  });
}

// ---- Who the servers are -----------------------------------------------------------------------------------------

Member* Fleet::need(const Endpoint& endpoint) {
  const auto found = members_.find(endpoint);
  if (found != members_.end()) {
    found->second->leaving_since.reset();
    if (has_map_) found->second->needed = now();
    return found->second.get();
  }
  auto member = std::make_unique<Member>(*this, endpoint);
  auto node = make_(node_options(options_, endpoint), member.get(), nullptr, member.get());
  if (!node) {
    logger_.warning(kComponent, "a node can not be dialled",
                    {{"node", to_string(endpoint)}, {"reason", node.error().message()}});
    return nullptr;
  }
  member->node = std::move(node).value();
  reactor_.add(member->node);
  stirred_ = true;
  if (has_map_) member->needed = now();
  Member* const made = members_.emplace(endpoint, std::move(member)).first->second.get();
  list();
  return made;
}

std::vector<Member*> Fleet::members_up() {
  std::vector<Member*> up;
  for (const auto& [endpoint, member] : members_) {
    if (member->is_up() && !member->is_leaving()) up.push_back(member.get());
  }
  return up;
}

std::size_t Fleet::strangers() const {
  return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [](const auto& each) {
    return !each.second->is_primary && !each.second->is_replica && !each.second->is_leaving();
  }));
}

void Fleet::adopt(Shards shards, TimePoint now) {
  trouble_.reset();
  has_gaps_ = slots_covered(shards) < kSlots;
  if (has_map_ && has_gaps_) shards = with_gaps_filled(std::move(shards), published_);
  if (has_map_ && shards == published_) {
    next_.reset();
    return;
  }
  for (const Shard& shard : shards) {
    need(shard.primary);
    if (options_.read_from != ReadFrom::kNearestReplica) continue;
    for (const Endpoint& replica : shard.replicas) need(replica);
  }
  next_ = std::move(shards);
  if (next_has_settled()) publish(now);
}

void Fleet::withdraw() {
  if (!std::exchange(has_map_, false)) return;
  published_.clear();
  next_.reset();
  router_->publish(nullptr);
  for (const auto& [endpoint, member] : members_) {
    member->is_primary = false;
    member->is_replica = false;
    move_unsent(*member, now());
  }
  stirred_ = true;
}

void Fleet::cannot_tell(const Error& why) {
  trouble_ = why;
  stirred_ = true;
}

bool Fleet::next_has_settled() const {
  return std::all_of(next_->begin(), next_->end(), [&](const Shard& shard) {
    const auto found = members_.find(shard.primary);
    return found == members_.end() || found->second->has_settled();
  });
}

void Fleet::publish(TimePoint now) {
  published_ = *std::exchange(next_, std::nullopt);
  has_map_ = true;
  router_->publish(make_map());
  place_members(now);
  list();
  if (map_gate_.passes(now)) {
    logger_.info(kComponent, "topology",
                 {{"shards", std::to_string(published_.size())},
                  {"slots", std::to_string(slots_covered(published_))},
                  {"unreported", std::to_string(map_gate_.take_held_back())}});
  }
  for (std::size_t left = waiting_.size(); left > 0; --left) send(waiting_.pop_front(), now);
  tell_of_map();
}

// Who is a primary from now on may have been heard of before it was one.
void Fleet::tell_of_map() {
  if (listener_ == nullptr) return;
  for (const auto& [endpoint, member] : members_) {
    if (member->is_primary && member->good) return listener_->on_answered(member->node->board.round_trip());
  }
  listener_->on_refused("no primary of the topology can be reached");
}

std::shared_ptr<const SlotMap> Fleet::make_map() {
  auto map = std::make_shared<SlotMap>();
  for (auto& [endpoint, member] : members_) {
    member->is_primary = false;
    member->is_replica = false;
    member->slots = 0;
  }
  for (const Shard& shard : published_) {
    const auto index = static_cast<std::uint16_t>(map->shards.size());
    ShardNodes& nodes = map->shards.emplace_back();
    std::size_t slots = 0;
    for (const SlotRange& range : shard.slots) {
      std::fill(map->shard_of.begin() + range.first, map->shard_of.begin() + range.last + 1, index);
      slots += std::size_t{range.last} - range.first + 1;
    }
    if (const auto found = members_.find(shard.primary); found != members_.end()) {
      nodes.primary = found->second->node;
      found->second->is_primary = true;
      found->second->slots = slots;
    }
    for (const Endpoint& replica : shard.replicas) {
      const auto found = members_.find(replica);
      if (options_.read_from != ReadFrom::kNearestReplica || found == members_.end()) continue;
      nodes.replicas.push_back(found->second->node);
      found->second->is_replica = !found->second->is_primary;
    }
  }
  return map;
}

// What a node that is no primary any more has not sent goes to the one that is; the rest of its commands end there.
void Fleet::place_members(TimePoint now) {
  for (const auto& [endpoint, member] : members_) {
    if (member->is_primary || member->is_replica) {
      member->leaving_since.reset();
      if (!member->is_up()) move_unsent(*member, now);
      continue;
    }
    if (!member->leaving_since && now >= stays_until(*member)) member->leaving_since = now;
  }
}

void Fleet::move_unsent(Member& member, TimePoint now) {
  std::vector<Pending> unsent;
  member.node->engine.take_unsent(unsent);
  for (Pending& pending : unsent) {
    if (pending.route.is_set) {
      send(std::move(pending), now);
    } else {
      pending.fail(Error(Errc::kUnavailable, "the server is no part of the topology any more"));
    }
  }
}

// Who is in no map stays as long as redirects lead to it, and seeds until there is a map.
TimePoint Fleet::stays_until(const Member& member) const {
  const bool belongs = !has_map_ || next_ || member.is_primary || member.is_replica;
  if (belongs || member.is_leaving()) return TimePoint::max();
  return member.needed == TimePoint::min() ? member.needed : member.needed + kStrangerStays;
}

void Fleet::see_off(TimePoint now) {
  for (const auto& [endpoint, member] : members_) {
    if (now >= stays_until(*member)) member->leaving_since = now;
  }
  for (auto it = members_.begin(); it != members_.end();) {
    Member& member = *(it++)->second;
    if (!member.is_leaving()) continue;
    move_unsent(member, now);
    ClientStats stats;
    member.node->board.read_tally(stats);
    if (stats.in_flight == 0 || now >= *member.leaving_since + kLeaveWithin) remove(member);
  }
}

void Fleet::remove(Member& member) {
  const std::shared_ptr<Node> node = member.node;
  reactor_.remove(*node, Error(Errc::kConnectionLost, "the server is no part of the topology any more"));
  ClientStats stats;
  node->board.read_tally(stats);
  stats.submitted = node->inbox.posted();
  stats.in_flight = 0;
  router_->keep_counts(stats);
  members_.erase(member.endpoint);
  list();
}

void Fleet::list() {
  std::vector<ListedNode> nodes;
  for (const auto& [endpoint, member] : members_) {
    nodes.push_back({endpoint, member->is_primary, member->slots, member->node});
  }
  router_->list(std::move(nodes));
}

bool Fleet::is_well() const {
  return has_map_ && !next_ && !has_gaps_ && std::none_of(members_.begin(), members_.end(), [](const auto& each) {
           return each.second->is_primary && !each.second->is_up();
         });
}

// The board of the whole: up when a primary is, away when none is and none is being tried.
void Fleet::show() {
  Board& board = router_->board();
  const Member* up = nullptr;
  const Member* away = nullptr;
  bool tries = members_.empty();
  for (const auto& [endpoint, member] : members_) {
    if (has_map_ && !member->is_primary) continue;
    if (member->is_up()) {
      if (up == nullptr) up = member.get();
    } else if (member->node->board.is_away()) {
      away = member.get();
    } else {
      tries = true;
    }
  }
  if (has_map_ && up != nullptr) {
    if (!board.is_up()) board.show_up(up->node->board.server());
    return;
  }
  if (trouble_ && !has_map_) {
    if (!board.is_away()) show_trouble(board);
  } else if (up == nullptr && !tries && away != nullptr) {
    if (!board.is_away()) board.show_away(away->node->board.why_away(), away->node->board.cause_away());
  } else if (board.is_up()) {
    board.show_trying();
  }
  if (!board.is_away()) return;
  const Error why = board.why_away();
  waiting_.fail_all(why, why);
}

void Fleet::show_trouble(Board& board) {
  const std::string text = describe(options_) + " is away: " + std::string(trouble_->message());
  board.show_away(Error(Errc::kUnavailable, text), trouble_->code());
  if (listener_ != nullptr) listener_->on_refused(text);
}

void Fleet::drop_everything(const Error& reason) {
  waiting_.fail_all(reason, reason);
  for (Redirected& each : std::exchange(redirected_, {})) each.pending.fail(reason);
  for (Delayed& each : std::exchange(delayed_, {})) each.pending.fail(reason);
  for (Pending& pending : moving_) {
    if (pending.reader) pending.fail(reason);
  }
  moving_.clear();
}

void Fleet::close() {
  for (Pending& pending : router_->lobby().close()) pending.fail(Error(Errc::kClosed));
}

}  // namespace envoyou::redis
