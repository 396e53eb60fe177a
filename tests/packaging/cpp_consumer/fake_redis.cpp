// What docs/testing.md shows: an outside program's test, with the installed fake Redis in trouble.
#include <envoyou/envoyou.hpp>
#include <envoyou/testing/fake_redis.hpp>

#include <chrono>
#include <cstdio>

int main() {
  using namespace std::chrono_literals;
  using envoyou::testing::Fault;
  envoyou::testing::FakeRedis redis;
  envoyou::Config config;
  config.redis = envoyou::redis::parse_url(redis.url()).value();
  auto services = envoyou::Services::open(config);
  if (!services) return 1;
  redis.add(Fault::delay(300ms));
  const auto begin = std::chrono::steady_clock::now();
  const auto decision = services->limiter().check("user", envoyou::RateRule{.limit = 1, .window = 1min});
  const auto took = std::chrono::steady_clock::now() - begin;
  if (!decision || !decision->allowed || took > 200ms) {
    std::fprintf(stderr, "a slow Redis should cost a request its deadline at most, and no answer\n");
    return 1;
  }
  std::printf("answered in %lld ms while Redis was slow\n",
              static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  return 0;
}
