// Do I already have the answer? Two faces over one engine:
//
//   ResponseCache   HTTP responses; method, host, path, sorted query, chosen headers and principal make the key
//   Cache           bytes and JSON by a key of the caller's
//
// A stored value restates its key and carries a checksum: a value that does not is a miss, never an answer. A
// credentialed request is never answered from another principal's entry.
//
// In process the cache answers only while Redis is away, from what was stored in that time; invalidations and the
// general cache's writes of that time are carried over when Redis is back, before anything older is served.
//
// Does not: fail a request. A cache that can not be asked is a miss; one that can not be written to writes nothing,
// counts it, and goes on. Errors are only for bad input.
//
// Thread-safe. Responses are written to Redis off the caller's path; the general cache waits, within the deadline, for
// Redis' acknowledgement. Objects may be destroyed while Redis is silent; callers must have left.
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/http.hpp>
#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>
#include <envoyou/source.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou {

inline constexpr std::size_t kMaxCacheKeyBytes = 1024;
inline constexpr Milliseconds kMaxCacheTtl = std::chrono::hours(24 * 30);

struct CacheOptions {
  std::string prefix = "envoyou:cache";
  SecretRing secrets = {};
  Milliseconds default_ttl{std::chrono::seconds(3600)};
  std::size_t max_local_bytes = 64u << 20;
  std::size_t max_value_bytes = 8u << 20;  // larger ones are refused (Cache) or not stored (ResponseCache)
  std::size_t compress_from_bytes = 1024;  // zstd in Redis from this size on
  // What is carried over when Redis is back. Beyond it the oldest writes are dropped and their keys are invalidated.
  std::size_t max_pending_bytes = 64u << 20;
  std::size_t max_pending = 10'000;
  Milliseconds read_share{50};  // the most that one read waits for Redis
};

struct CacheCall {
  std::optional<Deadline> deadline;  // the request's; default kDefaultRequestBudget from now
};

// ---- responses ----

// How the responses of an endpoint are cached. The first rule whose pattern matches counts; without a rule nothing is
// cached unless `ResponseCacheOptions::default_rule` says otherwise.
struct EndpointRule {
  std::string pattern = {};                    // "/api/things/*/*": '*' is one segment, a trailing "/**" any rest
  Milliseconds ttl{0};                         // 0: not cached
  std::vector<std::string> vary_headers = {};  // request headers that make entries of their own
  // The answer is the same for everybody: credentials do not keep it from being cached and do not vary it.
  bool is_public = false;
};

struct ResponseCacheOptions {
  CacheOptions cache = {};
  std::vector<EndpointRule> rules = {};
  std::optional<EndpointRule> default_rule = {};
};

enum class CacheOutcome : std::uint8_t {
  kHit,
  kMiss,    // may be stored once there is a response
  kBypass,  // neither looked up nor stored: method, credentials, no rule
};

// What a look-up found. Converts to true on a hit, then `*` is the response.
class [[nodiscard]] CacheLookup {
 public:
  explicit operator bool() const noexcept { return outcome == CacheOutcome::kHit; }
  const HttpResponse& operator*() const { return response; }
  const HttpResponse* operator->() const { return &response; }

  CacheOutcome outcome = CacheOutcome::kBypass;
  HttpResponse response;     // on a hit
  Milliseconds age{0};       // on a hit
  Milliseconds ttl_left{0};  // on a hit
  Source source = Source::kLocal;
  std::string_view reason;  // why bypassed or missed: "no-rule", "credentials", "method", "uri-miss", …
  bool stored = false;      // set it to what `set` said, before asking for the Cache-Status; `fetch` does
  bool collapsed = false;   // `fetch` only: answered by the work of another request
  // The Cache-Status header's value (RFC 9211) for a cache of this name.
  std::string cache_status(std::string_view cache_name = "envoyou") const;
  // What was valid when the look-up was made: a response generated from it is not stored if something was invalidated
  // meanwhile.
  std::shared_ptr<const struct CacheBirth> birth;
};

struct StoreOptions {
  std::optional<Milliseconds> ttl;  // instead of the rule's
};

class ResponseCache {
 public:
  static Result<std::unique_ptr<ResponseCache>> open(const ResponseCacheOptions& options, const Backing& backing);
  ~ResponseCache();

  CacheLookup get(const HttpRequest& request, CacheCall call = {});

  // Stores if request and response may be (GET; 200, 203, 204, 301, 404, 410; no Set-Cookie, no private, no-cache or
  // no-store, no Vary that is not in the key). False: it was not stored, which is not an error. The first form stores
  // what a look-up's birth stamp allows and never waits; the second asks for the stamp first, like `get`, so that an
  // invalidation while the response was made may be missed.
  bool set(const HttpRequest& request, const HttpResponse& response, const CacheLookup& miss,
           StoreOptions options = {});
  bool set(const HttpRequest& request, const HttpResponse& response, StoreOptions options = {});

  // get, else run `handler` once for all that ask at the same time in this process (never shared between principals),
  // store, answer. Callers that wait do so until their deadline at most, then run the handler themselves.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  struct Fetched {
    HttpResponse response;
    CacheLookup lookup;
    bool coalesced = false;
  };
  Fetched fetch(const HttpRequest& request, const Handler& handler, CacheCall call = {});

  // The entry of this very request; every entry of an endpoint (a rule's pattern); what a successful unsafe request
  // (POST, PUT, PATCH, DELETE) to this URI made stale.
  Result<void> invalidate(const HttpRequest& request, CacheCall call = {});
  Result<void> invalidate_endpoint(std::string_view pattern, CacheCall call = {});
  Result<void> on_unsafe_request(const HttpRequest& request, int response_status, CacheCall call = {});

  Source source() const noexcept;  // who would answer now

 private:
  struct Impl;
  explicit ResponseCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// ---- anything ----

struct CacheValue {
  std::string bytes;
  Source source = Source::kLocal;
};

class Cache {
 public:
  static Result<std::unique_ptr<Cache>> open(const CacheOptions& options, const Backing& backing);
  ~Cache();

  // Errors of all: kInvalidArgument (key, ttl), kTooLarge, kForked, kWouldDeadlock; of `set` and `remove` also
  // kQueueFull, where more was changed in an outage than may be carried over. `ttl` 0 or absent: default_ttl; never
  // "for ever".
  Result<std::optional<CacheValue>> get(std::string_view key, CacheCall call = {});
  // Where the value went. In an outage it is kept here and carried over.
  Result<Source> set(std::string_view key, std::string_view bytes, std::optional<Milliseconds> ttl = {},
                     CacheCall call = {});
  Result<Source> remove(std::string_view key, CacheCall call = {});

  // get, else compute once for all that ask at the same time in this process, store, answer. The loader's error passes
  // through.
  using Loader = std::function<Result<std::string>()>;
  Result<CacheValue> get_or_compute(std::string_view key, const Loader& loader, std::optional<Milliseconds> ttl = {},
                                    CacheCall call = {});

  // The same for JSON texts: `set_json` refuses what is not JSON, naming where.
  Result<Source> set_json(std::string_view key, std::string_view json, std::optional<Milliseconds> ttl = {},
                          CacheCall call = {});

  Source source() const noexcept;  // who would answer now

 private:
  struct Impl;
  explicit Cache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
