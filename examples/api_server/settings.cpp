#include "settings.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace api {
namespace {

constexpr std::string_view kLogLevels[] = {"trace", "debug", "info", "warning", "error", "off"};

class Reader {
 public:
  explicit Reader(const envoyou::Config::Lookup& environment) : environment_(environment) {}

  void text(const char* name, std::string& into) {
    if (auto value = find(name)) into = *std::move(value);
  }
  template <class Assign>
  void number(const char* name, std::int64_t least, std::int64_t most, Assign assign) {
    const auto value = find(name);
    if (!value) return;
    std::int64_t parsed = 0;
    const char* end = value->data() + value->size();
    const auto [stop, problem] = std::from_chars(value->data(), end, parsed);
    if (problem != std::errc() || stop != end || parsed < least || parsed > most) {
      add(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ", got \"" +
                    *value + "\"");
    } else {
      assign(parsed);
    }
  }
  void add(std::string_view name, std::string_view problem) {
    if (!problems_.empty()) problems_ += "; ";
    problems_ += name;
    problems_ += ": ";
    problems_ += problem;
  }
  const std::string& problems() const { return problems_; }

 private:
  // A variable that is empty counts as not set, as in the library.
  std::optional<std::string> find(const char* name) const {
    auto value = environment_(name);
    return value && !value->empty() ? std::move(value) : std::nullopt;
  }

  const envoyou::Config::Lookup& environment_;
  std::string problems_;
};

// "a,b , c" -> a b c; empty parts do not count.
std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return parts;
}

bool is_log_level(std::string_view level) {
  for (const std::string_view known : kLogLevels) {
    if (level == known) return true;
  }
  return false;
}

}  // namespace

envoyou::Result<Settings> read_settings(const envoyou::Config::Lookup& environment) {
  Settings settings;
  Reader reader(environment);
  reader.text("HOST", settings.host);
  reader.number("PORT", 1, 65'535, [&](std::int64_t n) { settings.port = static_cast<std::uint16_t>(n); });
  reader.number("API_RATE_LIMIT", 1, envoyou::kMaxRateLimit, [&](std::int64_t n) { settings.rate_limit = n; });
  reader.number("API_RATE_WINDOW", 1, std::int64_t{366} * 86'400,
                [&](std::int64_t n) { settings.rate_window = std::chrono::seconds(n); });
  reader.number("API_WORK_MS", 0, 60'000, [&](std::int64_t n) { settings.work = std::chrono::milliseconds(n); });
  std::string keys;
  reader.text("API_KEYS", keys);
  settings.api_keys = split_list(keys);
  reader.text("LOG_LEVEL", settings.log_level);
  if (!is_log_level(settings.log_level)) {
    reader.add("LOG_LEVEL", "must be trace, debug, info, warning, error or off, got \"" + settings.log_level + "\"");
  }
  if (!reader.problems().empty()) return envoyou::Error(envoyou::Errc::kInvalidArgument, reader.problems());
  return settings;
}

}  // namespace api
