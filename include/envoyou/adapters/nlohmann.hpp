// nlohmann::json for those who use it already. Opt-in and header-only; the library itself keeps JSON as text, so that
// nobody else pays for this header.
//
//   nlohmann::json body = *session;                            // by the to_json functions below
//   auto value = envoyou::get_json(services.cache(), "k");     // Result<std::optional<nlohmann::json>>
//   envoyou::set_json(services.cache(), "k", {{"a", 1}});
//
// Does not throw on bad texts: where parsing can fail, the answer is a Result. Instants become RFC 3339 texts,
// durations whole milliseconds. A session's id is a credential and is never in its JSON.
//
// Thread rule: as of the values that are converted.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/result.hpp>
#include <envoyou/services.hpp>
#include <envoyou/session.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou {

// `field` names the text in the error. Errors: kInvalidArgument.
inline Result<nlohmann::json> parse_json(std::string_view field, std::string_view text) {
  auto parsed = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (parsed.is_discarded()) return invalid_argument(field, "not valid JSON");
  return parsed;
}

inline Result<std::optional<nlohmann::json>> get_json(Cache& cache, std::string_view key, CacheCall call = {}) {
  const auto found = cache.get(key, call);
  if (!found) return found.error();
  if (!found->has_value()) return std::optional<nlohmann::json>();
  auto parsed = parse_json(key, (*found)->bytes);
  if (!parsed) return parsed.error();
  return std::optional<nlohmann::json>(*std::move(parsed));
}

// Errors: as Cache::set. Bytes in `value` that are not UTF-8 are stored as U+FFFD.
inline Result<Source> set_json(Cache& cache, std::string_view key, const nlohmann::json& value,
                               std::optional<Milliseconds> ttl = {}, CacheCall call = {}) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return cache.set_json(key, text, ttl, call);
}

namespace detail_json {
// What the library stored is JSON; what it did not store is shown as null rather than as a lie.
inline nlohmann::json stored(std::string_view text) {
  auto parsed = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  return parsed.is_discarded() ? nlohmann::json() : parsed;
}
}  // namespace detail_json

inline void to_json(nlohmann::json& to, const Session& session) {
  to = {{"user_id", session.user_id},
        {"user_data", detail_json::stored(session.user_data)},
        {"device_info", detail_json::stored(session.device_info)},
        {"ip_address", session.ip_address},
        {"created_at", to_rfc3339(session.created_at)},
        {"last_active", to_rfc3339(session.last_active)},
        {"expires_at", to_rfc3339(session.expires_at)},
        {"version", session.version}};
}

inline void to_json(nlohmann::json& to, const SessionSummary& summary) {
  to = {{"handle", summary.handle},
        {"device_info", detail_json::stored(summary.device_info)},
        {"ip_address", summary.ip_address},
        {"created_at", to_rfc3339(summary.created_at)},
        {"last_active", to_rfc3339(summary.last_active)}};
}

inline void to_json(nlohmann::json& to, const Decision& decision) {
  to = {{"allowed", decision.allowed},
        {"limit", decision.limit},
        {"remaining", decision.remaining},
        {"retry_after_ms", nullptr},
        {"reset_after_ms", decision.reset_after.count()},
        {"source", to_string(decision.source)}};
  if (decision.retry_after) to["retry_after_ms"] = decision.retry_after->count();
}

inline void to_json(nlohmann::json& to, const Health& health) { to = detail_json::stored(health.to_json()); }

}  // namespace envoyou
