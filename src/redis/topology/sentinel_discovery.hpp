// Asks sentinels which server is the primary, and looks for itself before it believes them.
//
//   idle --(RefreshPace says so)--> asking: up to kAsked sentinels at the same time
//    ^                                 |  the address that most of them name, the first of equals
//    |                                 v
//    |<--- it is none, or a replica -- verifying: ROLE, on a link to it
//    |                                 |
//    '------- it is adopted <----------'
//
// Asked again at once when a sentinel sends +switch-master (RESP3; every sentinel is listened to), when the primary
// says READONLY or its link is refused, else every kAnyway. A primary that has become a replica is left before it is
// known who follows it: commands wait for that within their deadlines. Sentinels that are away change nothing: the last
// map stands.
//
// The sentinels named in the options tell of others: up to kMaxSentinels are kept.
//
// Confined to the I/O role.
#pragma once

#include "base/random.hpp"
#include "redis/node.hpp"
#include "redis/push_sink.hpp"
#include "redis/topology/discovery.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/refresh_pace.hpp"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace envoyou::redis {

class SentinelDiscovery final : public Discovery {
 public:
  static constexpr std::size_t kAsked = 5;
  static constexpr std::size_t kMaxSentinels = 16;
  static constexpr Milliseconds kAnswerWithin{500};
  static constexpr Milliseconds kAnyway{1'000};

  // REQUIRES: fleet and reactor outlive it.
  SentinelDiscovery(Fleet& fleet, Reactor& reactor, MakeNode make, std::uint64_t seed);
  ~SentinelDiscovery() override;

  void turn(TimePoint now) override;
  TimePoint due() const override;
  void want(TimePoint now) override { pace_.want(now); }

 private:
  struct Answer {
    std::optional<Endpoint> primary;
    std::vector<Endpoint> replicas;
    std::vector<Endpoint> sentinels;
  };
  // What was asked and not yet answered. Held by the readers, too, which may outlive the discovery.
  struct Round {
    std::vector<Answer> answers;
    std::size_t left = 0;
    std::optional<bool> is_primary;  // by ROLE
  };
  enum class What : std::uint8_t { kAddress, kReplicas, kSentinels, kRole };
  enum class State : std::uint8_t { kIdle, kAsking, kVerifying };
  class AnswerReader;
  class Ears;

  void know(const Endpoint& sentinel);
  void begin(TimePoint now);
  void ask(Node& node, std::size_t index);
  Pending question(Words words, std::size_t index, What what);
  void judge(TimePoint now);
  void verify(TimePoint now);
  void conclude(TimePoint now);
  void end(TimePoint now, const std::optional<Error>& trouble);
  bool has_news() const;
  Error why_nobody() const;

  Fleet& fleet_;
  Reactor& reactor_;
  const MakeNode make_;
  base::Jitter jitter_;
  RefreshPace pace_{jitter_, kAnyway};
  std::shared_ptr<bool> called_;  // by a sentinel: something has changed
  std::vector<std::pair<Endpoint, std::shared_ptr<Node>>> sentinels_;
  State state_ = State::kIdle;
  std::shared_ptr<Round> round_;
  Shard candidate_;
  bool role_is_asked_ = false;
  TimePoint until_{};
};

}  // namespace envoyou::redis
