// One process of several that ask for one key at once: `limiter_worker URL KEY THREADS REQUESTS LIMIT WINDOW_MS`; an
// empty URL means in process. Prints "admitted REDIS LOCAL" with how many were admitted by whom. For
// processes_test.cpp.
#include <envoyou/limiter.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  using namespace envoyou;
  if (argc != 7) return 2;
  const std::string url = argv[1];
  const std::string key = argv[2];
  const int threads = std::atoi(argv[3]);
  const int requests = std::atoi(argv[4]);
  const RateRule rule{.limit = std::atoll(argv[5]), .window = Milliseconds(std::atoll(argv[6]))};

  Backing backing = in_process_backing();
  if (!url.empty()) {
    BackingOptions options;
    options.redis = redis::parse_url(url).value();
    options.wait_for_first_answer = std::chrono::seconds(5);
    backing = open_backing(options).value();
  }
  // So patient that a busy machine does not send anybody to the stand-in: this is about Redis' own count.
  auto limiter = RateLimiter::open({.decision_share = std::chrono::seconds(10)}, backing).value();
  const Deadline deadline = Deadline::after(*system_clock(), std::chrono::seconds(60));
  std::atomic<int> by_redis{0};
  std::atomic<int> by_stand_in{0};
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      for (int i = 0; i < requests; ++i) {
        const auto made = limiter->check(key, rule, {.deadline = deadline});
        if (made->allowed) ++(made->source == Source::kRedis ? by_redis : by_stand_in);
      }
    });
  }
  for (auto& each : running) each.join();
  std::printf("admitted %d %d\n", by_redis.load(), by_stand_in.load());
  return 0;
}
