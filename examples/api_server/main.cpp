// The example API server: rate limits, sessions and cached responses, in process or through the Redis that REDIS_URL
// names. docs/api-server.md lists its routes and variables.
#include "http_server.hpp"
#include "router.hpp"
#include "settings.hpp"

#include <envoyou/adapters/spdlog.hpp>
#include <envoyou/envoyou.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>

namespace {

constexpr int kBadSettings = 2;
// What requests that are being served have left when the server is told to end: it must be gone within a second.
constexpr std::chrono::milliseconds kGrace{500};
constexpr std::chrono::milliseconds kFarewell{200};  // to send what they answer

envoyou::Result<envoyou::Config> library_config(const envoyou::Config::Lookup& environment,
                                                const api::Settings& settings) {
  auto config = envoyou::Config::from_lookup(environment);
  if (!config) return config;
  if (environment("SESSION_DATABASE").value_or("").empty()) {
    config->sessions.database_file = "sessions-" + std::to_string(settings.port) + ".db";
  }
  config->responses.rules.push_back({.pattern = "/api/things/*/*",
                                     .ttl = config->responses.cache.default_ttl,
                                     .vary_headers = {},
                                     .is_public = true});
  return config;
}

void log_to_stderr(const std::string& level) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("api_server"));
  spdlog::set_level(spdlog::level::from_str(level));
}

int refuse(std::string_view why) {
  std::fprintf(stderr, "api_server: %.*s\n", static_cast<int>(why.size()), why.data());
  return kBadSettings;
}

int serve(const api::Settings& settings, envoyou::Services& services, const sigset_t& signals) {
  api::Ending ending;
  api::Router router({services, settings, ending});
  api::add_health_routes(router);
  api::add_session_routes(router);
  api::add_thing_routes(router);
  api::add_cache_routes(router);
  api::add_limits_routes(router);
  api::HttpServer server(settings.host, settings.port, [&router](const api::Request& request, bool body_too_large) {
    return router.serve(request, body_too_large);
  });
  if (const auto failure = server.start()) return refuse(*failure);
  spdlog::info("listening on {}:{}", settings.host, settings.port);
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("stopping on signal {}", signal);
  ending.begin(kGrace);
  server.stop(kGrace + kFarewell);
  return 0;
}

}  // namespace

int main() {
  // Before any thread is made, so that all of them inherit it: the main thread waits for these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const auto environment = envoyou::Config::environment(".env");
  if (!environment) return refuse(environment.error().message());
  const auto settings = api::read_settings(*environment);
  const auto config = library_config(*environment, settings ? *settings : api::Settings{});
  if (!settings && !config) {
    return refuse(std::string(settings.error().message()) + "; " + std::string(config.error().message()));
  }
  if (!settings) return refuse(settings.error().message());
  if (!config) return refuse(config.error().message());

  log_to_stderr(settings->log_level);
  envoyou::Runtime runtime;
  runtime.logger = envoyou::spdlog_logger(spdlog::default_logger());
  auto services = envoyou::Services::open(*config, runtime);
  if (!services) return refuse(services.error().message());
  return serve(*settings, *services, signals);
}
