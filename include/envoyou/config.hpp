// Everything that can be set, in one value. From the environment, a .env file (which never overrides the real
// environment), JSON, or built in code. The library reads the environment only in `from_env`.
//
// Every problem is reported at once, with the name of the field and, unless it is a secret, the value.
// Text made from a Config (`describe`) never holds a password or a secret.
//
// A value; thread-compatible.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>
#include <envoyou/session.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou {

struct Config {
  std::optional<redis::ClientOptions> redis;  // none: all in process
  SwitchOptions fallback;
  Milliseconds wait_for_first_answer{100};
  Milliseconds request_budget = kDefaultRequestBudget;
  RateLimiterOptions limiter;
  SessionOptions sessions;
  ResponseCacheOptions responses;
  CacheOptions cache;
  SecretRing secrets;  // handed to every module that has none of its own

  // REDIS_URL, REDIS_CA_FILE, REDIS_CACHE_PREFIX, REDIS_RATE_LIMIT_PREFIX (or RATE_LIMIT_REDIS_PREFIX),
  // REDIS_SESSION_PREFIX (or SESSION_REDIS_PREFIX), REDIS_CACHE_TTL, USE_REDIS_SESSIONS, ENVOYOU_SECRET or
  // ENVOYOU_SECRET_FILE (several, one a line or separated by commas: the first is used for new values),
  // SESSION_IDLE_SECONDS, SESSION_ABSOLUTE_SECONDS, SESSION_DATABASE, SESSION_LAST_KNOWN_SECONDS. `env_file`: a .env to
  // read besides; empty: none.
  static Result<Config> from_env(std::string_view env_file = {});
  // The same from any source of variables: for tests and hosts with an environment of their own. A variable that is
  // empty counts as unset.
  using Lookup = std::function<std::optional<std::string>(std::string_view name)>;
  static Result<Config> from_lookup(const Lookup& lookup, std::string_view env_file = {});
  // {"redis_url": …, "redis_ca_file": …, "redis_cache_prefix": …, …}: the names above in lower case. Several secrets
  // are an array. Unknown members are problems, too.
  static Result<Config> from_json(std::string_view json);

  // What from_env reads, for a host that has settings of its own in the same places: the environment, and below it the
  // .env file.
  static Result<Lookup> environment(std::string_view env_file = {});
  // `lookup`, and below it the .env file; one that does not exist is as an empty one. Errors: kInvalidArgument with
  // every bad line or because it cannot be read, kTooLarge.
  static Result<Lookup> with_env_file(Lookup lookup, std::string_view env_file);

  // Every problem in one error.
  Result<void> validate() const;
  // One line a setting, secrets as their number, for a log at start.
  std::string describe() const;
};

}  // namespace envoyou
