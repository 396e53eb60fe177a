// Both caches: responses by request, and bytes by a key of one's own.
//
//   build/release/bin/example_cache                          # in process
//   REDIS_URL=redis://127.0.0.1 build/release/bin/example_cache
#include <envoyou/envoyou.hpp>

#include <iostream>
#include <string>

namespace {

// Unlike that of any other run, so that the first look is a miss also on a Redis that saw this program before.
std::string unlike_before(const envoyou::Services& services) {
  return std::to_string(services.runtime().clock->wall_now().time_since_epoch().count());
}

bool responses(envoyou::Services& services) {
  const envoyou::HttpRequest request{.host = "api.example.test", .path = "/books/" + unlike_before(services)};
  int made = 0;
  for (int i = 0; i < 2; ++i) {
    // Looks, or makes the answer once for all that ask at the same time.
    const auto fetched = services.responses().fetch(request, [&made](const envoyou::HttpRequest&) {
      ++made;
      return envoyou::HttpResponse{.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "a book"};
    });
    std::cout << fetched.response.body << "  Cache-Status: " << fetched.lookup.cache_status() << '\n';
  }
  return made == 1;
}

bool bytes(envoyou::Services& services) {
  const std::string key = "greeting-" + unlike_before(services);
  const auto value = services.cache().get_or_compute(
      key, []() -> envoyou::Result<std::string> { return std::string("hello"); }, std::chrono::minutes(1));
  if (!value) return false;
  std::cout << value->bytes << ", " << to_string(value->source) << '\n';
  return services.cache().get(key).value_or(std::nullopt).has_value() && services.cache().remove(key).has_value();
}

}  // namespace

int main() {
  auto config = envoyou::Config::from_env();
  if (!config) {
    std::cerr << config.error().message() << '\n';
    return 2;
  }
  config->responses.rules.push_back({.pattern = "/books/*", .ttl = std::chrono::minutes(30)});
  auto services = envoyou::Services::open(*config);
  if (!services) {
    std::cerr << services.error().message() << '\n';
    return 1;
  }
  return responses(*services) && bytes(*services) ? 0 : 1;
}
