#include "services/redis_probe.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace envoyou::services {
namespace {

std::optional<std::uint64_t> read_count(std::string_view text) {
  const auto number = base::parse_int64(text);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

redis::Command<std::string> info(std::string_view section) {
  return {redis::Words("INFO", section), redis::decode_string, redis::Repeat::kIsSafe};
}

const redis::Script& time_script() {
  static const redis::Script script("return redis.call('TIME')[1]");
  return script;
}

redis::Command<std::string> run_time_script() {
  return time_script().command<std::string>(time_script().words(0), redis::decode_string, redis::Repeat::kIsSafe, 0);
}

// What an ACL says of a command that a script calls is, with Redis before 7, an error of no code of its own.
bool is_forbidden(const Error& error) {
  return error.code() == Errc::kPermission ||
         (error.code() == Errc::kServerError && error.message().find("script") != std::string_view::npos) ||
         error.message().find("unknown command") != std::string_view::npos;
}

// INFO is a courtesy: hosted servers and ACLs often refuse it.
ServerFigures ask_figures(redis::Client& client, Deadline deadline, std::string& forbidden) {
  redis::Pipeline pipeline;
  auto needed = pipeline.add(run_time_script());
  auto memory = pipeline.add(info("memory"));
  auto stats = pipeline.add(info("stats"));
  if (!client.run(pipeline, {deadline})) return {};
  const auto& works = redis::Pipeline::take(needed);
  if (!works && is_forbidden(works.error())) forbidden = works.error().message();
  const auto& memory_text = redis::Pipeline::take(memory);
  const auto& stats_text = redis::Pipeline::take(stats);
  std::string text;
  if (memory_text) text += *memory_text;
  text += '\n';
  if (stats_text) text += *stats_text;
  return read_info(text);
}

}  // namespace

ServerFigures read_info(std::string_view text) {
  ServerFigures figures;
  std::optional<std::uint64_t> hits;
  std::optional<std::uint64_t> misses;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    const auto value = line.substr(colon + 1);
    if (name == "used_memory") figures.used_memory_bytes = read_count(value);
    if (name == "evicted_keys") figures.evicted_keys = read_count(value);
    if (name == "keyspace_hits") hits = read_count(value);
    if (name == "keyspace_misses") misses = read_count(value);
  }
  if (hits && misses && *hits + *misses > 0) {
    figures.hit_ratio = static_cast<double>(*hits) / static_cast<double>(*hits + *misses);
  }
  return figures;
}

RedisHealth health_of(Errc code) {
  switch (code) {
    case Errc::kAuthentication:
    case Errc::kPermission:
    case Errc::kTls:
    case Errc::kProtocol:
    case Errc::kForeignReply:
    case Errc::kServerError:
    case Errc::kWrongType:
    case Errc::kLoading:
    case Errc::kReadOnly:
    case Errc::kServerMemory:
    case Errc::kMisconfigured:
    case Errc::kRedirect:
    case Errc::kCrossSlot: return RedisHealth::kError;
    default: return RedisHealth::kUnavailable;
  }
}

ProbeResult probe(redis::Client& client, Deadline deadline) {
  const Clock& clock = *client.runtime().clock;
  const auto begin = clock.now();
  const redis::Command<std::string> ping(redis::Words("PING"), redis::decode_string, redis::Repeat::kIsSafe);
  const auto answer = client.run(ping, {deadline});
  ProbeResult result;
  // A user who may not ask was answered all the same.
  const bool is_answered = answer.has_value() || answer.error().code() == Errc::kPermission;
  if (!is_answered) {
    // Without a link every command is kUnavailable; what the last attempt met with says more.
    result.health = health_of(client.away_because().value_or(answer.error().code()));
    result.message = answer.error().message();
    result.gave_up = answer.error().code() == Errc::kNotSent || answer.error().code() == Errc::kTimeout;
    return result;
  }
  result.health = RedisHealth::kHealthy;
  result.message = "connected";
  result.latency_ms = std::chrono::duration<double, std::milli>(clock.now() - begin).count();
  result.figures = ask_figures(client, deadline, result.forbidden);
  if (result.forbidden.empty()) return result;
  result.health = RedisHealth::kError;
  result.message = "connected, but the modules need scripts and TIME, and " + result.forbidden;
  return result;
}

}  // namespace envoyou::services
