// An outside program over the installed C++ library: opens everything in process and asks each module once.
#include <envoyou/envoyou.hpp>

#include <chrono>
#include <cstdio>
#include <string>

int main() {
  envoyou::Config config;
  auto services = envoyou::Services::open(config);
  if (!services) {
    std::fprintf(stderr, "open: %s\n", std::string(services.error().message()).c_str());
    return 1;
  }
  const envoyou::RateRule rule{.limit = 1, .window = std::chrono::minutes(1)};
  const auto first = services->limiter().check("user", rule);
  const auto second = services->limiter().check("user", rule);
  if (!first || !first->allowed || !second || second->allowed) {
    std::fprintf(stderr, "the first of two should pass at a limit of one\n");
    return 1;
  }
  std::printf("envoyou %s\n", std::string(envoyou::kVersion).c_str());
  return 0;
}
