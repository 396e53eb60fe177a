// The servers of one client, of a cluster or behind Sentinel: who they are now, and where commands go that were sent to
// the wrong one.
//
//   discovery --(shards)--> next map --(its primaries' first attempts have ended)--> published --> router --> callers
//                              |                                                         |
//                       nodes are made                              nodes that are in it no more: what they have not
//                                                                   sent goes elsewhere, what flies may land, then they
//                                                                   go
//
//   a server says   MOVED, ASK            --> the named node, made if it is not known; the discovery is told
//                   TRYAGAIN, LOADING …   --> once more after a moment, wherever the map says by then; also what has
//                   been
//                                             sent on kMaxHops times, by servers that do not agree
//                   anything else         --> the caller
//
// Every node is made from the same immutable settings, credentials and TLS included: none can be spoken to in plain.
// A node that is away refuses its commands at once; the others do not notice. The listener of the whole is told of a
// refusal only when no primary is left that answers.
//
// Bounds: kMaxHops redirects a command, a delay that doubles from kFirstDelay to kMostDelay within its deadline, as
// many nodes as a topology may name and kMaxStrangers made by redirects alone, kLeaveWithin for a node that leaves.
//
// Confined to the I/O role.
#pragma once

#include "redis/log_gate.hpp"
#include "redis/push_sink.hpp"
#include "redis/reactor.hpp"
#include "redis/redirect_sink.hpp"
#include "redis/tally.hpp"
#include "redis/topology/discovery.hpp"
#include "redis/topology/redirect.hpp"
#include "redis/topology/router.hpp"
#include "redis/topology/shards.hpp"
#include "redis/unsent_queue.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/runtime.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace envoyou::redis {

// As NodeFactory::make.
using MakeNode = std::function<Result<std::shared_ptr<Node>>(const ClientOptions& options, NodeListener*,
                                                             std::shared_ptr<PushSink>, RedirectSink*)>;

// What every node is made with, but for where it is.
ClientOptions node_options(const ClientOptions& all, const Endpoint& at);

class Fleet;

// One server of a fleet.
class Member final : public NodeListener, public RedirectSink {
 public:
  Member(Fleet& fleet, Endpoint at) : endpoint(std::move(at)), fleet_(fleet) {}

  void on_refused(std::string_view reason) noexcept override;
  void on_condemned(std::string_view reason) noexcept override;
  void on_answered(Microseconds round_trip) noexcept override;
  bool take(Pending& pending, std::string_view error, TimePoint now) override;
  bool is_redirect(std::string_view error) const override;

  bool is_leaving() const noexcept { return leaving_since.has_value(); }
  bool is_up() const noexcept { return node->board.is_up(); }
  // Its first attempt has ended, in one way or the other.
  bool has_settled() const noexcept { return node->board.is_up() || node->board.is_away(); }

  const Endpoint endpoint;
  std::shared_ptr<Node> node;
  bool is_primary = false;  // in the published map, as the next two
  bool is_replica = false;
  std::size_t slots = 0;
  bool good = false;                    // the last word of it was an answer
  bool heard = false;                   // it was told of at all
  TimePoint needed = TimePoint::min();  // last, while there was a map; min(): not since
  std::optional<TimePoint> leaving_since;

 private:
  Fleet& fleet_;
};

class Fleet final : public Steward {
 public:
  static constexpr std::uint8_t kMaxHops = 5;
  static constexpr Milliseconds kFirstDelay{4};
  static constexpr Milliseconds kMostDelay{64};
  static constexpr std::uint8_t kMaxDelays = 200;
  static constexpr std::size_t kMaxStrangers = 32;
  static constexpr Milliseconds kStrangerStays{5'000};
  static constexpr Milliseconds kLeaveWithin{1'000};
  static constexpr Milliseconds kLookAgain{5};  // while it waits for links that no one tells of

  // REQUIRES: `options` were validated; they, the reactor and the listener, which may be null, outlive it.
  Fleet(const ClientOptions& options, const Runtime& runtime, NodeListener* listener, Reactor& reactor, MakeNode make,
        std::shared_ptr<Router> router);
  ~Fleet() override;

  // Before the first turn.
  void use(std::unique_ptr<Discovery> discovery) { discovery_ = std::move(discovery); }

  void turn(TimePoint now) override;
  TimePoint due() const override;
  bool may_sleep() override { return router_->lobby().may_sleep(); }
  void drop_everything(const Error& reason) override;
  void close() override;
  void show_closed() override { router_->board().show_closed(); }

  // For the discovery.
  // Makes `shards` the map as soon as their primaries' first attempts have ended.
  void adopt(Shards shards, TimePoint now);
  // Takes the map back: commands wait for the next one.
  void withdraw();
  // Why there is no map.
  void cannot_tell(const Error& why);
  TimePoint now() const { return runtime_.clock->now(); }
  const Shards& shards() const noexcept { return published_; }
  // All slots have an owner that is not away.
  bool is_well() const;
  // The one at `endpoint`, made if it is not there. Null: it can not be dialled.
  Member* need(const Endpoint& endpoint);
  std::vector<Member*> members_up();
  const ClientOptions& options() const noexcept { return options_; }

 private:
  friend class Member;
  struct Redirected {
    std::shared_ptr<Node> home;  // whose quota it is charged to
    Endpoint from;
    Redirect to;
    Pending pending;
  };
  struct Delayed {
    std::shared_ptr<Node> home;
    TimePoint at;
    Error error;  // what it ends with if it can not be sent in time
    Pending pending;
  };

  bool take(Member& from, Pending& pending, std::string_view error, TimePoint now);
  bool delay(Member& from, Pending& pending, std::string_view error, TimePoint now);
  void tell_bad(std::string_view reason, bool condemned);
  bool none_is_good() const;

  void take_lobby(TimePoint now);
  void follow_redirects(TimePoint now);
  void follow(Redirected& redirected, TimePoint now);
  void send_delayed(TimePoint now);
  void send(Pending&& pending, TimePoint now);
  void post(Node& node, Pending&& pending);

  bool next_has_settled() const;
  void publish(TimePoint now);
  void tell_of_map();
  std::shared_ptr<const SlotMap> make_map();
  void place_members(TimePoint now);
  void move_unsent(Member& member, TimePoint now);
  TimePoint stays_until(const Member& member) const;
  void see_off(TimePoint now);
  void remove(Member& member);
  std::size_t strangers() const;
  void list();
  void show();
  void show_trouble(Board& board);

  const ClientOptions& options_;
  const Runtime runtime_;
  NodeListener* const listener_;
  Reactor& reactor_;
  const MakeNode make_;
  const std::shared_ptr<Router> router_;
  Logger logger_;
  LogGate map_gate_{3, Milliseconds(10'000)};
  std::unique_ptr<Discovery> discovery_;
  std::map<Endpoint, std::unique_ptr<Member>> members_;
  Shards published_;
  bool has_map_ = false;
  bool has_gaps_ = false;  // the last map named no owner for some slot
  std::optional<Shards> next_;
  std::optional<Error> trouble_;
  std::vector<Redirected> redirected_;
  std::vector<Delayed> delayed_;
  UnsentQueue waiting_;  // for the first map
  std::vector<Pending> moving_;
  Tally tally_;  // of what expires here
  bool hinted_ = false;
  bool stirred_ = true;  // something was told: look at everything again
};

}  // namespace envoyou::redis
