// Config::describe: what a host logs at start. Only what is listed here is shown, so that a setting added later is not
// shown by accident.
#include <envoyou/config.hpp>

#include <string>
#include <string_view>

namespace envoyou {
namespace {

class Lines {
 public:
  Lines& add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '\n';
    text_ += name;
    text_ += ": ";
    text_ += value;
    return *this;
  }
  Lines& add(std::string_view name, Milliseconds value) { return add(name, std::to_string(value.count()) + " ms"); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string describe_secrets(const SecretRing& secrets) {
  if (secrets.empty()) return "none";
  return std::to_string(secrets.size()) + (secrets.size() == 1 ? " secret" : " secrets");
}

std::string_view describe_trust(const redis::TlsOptions& tls) {
  if (!tls.enabled) return "off";
  if (tls.insecure_skip_verification) return "on, certificates are not verified";
  return "on, certificates are verified";
}

}  // namespace

std::string Config::describe() const {
  Lines lines;
  lines.add("redis", redis ? redis::describe(*redis) : "not configured");
  if (redis) {
    lines.add("redis.tls", describe_trust(redis->tls));
    if (!redis->tls.ca_file.empty()) lines.add("redis.ca_file", redis->tls.ca_file);
    lines.add("redis.connections", std::to_string(redis->connections));
  }
  lines.add("request_budget", request_budget)
      .add("limiter.prefix", limiter.prefix)
      .add("limiter.decision_share", limiter.decision_share)
      .add("sessions.prefix", sessions.prefix)
      .add("sessions.use_redis", sessions.use_redis ? "true" : "false")
      .add("sessions.database", sessions.database_file.empty() ? "none, memory only" : sessions.database_file)
      .add("sessions.idle_timeout", sessions.idle_timeout)
      .add("sessions.absolute_timeout", sessions.absolute_timeout)
      .add("sessions.last_known_for", sessions.last_known_for)
      .add("cache.prefix", cache.prefix)
      .add("cache.default_ttl", cache.default_ttl)
      .add("secrets", describe_secrets(secrets));
  return lines.take();
}

}  // namespace envoyou
