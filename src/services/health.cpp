#include <envoyou/services.hpp>
#include <envoyou/version.hpp>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace envoyou {
namespace {

using base::Json;

std::string_view to_text(RedisHealth health) {
  switch (health) {
    case RedisHealth::kHealthy: return "healthy";
    case RedisHealth::kUnavailable: return "unavailable";
    case RedisHealth::kError: return "error";
  }
  return "error";
}

std::string_view to_text(Source source) { return source == Source::kRedis ? "redis" : "memory"; }

Json rounded(double value) { return Json::number(std::round(value * 1000.0) / 1000.0); }

Json redis_part(const Health& health) {
  Json redis = Json::object();
  redis.set("status", Json::string(to_text(health.redis)));
  redis.set("message", Json::string(health.redis_message));
  redis.set("available", Json::boolean(health.redis == RedisHealth::kHealthy));
  redis.set("latency_ms", health.latency_ms ? rounded(*health.latency_ms) : Json());
  if (health.used_memory_bytes) {
    redis.set("used_memory_bytes", Json::integer(static_cast<std::int64_t>(*health.used_memory_bytes)));
  }
  if (health.evicted_keys) {
    redis.set("evicted_keys", Json::integer(static_cast<std::int64_t>(*health.evicted_keys)));
  }
  if (health.hit_ratio) redis.set("hit_ratio", rounded(*health.hit_ratio));
  return redis;
}

Json services_part(const Health& health) {
  Json services = Json::object();
  services.set("rate_limiting", Json::string(to_text(health.rate_limiting)));
  services.set("session_storage", Json::string(to_string(health.session_storage)));
  services.set("response_cache", Json::string(to_text(health.response_cache)));
  return services;
}

}  // namespace

std::string Health::to_json() const {
  Json system = Json::object();
  system.set("redis", redis_part(*this));
  Json data = Json::object();
  data.set("status", Json::string(healthy ? "healthy" : "degraded"));
  data.set("timestamp", Json::string(to_rfc3339(timestamp)));
  data.set("version", Json::string(version));
  data.set("system", std::move(system));
  data.set("services", services_part(*this));
  Json document = Json::object();
  document.set("status", Json::string("success"));
  document.set("data", std::move(data));
  return document.dump();
}

}  // namespace envoyou
