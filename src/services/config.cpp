#include <envoyou/config.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/name.hpp"
#include "base/problems.hpp"
#include "services/env_file.hpp"
#include "services/setting_reader.hpp"

namespace envoyou {
namespace {

using services::NameStyle;
using services::SettingReader;

constexpr std::size_t kMaxSecretFileBytes = 64u << 10;
constexpr std::size_t kMaxJsonBytes = 256u << 10;
constexpr Milliseconds kMaxSessionTime = std::chrono::hours(24 * 366);

constexpr std::array<std::string_view, 15> kNames = {"REDIS_URL",
                                                     "REDIS_CA_FILE",
                                                     "REDIS_CACHE_PREFIX",
                                                     "REDIS_RATE_LIMIT_PREFIX",
                                                     "RATE_LIMIT_REDIS_PREFIX",
                                                     "REDIS_SESSION_PREFIX",
                                                     "SESSION_REDIS_PREFIX",
                                                     "REDIS_CACHE_TTL",
                                                     "USE_REDIS_SESSIONS",
                                                     "ENVOYOU_SECRET",
                                                     "ENVOYOU_SECRET_FILE",
                                                     "SESSION_IDLE_SECONDS",
                                                     "SESSION_ABSOLUTE_SECONDS",
                                                     "SESSION_DATABASE",
                                                     "SESSION_LAST_KNOWN_SECONDS"};

void read_redis(SettingReader& reader, Config& config) {
  if (const auto url = reader.find("REDIS_URL")) {
    auto options = redis::parse_url(url->value);
    // The parser's message is safe to show; the URL itself may hold a password.
    if (!options) reader.problem("REDIS_URL", options.error().message());
    if (options) config.redis = *std::move(options);
  }
  const auto ca_file = reader.find("REDIS_CA_FILE");
  if (!ca_file) return;
  if (!std::ifstream(ca_file->value)) reader.problem("REDIS_CA_FILE", "cannot be read", ca_file->value);
  if (config.redis && config.redis->tls.enabled) config.redis->tls.ca_file = ca_file->value;
  if (config.redis && config.redis->sentinel.tls.enabled) config.redis->sentinel.tls.ca_file = ca_file->value;
}

void read_cache(SettingReader& reader, Config& config) {
  reader.prefix({"REDIS_CACHE_PREFIX"}, config.cache.prefix);
  reader.seconds("REDIS_CACHE_TTL", 1, kMaxCacheTtl, config.cache.default_ttl);
  config.responses.cache.prefix = config.cache.prefix;
  config.responses.cache.default_ttl = config.cache.default_ttl;
}

void read_sessions(SettingReader& reader, Config& config) {
  reader.prefix({"REDIS_SESSION_PREFIX", "SESSION_REDIS_PREFIX"}, config.sessions.prefix);
  reader.seconds("SESSION_IDLE_SECONDS", 1, kMaxSessionTime, config.sessions.idle_timeout);
  reader.seconds("SESSION_ABSOLUTE_SECONDS", 1, kMaxSessionTime, config.sessions.absolute_timeout);
  reader.seconds("SESSION_LAST_KNOWN_SECONDS", 0, kMaxSessionTime, config.sessions.last_known_for);
  if (const auto file = reader.find("SESSION_DATABASE")) {
    if (file->value.find('\0') != std::string::npos) reader.problem("SESSION_DATABASE", "holds a NUL byte");
    config.sessions.database_file = file->value;
  }
  config.sessions.use_redis = reader.flag("USE_REDIS_SESSIONS").value_or(config.redis.has_value());
}

// One a line or separated by commas, blanks around them dropped.
std::vector<std::string> split_secrets(std::string_view text) {
  std::vector<std::string> secrets;
  while (!text.empty()) {
    const auto end = text.find_first_of(",\n");
    auto secret = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto first = secret.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    secrets.emplace_back(secret.substr(first, secret.find_last_not_of(" \t\r") - first + 1));
  }
  return secrets;
}

void read_secrets(SettingReader& reader, Config& config) {
  const auto direct = reader.find("ENVOYOU_SECRET");
  const auto file = reader.find("ENVOYOU_SECRET_FILE");
  if (direct && file) return reader.problem("ENVOYOU_SECRET", "set this or ENVOYOU_SECRET_FILE, not both");
  if (!direct && !file) return;
  const std::string_view name = direct ? direct->name : file->name;
  std::string text;
  if (direct) {
    text = direct->value;
  } else {
    auto content = services::read_whole_file(file->value, kMaxSecretFileBytes);
    if (!content) return reader.problem(name, content.error().message());
    text = *std::move(content);
  }
  auto secrets = split_secrets(text);
  if (secrets.empty()) return reader.problem(name, "holds no secret");
  auto ring = SecretRing::from(std::move(secrets));
  if (!ring) return reader.problem(name, ring.error().message());
  config.secrets = *std::move(ring);
}

Result<Config> read_config(const Config::Lookup& lookup, NameStyle style) {
  SettingReader reader(lookup, style);
  Config config;
  read_redis(reader, config);
  read_cache(reader, config);
  reader.prefix({"REDIS_RATE_LIMIT_PREFIX", "RATE_LIMIT_REDIS_PREFIX"}, config.limiter.prefix);
  read_sessions(reader, config);
  read_secrets(reader, config);
  if (auto checked = reader.result(); !checked) return checked.error();
  if (auto checked = config.validate(); !checked) return checked.error();
  return config;
}

// A JSON member as the text that the environment would hold; nullopt if it can not be a setting.
std::optional<std::string> setting_text(const base::Json& value) {
  if (value.is_null()) return std::string();
  if (auto text = value.as_string()) return text;
  if (const auto flag = value.as_boolean()) return std::string(*flag ? "true" : "false");
  if (const auto number = value.as_integer()) return std::to_string(*number);
  if (!value.is_array()) return std::nullopt;
  std::string lines;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto line = value.element(i).as_string();
    if (!line) return std::nullopt;
    lines += *line + '\n';
  }
  return lines;
}

std::string in_capitals(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

bool is_setting(std::string_view member, std::string_view name) {
  // REDIS_URL as a member is unknown: one spelling for each.
  if (name == member) return false;
  for (const auto known : kNames) {
    if (known == name) return true;
  }
  return false;
}

std::optional<std::string> from_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace

Result<Config::Lookup> Config::with_env_file(Lookup lookup, std::string_view env_file) {
  // A .env is a convenience: one that is not there says nothing. One that is there and cannot be read is a problem.
  std::error_code unknown;
  if (env_file.empty() || !std::filesystem::exists(std::filesystem::path(env_file), unknown)) return lookup;
  auto text = services::read_whole_file(env_file, services::kMaxEnvFileBytes);
  if (!text) return Error(text.error().code(), "env_file: " + std::string(text.error().message()));
  auto parsed = services::parse_env_file(env_file, *text);
  if (!parsed) return parsed.error();
  auto variables = std::make_shared<const services::Variables>(*std::move(parsed));
  return Lookup([lookup = std::move(lookup), variables](std::string_view name) -> std::optional<std::string> {
    if (auto value = lookup(name)) return value;
    const auto found = variables->find(name);
    if (found == variables->end()) return std::nullopt;
    return found->second;
  });
}

Result<Config::Lookup> Config::environment(std::string_view env_file) {
  return with_env_file(from_environment, env_file);
}

Result<Config> Config::from_env(std::string_view env_file) { return from_lookup(from_environment, env_file); }

Result<Config> Config::from_lookup(const Lookup& lookup, std::string_view env_file) {
  auto whole = with_env_file(lookup, env_file);
  if (!whole) return whole.error();
  return read_config(*whole, NameStyle::kCapitals);
}

Result<Config> Config::from_json(std::string_view json) {
  auto document = base::Json::parse("config", json, kMaxJsonBytes);
  if (!document) return document.error();
  if (!document->is_object()) return invalid_argument("config", "must be a JSON object");
  std::map<std::string, std::string, std::less<>> settings;
  base::Problems problems;
  document->for_each_member([&](std::string_view member, const base::Json& value) {
    const auto name = in_capitals(member);
    if (!is_setting(member, name)) return problems.add(base::printable(member), "no such setting");
    auto text = setting_text(value);
    if (!text || (value.is_array() && name != "ENVOYOU_SECRET")) {
      return problems.add(member, "must be a string, a whole number, true or false");
    }
    settings.emplace(name, *std::move(text));
  });
  auto config = read_config(
      [&settings](std::string_view name) -> std::optional<std::string> {
        const auto found = settings.find(name);
        if (found == settings.end()) return std::nullopt;
        return found->second;
      },
      NameStyle::kLowerCase);
  if (!config) problems.add(config.error());
  if (auto checked = problems.result(); !checked) return checked.error();
  return config;
}

Result<void> Config::validate() const {
  base::Problems problems;
  if (redis) problems.add(redis::validate(*redis));
  problems.add(base::validate_prefix("limiter.prefix", limiter.prefix));
  problems.add(base::validate_prefix("sessions.prefix", sessions.prefix));
  problems.add(base::validate_prefix("cache.prefix", cache.prefix));
  problems.add(base::validate_prefix("responses.cache.prefix", responses.cache.prefix));
  const bool overlap = limiter.prefix == sessions.prefix || limiter.prefix == cache.prefix ||
                       sessions.prefix == cache.prefix || limiter.prefix == responses.cache.prefix ||
                       sessions.prefix == responses.cache.prefix;
  problems.require(!overlap, "prefixes", "those of rate limits, sessions and caches must differ");
  const auto whole = [&](const char* field, Milliseconds value, Milliseconds least, Milliseconds most) {
    problems.require(value >= least && value <= most, field,
                     "must be from " + std::to_string(least.count()) + " to " + std::to_string(most.count()) +
                         " ms, got " + std::to_string(value.count()));
  };
  constexpr Milliseconds kLeast{1};
  constexpr Milliseconds kMinute = std::chrono::minutes(1);
  whole("request_budget", request_budget, kLeast, kMinute);
  whole("wait_for_first_answer", wait_for_first_answer, Milliseconds(0), kMinute);
  whole("limiter.decision_share", limiter.decision_share, kLeast, kMinute);
  whole("sessions.idle_timeout", sessions.idle_timeout, kLeast, kMaxSessionTime);
  whole("sessions.absolute_timeout", sessions.absolute_timeout, kLeast, kMaxSessionTime);
  whole("sessions.last_known_for", sessions.last_known_for, Milliseconds(0), kMaxSessionTime);
  whole("cache.default_ttl", cache.default_ttl, kLeast, kMaxCacheTtl);
  whole("responses.cache.default_ttl", responses.cache.default_ttl, kLeast, kMaxCacheTtl);
  return problems.result();
}

}  // namespace envoyou
