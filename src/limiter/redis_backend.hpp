// The limiter in Redis: each verb is one script and one round trip, and the server's clock decides. Formats:
// docs/limiter.md.
//
// Keys:   <prefix>:{<key part>}:<letter><window ms>   a meter; the letter is the algorithm's: w, p, s, g, f, l
//         <prefix>:{<key part>}:l<window ms>c         the costs of leases
//         <prefix>:{<key part>}:m<token>              the marker of a merge
//         <prefix>:{<key part>}:i<key part of an id>  a request that was admitted
//         <prefix>:{<key part>}:b                     the key is blocked
//         <prefix>:epoch                              the name of the data set
//
// Every reply echoes the random tag of its call, so that another's answer is noticed (kForeignReply) and never used. A
// call that Redis comes to only after its deadline changes nothing there (kNotSent): who asked has been answered by
// somebody else.
//
// Does not: fall back, mirror or retry; errors are the client's. Blocks up to the deadline. Thread-safe.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/owed.hpp"
#include "limiter/server_clock.hpp"
#include "limiter/tokens.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/secret.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace envoyou::limiter {

struct RedisBackendOptions {
  std::string prefix = "envoyou:ratelimit";
  SecretRing secrets = {};
  // Keys live at least so long. For replays in virtual time, where the server's clock would expire what lives there.
  Milliseconds least_ttl{0};
};

struct Merged {
  std::int64_t entered = 0;    // entries that still counted
  std::int64_t as_of_now = 0;  // of those, how many could not be entered at their own time
};

class RedisBackend final : public Backend {
 public:
  // REQUIRES: tokens outlives this.
  RedisBackend(RedisBackendOptions options, std::shared_ptr<redis::Client> client, Tokens& tokens);

  Result<Answer> ask(const Request& request, Ask what, Deadline deadline) override;
  Result<void> reset(const Request& request, Deadline deadline) override;
  Result<void> block(const Request& request, Milliseconds duration, Deadline deadline) override;

  // Each by itself, in their order; in one trip a node. An answer for each.
  std::vector<Result<Answer>> take_batch(std::span<const Request> requests, Deadline deadline);
  // In one script: REQUIRES a single server. `all_or_nothing`: nothing is taken unless all answers are allowed; each
  // tells how it stands by itself.
  Result<std::vector<Answer>> take_together(std::span<const Request> requests, bool all_or_nothing, Deadline deadline);

  struct TakeAfter {
    std::vector<Result<Merged>> merged;  // one for each merge
    Result<Answer> answer;
  };
  // Merges of the request's key, and then takes or asks, in one trip: the answer knows of what was merged. The times of
  // the merges are on this process' clock.
  TakeAfter ask_after(std::span<const Merge> merges, const Request& request, Ask ask, Deadline deadline);

  // All in one trip. `virtual_now` is the time of the merges and of the server, for replays.
  std::vector<Result<Merged>> merge(std::span<const Merge> merges, Deadline deadline,
                                    std::optional<Ms> virtual_now = std::nullopt);

  // Keys are spread over servers that can be away one by one.
  bool has_many_nodes() const noexcept;

  // The name of the data set, made now if there was none; it is there for `lifetime` at least.
  Result<std::string> epoch(Ms lifetime, Deadline deadline);

  // What makes a time of this process one of the server that has the key; nothing before its first answer.
  std::optional<Ms> phase_of(std::string_view key);

  // The part of all keys of `key` before the suffix, hash tag included.
  std::string stem(std::string_view key) const;

 private:
  struct Integers;
  using Command = redis::Command<Integers>;
  // One trip for one key: when it began, and when it must have been executed.
  struct Trip {
    std::shared_ptr<ServerClock> clock;  // of the node that has the key, by the client's map
    Ms begun = 0;
    std::optional<Ms> not_after;  // on the server's clock
    Deadline deadline;
  };

  static Result<Integers> decode(const redis::ReplyView& reply, std::uint64_t tag);
  static Result<Answer> to_answer(const Request& request, const Result<Integers>& reply);
  static Result<Merged> to_merged(const Result<Integers>& reply);

  Ms now() const;
  Trip begin(std::string_view key, Deadline deadline);
  // What the reply says of the server's clock, and whether the call came in time.
  void learn(const Trip& trip, Result<Integers>& reply);
  Result<Integers> run(const Trip& trip, Command command);

  static Result<std::vector<Answer>> to_answers(std::span<const Request> requests, const Result<Integers>& reply);
  static Answer read_answer(const Request& request, const std::int64_t*& next);

  void add_keys(redis::Words& words, const Request& request, std::uint8_t flags) const;
  std::string id_name(std::string_view id) const;
  std::string node_with(std::string_view key) const;
  void begin_merge(redis::Words& words, const Merge& merge, std::uint64_t tag, std::optional<Ms> virtual_now,
                   const Trip& trip) const;
  Command merge_leases_command(const Merge& merge, std::optional<Ms> virtual_now, const Trip& trip);
  Command ask_command(std::span<const Request> requests, Ask ask, bool joined, const Trip& trip);
  Command merge_command(const Merge& merge, std::optional<Ms> virtual_now, const Trip& trip);

  const RedisBackendOptions options_;
  const std::shared_ptr<redis::Client> client_;
  Tokens& tokens_;
  ServerClocks server_clocks_;
};

}  // namespace envoyou::limiter
