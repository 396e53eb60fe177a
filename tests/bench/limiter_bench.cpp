// What decisions of the limiter cost: in process by the clock, in Redis by the server's own account.
//
//   limiter_bench --url redis://127.0.0.1:6379    a server of its own that may be written to; without it in process
//   only
//
// In process: nanoseconds a decision on 10,000 keys, with a clock that costs nothing, on one thread and on two. In
// Redis: microseconds a call of `commandstats` (the script alone, without the socket), bytes a key by MEMORY USAGE, and
// decisions a second of 64 callers. Each figure is the median of kRounds; a line of JSON for each algorithm.
#include <envoyou/clock.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/redis/commands.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace envoyou;
using namespace std::chrono_literals;

constexpr int kRounds = 9;
constexpr std::size_t kKeys = 10'000;
constexpr std::size_t kDecisions = 300'000;
constexpr std::array kAlgorithms{Algorithm::kSlidingLog, Algorithm::kCompactLog, Algorithm::kSlidingCounter,
                                 Algorithm::kGcra, Algorithm::kFixedWindow};

// Costs nothing to read, which a manual clock's lock does not.
class FrozenClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(1h); }
  WallTime wall_now() const override { return WallTime(1h); }
  void wait_until(std::unique_lock<std::mutex>&, std::condition_variable&, TimePoint) override {}
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double median_of(const std::function<double()>& measure) {
  std::vector<double> values;
  for (int i = 0; i < kRounds; ++i) values.push_back(measure());
  return median(std::move(values));
}

const std::vector<std::string>& keys() {
  static const std::vector<std::string> made = [] {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kKeys; ++i) names.push_back("user:" + std::to_string(10'000'000 + i));
    return names;
  }();
  return made;
}

RateRule rule_of(Algorithm algorithm, std::int64_t limit) {
  return {.limit = limit, .window = 1h, .algorithm = algorithm};
}

// Nanoseconds a decision of each thread.
double in_process(RateLimiter& limiter, const RateRule& rule, int threads) {
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      std::size_t at = static_cast<std::size_t>(t) * 7'919;
      for (std::size_t i = 0; i < kDecisions; ++i) {
        at = (at + 4'801) % kKeys;
        static_cast<void>(limiter.check(keys()[at], rule));
      }
    });
  }
  for (auto& each : running) each.join();
  const auto took = std::chrono::steady_clock::now() - begun;
  return std::chrono::duration<double, std::nano>(took).count() / static_cast<double>(kDecisions);
}

void bench_in_process() {
  for (const bool live : {false, true}) {
    for (const Algorithm algorithm : kAlgorithms) {
      Runtime runtime;
      runtime.clock = std::make_shared<FrozenClock>();
      auto limiter = RateLimiter::open({.live_view = live}, in_process_backing(runtime)).value();
      const RateRule rule = rule_of(algorithm, 30);
      in_process(*limiter, rule, 1);  // all keys are spent from here on
      const double one = median_of([&] { return in_process(*limiter, rule, 1); });
      const double two = median_of([&] { return in_process(*limiter, rule, 2); });
      std::printf("{\"in_process\":\"%s\",\"live_view\":%s,\"ns\":%.0f,\"two_threads_ratio\":%.2f}\n",
                  std::string(to_string(algorithm)).c_str(), live ? "true" : "false", one, 2 * one / two);
    }
  }
}

class Server {
 public:
  explicit Server(const std::string& url) {
    BackingOptions options;
    options.redis = redis::parse_url(url).value();
    options.wait_for_first_answer = 2s;
    backing_ = open_backing(options).value();
    limiter = RateLimiter::open({.decision_share = 10s}, backing_).value();
  }
  redis::Reply run(const std::vector<std::string>& words) {
    redis::Words made;
    for (const auto& word : words) made.add(word);
    auto reply =
        backing_.client->run(redis::Command<redis::Reply>(std::move(made), redis::decode_any), {Deadline::never()});
    return reply ? *reply : redis::Reply();
  }
  // Microseconds a call of EVALSHA since the last reset.
  double evalsha_us() {
    const std::string stats = run({"INFO", "commandstats"}).text;
    const auto line = stats.find("cmdstat_evalsha:");
    const auto at = stats.find("usec_per_call=", line);
    return line == std::string::npos ? 0 : std::stod(stats.substr(at + std::strlen("usec_per_call=")));
  }

  std::unique_ptr<RateLimiter> limiter;

 private:
  Backing backing_;
};

double admitted_us(Server& server, std::span<const RateRule> rules) {
  server.run({"FLUSHALL"});
  static_cast<void>(server.limiter->check("warm", rules));
  server.run({"CONFIG", "RESETSTAT"});
  for (int i = 0; i < 6'000; ++i)
    static_cast<void>(server.limiter->check(keys()[static_cast<std::size_t>(i % 200)], rules));
  return server.evalsha_us();
}

double batch_us(Server& server, const RateRule& rule) {
  server.run({"FLUSHALL"});
  server.run({"CONFIG", "RESETSTAT"});
  std::vector<RateQuestion> questions;
  for (std::size_t i = 0; i < 64; ++i) questions.push_back({keys()[i], {&rule, 1}});
  for (int i = 0; i < 60; ++i) static_cast<void>(server.limiter->check_batch(questions));
  return server.evalsha_us() / 64;
}

std::int64_t bytes_of_key(Server& server, Algorithm algorithm, std::int64_t limit) {
  server.run({"FLUSHALL"});
  const RateRule rule = rule_of(algorithm, limit);
  for (std::int64_t i = 0; i < limit; ++i) {
    static_cast<void>(server.limiter->check("k", rule));
    if (i % 8 == 7) std::this_thread::sleep_for(1ms);
  }
  constexpr std::string_view kLetters = "wpsgf";
  const std::string key =
      "envoyou:ratelimit:{ck}:" + std::string(1, kLetters[static_cast<std::size_t>(algorithm)]) + "3600000";
  return server.run({"MEMORY", "USAGE", key, "SAMPLES", "0"}).integer;
}

double decisions_a_second(Server& server, const RateRule& rule) {
  constexpr int kCallers = 64;
  constexpr int kEach = 500;
  server.run({"FLUSHALL"});
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> callers;
  for (int t = 0; t < kCallers; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        static_cast<void>(server.limiter->check(keys()[static_cast<std::size_t>(t * kEach + i) % kKeys], rule));
    });
  }
  for (auto& each : callers) each.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  return kCallers * kEach / took.count();
}

void bench_redis(const std::string& url) {
  Server server(url);
  for (const Algorithm algorithm : kAlgorithms) {
    const RateRule rule = rule_of(algorithm, 30);
    const std::array three{rule_of(algorithm, 30), RateRule{.limit = 100, .window = 2h, .algorithm = algorithm},
                           RateRule{.limit = 1'000, .window = 3h, .algorithm = algorithm}};
    const double one = median_of([&] { return admitted_us(server, {&rule, 1}); });
    const double of_three = median_of([&] { return admitted_us(server, three); });
    std::printf(
        "{\"redis\":\"%s\",\"admitted_us\":%.1f,\"three_rules_us\":%.1f,\"batch_of_64_us\":%.2f,"
        "\"bytes_30\":%lld,\"bytes_10000\":%lld,\"per_second_64_threads\":%.0f}\n",
        std::string(to_string(algorithm)).c_str(), one, of_three, median_of([&] { return batch_us(server, rule); }),
        static_cast<long long>(bytes_of_key(server, algorithm, 30)),
        static_cast<long long>(bytes_of_key(server, algorithm, 10'000)),
        median_of([&] { return decisions_a_second(server, rule); }));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && !(argc == 3 && std::strcmp(argv[1], "--url") == 0)) {
    std::fprintf(stderr, "usage: limiter_bench [--url redis://HOST:PORT]\n");
    return 2;
  }
  bench_in_process();
  if (argc == 3) bench_redis(argv[2]);
  return 0;
}
