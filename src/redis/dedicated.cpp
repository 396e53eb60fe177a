#include "redis/dedicated.hpp"

#include "redis/push_sink.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/redirect.hpp"
#include "redis/topology/slots.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

// A node that goes when its link goes: what a second link would be sent belongs to the state of the first.
class OneLife final : public PushSink {
 public:
  OneLife(Reactor& reactor, std::shared_ptr<std::atomic<bool>> lost) : reactor_(reactor), lost_(std::move(lost)) {}
  void belongs_to(const std::shared_ptr<Node>& node) { node_ = node; }

  void on_link_up(const ServerInfo&, TimePoint) override {}
  void on_link_down(const Error& why, TimePoint) override {
    lost_->store(true, std::memory_order_release);
    const Error reason(Errc::kConnectionLost, "the connection was lost: " + std::string(why.message()));
    reactor_.post([&reactor = reactor_, node = node_.lock(), reason] {
      if (node) reactor.remove(*node, reason);
    });
  }
  bool is_push(const ReplyView&) const noexcept override { return false; }
  bool on_push(const ReplyView&, TimePoint) override { return false; }
  void on_fence(TimePoint, TimePoint) override {}
  void on_turn(TimePoint) override {}
  TimePoint due() const noexcept override { return TimePoint::max(); }
  void on_end(const Error&) override { lost_->store(true, std::memory_order_release); }

 private:
  Reactor& reactor_;  // outlives its nodes
  const std::shared_ptr<std::atomic<bool>> lost_;
  std::weak_ptr<Node> node_;
};

ClientOptions of_one_link(ClientOptions options) {
  options.connections = 1;
  return options;
}

constexpr std::string_view kMoved = "MOVED ";

}  // namespace

DedicatedPool::DedicatedPool(const ClientOptions& options, std::shared_ptr<Clock> clock, std::shared_ptr<IoCore> core,
                             std::shared_ptr<Router> router)
    : options_(of_one_link(options)), clock_(std::move(clock)), core_(std::move(core)), router_(std::move(router)) {}

std::optional<Result<Endpoint>> DedicatedPool::place_of(std::string_view key) const {
  if (router_ == nullptr) return Result<Endpoint>(Endpoint{});
  if (options_.topology == Topology::kSentinel) return router_->where_is(kNoSlot);
  if (!key.empty()) return router_->where_is(slot_of(key));
  return Result<Endpoint>(invalid_argument("key", "needed in a cluster: a connection is to the node of a key"));
}

// What the server said is newer than the map.
void DedicatedPool::heard(const OwnLink& link, std::string_view error) {
  if (router_ == nullptr) return;
  router_->call_for_map();
  const std::size_t at = error.find(kMoved);
  if (at == std::string_view::npos) return;
  Redirect redirect = parse_redirect(error.substr(at));
  if (redirect.kind != Redirect::Kind::kMoved) return;
  if (redirect.to.host.empty()) redirect.to.host = link.at.host;
  router_->learn(redirect.slot, std::move(redirect.to));
}

Result<OwnLink> DedicatedPool::take(NodeFactory& factory, const Endpoint& at, Deadline until) {
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (closed_) return Error(Errc::kClosed, "the client is closed");
      const TimePoint now = clock_->now();
      drop_stale(now);
      if (auto kept = take_kept(at)) return *std::move(kept);
      if (take_place()) break;
      if (until.expired(now)) {
        return Error(Errc::kQueueFull,
                     "all " + std::to_string(options_.max_dedicated) + " connections (max_dedicated) are taken");
      }
      clock_->wait_until(lock, freed_, until.time());
    }
  }
  auto made = make(factory, at);
  if (!made) {
    const std::lock_guard lock(mutex_);
    --places_;
    freed_.notify_one();
  }
  return made;
}

// REQUIRES: the lock is held. The one that was used last.
std::optional<OwnLink> DedicatedPool::take_kept(const Endpoint& at) {
  const auto is_there = [&](const Kept& each) { return each.link.at == at; };
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(), is_there);
  if (found == kept_.rend()) return std::nullopt;
  OwnLink link = std::move(found->link);
  kept_.erase(std::next(found).base());
  return link;
}

// REQUIRES: the lock is held. One that is kept to another server makes room.
bool DedicatedPool::take_place() {
  if (places_ < options_.max_dedicated) {
    ++places_;
    return true;
  }
  if (kept_.empty()) return false;
  remove(kept_.front().link.node);
  kept_.erase(kept_.begin());
  return true;
}

Result<OwnLink> DedicatedPool::make(NodeFactory& factory, const Endpoint& at) {
  OwnLink link;
  link.at = at;
  link.lost = std::make_shared<std::atomic<bool>>(false);
  auto life = std::make_shared<OneLife>(*core_->reactor, link.lost);
  auto node = factory.make(router_ ? node_options(options_, at) : options_, nullptr, life);
  if (!node) return node.error();
  link.node = std::move(node).value();
  life->belongs_to(link.node);
  const bool posted = core_->reactor->post([core = core_.get(), added = link.node] { core->reactor->add(added); });
  if (!posted) return Error(Errc::kClosed, "the client is closed");
  return link;
}

void DedicatedPool::give_back(OwnLink link, bool clean) noexcept {
  const std::lock_guard lock(mutex_);
  drop_stale(clock_->now());
  if (clean && !closed_ && link.node->board.is_up()) {
    link.was_kept = true;
    kept_.push_back({std::move(link), clock_->now()});
  } else {
    remove(link.node);
    --places_;
  }
  freed_.notify_one();
}

void DedicatedPool::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  kept_.clear();
  freed_.notify_all();
}

// REQUIRES: the lock is held.
void DedicatedPool::drop_stale(TimePoint now) {
  const auto stale = [&](const Kept& each) {
    const bool is_stale = now >= each.since + kKeptFor || !each.link.node->board.is_up();
    if (is_stale) remove(each.link.node);
    return is_stale;
  };
  const auto end = std::remove_if(kept_.begin(), kept_.end(), stale);
  places_ -= static_cast<std::size_t>(kept_.end() - end);
  kept_.erase(end, kept_.end());
}

void DedicatedPool::remove(const std::shared_ptr<Node>& node) {
  core_->reactor->post([core = core_.get(), node] {
    core->reactor->remove(*node, Error(Errc::kClosed, "the connection was given back"));
  });
}

}  // namespace envoyou::redis
