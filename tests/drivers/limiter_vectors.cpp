// Replays a file of rate-limit vectors in virtual time over one backend, and prints each step that is answered
// otherwise than the file says.
//
//   limiter_vectors FILE --backend memory|redis [--redis-url URL] [--algorithm NAME]
//
// Last line: "N steps, M mismatches". Exit: 0 if M is 0, 1 if not, 2 for bad usage, a file that can not be read, or a
// Redis that can not be reached (default: redis://127.0.0.1:6379). A set whose algorithm is not built counts all its
// steps as mismatches. `--algorithm compact_log` replays the sets of the sliding log in that form.
#include "base/json.hpp"
#include "base/random.hpp"
#include "limiter/decision.hpp"
#include "limiter/key_store.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/redis_backend.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace envoyou;
using base::Json;
using limiter::Ms;

constexpr int kMismatches = 1;
constexpr int kUnusable = 2;
constexpr std::size_t kMaxFileBytes = 256u << 20;
// Virtual time lies still while real time goes on, and may step back: nothing may expire by itself while a file is
// replayed.
constexpr Milliseconds kLeastTtl = std::chrono::minutes(5);
constexpr Milliseconds kLinger = std::chrono::hours(24 * 366);

struct Arguments {
  std::string file;
  std::string backend;
  std::string url = "redis://127.0.0.1:6379";
  std::string algorithm;  // empty: all
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "limiter_vectors: %s\n", why.c_str());
  std::exit(kUnusable);
}

[[noreturn]] void usage(const std::string& why) {
  give_up(why + "\nusage: limiter_vectors FILE --backend memory|redis [--redis-url URL] [--algorithm NAME]");
}

void check(const Arguments& arguments) {
  if (arguments.file.empty()) usage("FILE is missing");
  if (arguments.backend != "memory" && arguments.backend != "redis") {
    usage("--backend: must be memory or redis, got '" + arguments.backend + "'");
  }
  if (arguments.algorithm.empty()) return;
  if (algorithm_named(arguments.algorithm)) return;
  usage("--algorithm: does not know '" + arguments.algorithm + "'");
}

Arguments parse(int argc, char** argv) {
  Arguments made;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::string* target = word == "--backend"     ? &made.backend
                          : word == "--redis-url" ? &made.url
                          : word == "--algorithm" ? &made.algorithm
                                                  : nullptr;
    if (target != nullptr) {
      if (++i == argc) usage(word + ": its value is missing");
      *target = argv[i];
    } else if (word.starts_with("-") || !made.file.empty()) {
      usage("does not know '" + word + "'");
    } else {
      made.file = word;
    }
  }
  check(made);
  return made;
}

Json load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) give_up(path + ": can not be read");
  std::ostringstream content;
  content << in.rdbuf();
  auto parsed = Json::parse(path, content.str(), kMaxFileBytes);
  if (!parsed) give_up(std::string(parsed.error().message()));
  return *parsed;
}

std::string text(const Json& object, std::string_view name) {
  auto found = object.member(name).as_string();
  if (!found) give_up(std::string(name) + ": must be a text");
  return *found;
}

std::int64_t integer(const Json& object, std::string_view name, std::optional<std::int64_t> otherwise = std::nullopt) {
  if (!object.contains(name) && otherwise) return *otherwise;
  auto found = object.member(name).as_integer();
  if (!found) give_up(std::string(name) + ": must be a whole number");
  return *found;
}

// One backend for one set, and everything it stands on.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual limiter::Backend& backend() = 0;
};

class MemoryStage final : public Stage {
 public:
  limiter::Backend& backend() override { return backend_; }

 private:
  MetricsRegistry registry_;
  limiter::KeyStore store_{
      {.max_keys = 1'000'000, .max_bytes = std::size_t{1} << 30, .linger = kLinger.count()},
      {registry_.counter("evicted", "", ""), registry_.counter("lost", "", ""), registry_.gauge("keys", "", ""),
       registry_.gauge("bytes", "", ""), registry_.gauge("owing", "", "")}};
  limiter::MemoryBackend backend_{store_, *system_clock()};
};

class RedisStage final : public Stage {
 public:
  explicit RedisStage(std::shared_ptr<redis::Client> client)
      : tokens_(base::jitter_seed()),
        backend_({.prefix = "envoyou:vectors:" + std::to_string(tokens_.next()), .secrets = {}, .least_ttl = kLeastTtl},
                 std::move(client), tokens_) {}
  limiter::Backend& backend() override { return backend_; }

 private:
  limiter::Tokens tokens_;
  limiter::RedisBackend backend_;
};

std::shared_ptr<redis::Client> connect(const std::string& url) {
  auto options = redis::parse_url(url);
  if (!options) give_up("--redis-url: " + std::string(options.error().message()));
  auto client = redis::Client::open(*options);
  if (!client) give_up(std::string(client.error().message()));
  if (!(*client)->wait_until_connected(Deadline::after(*system_clock(), std::chrono::seconds(5)))) {
    give_up("no connection to " + redis::describe(*options));
  }
  return *client;
}

struct Step {
  std::string op;
  std::string key;
  Ms at = 0;
  std::int64_t cost = 1;
  std::string lease;  // of concurrency
};

limiter::Ask what_of(const Step& step) {
  if (step.op == "hit" || step.op == "acquire") return limiter::Ask::kTake;
  if (step.op == "release") return limiter::Ask::kRelease;
  return limiter::Ask::kPeek;
}

Result<Decision> play(limiter::Backend& backend, const std::vector<RateRule>& rules, const Step& step) {
  const Deadline deadline = Deadline::after(*system_clock(), std::chrono::seconds(5));
  auto request = limiter::Request::of(step.key, rules, step.cost);
  request.now = step.at;
  request.lease = step.lease;
  if (step.op == "reset") {
    if (auto done = backend.reset(request, deadline); !done) return done.error();
    request.cost = 0;
  }
  const auto answer = backend.ask(request, what_of(step), deadline);
  if (!answer) return answer.error();
  return limiter::to_decision(request, *answer, Source::kLocal);
}

std::string describe(bool allowed, std::int64_t remaining, std::int64_t retry, std::int64_t reset) {
  return std::string(allowed ? "allowed" : "denied") + " remaining " + std::to_string(remaining) + " retry " +
         std::to_string(retry) + " reset " + std::to_string(reset);
}

bool near(std::int64_t a, std::int64_t b, std::int64_t tolerance) { return (a < b ? b - a : a - b) <= tolerance; }

// What is wrong with the answer to one step; empty if nothing is.
std::string mismatch(const Json& expected, const Result<Decision>& answer, std::int64_t tolerance) {
  if (!answer) return std::string(answer.error().message());
  const bool allowed = expected.member("allowed").as_boolean().value_or(false);
  const std::int64_t remaining = integer(expected, "remaining");
  const std::int64_t retry = integer(expected, "retry_after_ms");
  const std::int64_t told_reset = answer->reset_after.count();
  const std::int64_t reset = integer(expected, "reset_after_ms", told_reset);  // concurrency has none
  const std::int64_t told_retry = answer->retry_after ? answer->retry_after->count() : limiter::kNever;
  const bool never_agrees = (retry == limiter::kNever) == (told_retry == limiter::kNever);
  if (answer->allowed == allowed && answer->remaining == remaining && never_agrees &&
      near(told_retry, retry, tolerance) && near(told_reset, reset, tolerance)) {
    return "";
  }
  return "expected " + describe(allowed, remaining, retry, reset) + ", got " +
         describe(answer->allowed, answer->remaining, told_retry, told_reset);
}

struct Score {
  std::size_t steps = 0;
  std::size_t mismatches = 0;

  void miss(const std::string& set, std::size_t step, const std::string& why) {
    ++mismatches;
    std::printf("%s step %zu: %s\n", set.c_str(), step, why.c_str());
  }
};

std::vector<RateRule> rules_of(const Json& set, Algorithm algorithm) {
  std::vector<RateRule> rules;
  const Json given = set.member("rules");
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Json each = given.element(i);
    rules.push_back({.limit = integer(each, "limit"),
                     .window = Milliseconds(integer(each, "window_ms")),
                     .algorithm = algorithm,
                     .burst = integer(each, "burst", 0)});
  }
  if (rules.empty() || rules.size() > kMaxRulesPerCheck) give_up("rules: must be 1 to 8");
  return rules;
}

void check_op(const Step& step, Algorithm algorithm) {
  const bool leases = algorithm == Algorithm::kConcurrency;
  const bool known = leases ? step.op == "acquire" || step.op == "release" || step.op == "peek" || step.op == "reset"
                            : step.op == "hit" || step.op == "peek" || step.op == "reset";
  if (!known) give_up("op: does not know '" + step.op + "' of " + std::string(to_string(algorithm)));
}

void replay(const Json& set, Algorithm algorithm, Stage& stage, Score& score) {
  const std::string name = text(set, "name");
  const auto rules = rules_of(set, algorithm);
  const std::int64_t tolerance = integer(set, "tolerance_ms", 0);
  const Json steps = set.member("steps");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Json each = steps.element(i);
    const std::string lease = each.contains("lease") ? text(each, "lease") : std::string();
    const Step step{text(each, "op"), text(each, "key"), integer(each, "t"), integer(each, "cost", 1), lease};
    check_op(step, algorithm);
    const std::string wrong = mismatch(each, play(stage.backend(), rules, step), tolerance);
    ++score.steps;
    if (!wrong.empty()) score.miss(name, i, step.op + " " + step.key + " at " + std::to_string(step.at) + ": " + wrong);
  }
}

void refuse(const Json& set, Score& score) {
  const std::size_t steps = set.member("steps").size();
  for (std::size_t i = 0; i < steps; ++i) {
    ++score.steps;
    score.miss(text(set, "name"), i, "the algorithm " + text(set, "algorithm") + " is not built");
  }
}

// The compact log answers what the log does: its sets are those of the log.
bool wanted(const Arguments& arguments, const std::string& algorithm) {
  const bool as_log = arguments.algorithm == "compact_log" && algorithm == "sliding_log";
  return arguments.algorithm.empty() || arguments.algorithm == algorithm || as_log;
}

Algorithm as_asked(const Arguments& arguments, Algorithm of_set) {
  return arguments.algorithm == "compact_log" ? Algorithm::kCompactLog : of_set;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const Json sets = load(arguments.file).member("sets");
  if (!sets.is_array()) give_up("sets: must be a list");
  const auto client = arguments.backend == "redis" ? connect(arguments.url) : nullptr;
  Score score;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const Json set = sets.element(i);
    const std::string algorithm = text(set, "algorithm");
    const auto built = algorithm_named(algorithm);
    if (!wanted(arguments, algorithm)) continue;
    if (!built) {
      refuse(set, score);
      continue;
    }
    std::unique_ptr<Stage> stage;
    if (client != nullptr) {
      stage = std::make_unique<RedisStage>(client);
    } else {
      stage = std::make_unique<MemoryStage>();
    }
    replay(set, as_asked(arguments, *built), *stage, score);
  }
  std::printf("%zu steps, %zu mismatches\n", score.steps, score.mismatches);
  return score.mismatches > 0 ? kMismatches : 0;
}
