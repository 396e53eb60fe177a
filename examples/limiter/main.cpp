// The rate limiter alone: three requests in ten seconds, and no more than five in a minute, for each caller.
//
//   build/release/bin/example_limiter                        # in process
//   REDIS_URL=redis://127.0.0.1 build/release/bin/example_limiter
#include <envoyou/envoyou.hpp>

#include <array>
#include <iostream>
#include <string>

int main() {
  using namespace std::chrono_literals;

  const auto config = envoyou::Config::from_env();
  if (!config) {
    std::cerr << config.error().message() << '\n';
    return 2;
  }
  auto services = envoyou::Services::open(*config);
  if (!services) {
    std::cerr << services.error().message() << '\n';
    return 1;
  }

  // All rules or none: a request that one rule denies costs nothing under the others.
  const std::array<envoyou::RateRule, 2> rules = {
      {{.limit = 3, .window = 10s, .name = "burst"}, {.limit = 5, .window = 60s, .name = "minute"}}};
  const std::string caller =
      "example-" + std::to_string(services->runtime().clock->wall_now().time_since_epoch().count());

  int admitted = 0;
  for (int request = 1; request <= 4; ++request) {
    const auto decision = services->limiter().check(caller, rules, {.deadline = services->request_deadline()});
    if (!decision) {
      std::cerr << decision.error().message() << '\n';
      return 1;
    }
    std::cout << "request " << request << (decision->allowed ? ": allowed" : ": denied") << ", "
              << to_string(decision->source) << '\n';
    for (const auto& [name, value] : decision->headers()) std::cout << "  " << name << ": " << value << '\n';
    admitted += decision->allowed ? 1 : 0;
  }
  return admitted == 3 ? 0 : 1;
}
