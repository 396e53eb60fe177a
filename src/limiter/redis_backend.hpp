// The limiter in Redis: each verb is one script and one round trip, and the server's clock decides. Formats: docs/limiter.md.
//
// Keys:   <prefix>:{<key part>}:w<window ms>        a log
//         <prefix>:{<key part>}:m<token>            the marker of a merge
//         <prefix>:epoch                            the name of the data set
//
// Every reply echoes the random tag of its call, so that another's answer is noticed (kForeignReply) and never used.
//
// Does not: fall back, mirror or retry; errors are the client's. Blocks up to the deadline. Thread-safe.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/owed.hpp"
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
  SecretRing secrets;
  // Keys live at least so long. For replays in virtual time, where the server's clock would expire what lives there.
  Milliseconds least_ttl{0};
};

struct Merged {
  std::int64_t entered = 0;    // entries that still counted
  std::int64_t as_of_now = 0;  // of those, how many could not be entered at their own time
};

class RedisBackend final : public Backend {
 public:
  RedisBackend(RedisBackendOptions options, std::shared_ptr<redis::Client> client, Tokens& tokens);

  Result<Answer> take(const Request& request, Deadline deadline) override;
  Result<Answer> peek(const Request& request, Deadline deadline) override;
  Result<void> reset(const Request& request, Deadline deadline) override;

  struct TakeAfter {
    std::vector<Result<Merged>> merged;  // one for each merge
    Result<Answer> answer;
  };
  // Merges, and then takes or asks, in one trip: the answer knows of what was merged. `local_now` is the present on the clock of
  // the merges' times.
  TakeAfter ask_after(std::span<const Merge> merges, Ms local_now, const Request& request, bool take, Deadline deadline);

  // All in one trip. `server_now` is for replays.
  std::vector<Result<Merged>> merge(std::span<const Merge> merges, Ms local_now, Deadline deadline,
                                    std::optional<Ms> server_now = std::nullopt);

  // The name of the data set, made now if there was none.
  Result<std::string> epoch(Deadline deadline);

  // The part of all keys of `key` before the suffix, hash tag included.
  std::string stem(std::string_view key) const;

 private:
  struct TaggedIntegers;
  using AskCommand = redis::Command<TaggedIntegers>;

  static Result<TaggedIntegers> decode(const redis::ReplyView& reply, std::uint64_t tag);
  static Result<Answer> to_answer(const Request& request, const Result<TaggedIntegers>& reply);
  static Result<Merged> to_merged(const Result<TaggedIntegers>& reply);
  AskCommand ask_command(const Request& request, bool take);
  AskCommand merge_command(const Merge& merge, Ms local_now, std::optional<Ms> server_now);

  const RedisBackendOptions options_;
  const std::shared_ptr<redis::Client> client_;
  Tokens& tokens_;
};

}  // namespace envoyou::limiter
