#include "support/api_server.hpp"

#include "support/http_client.hpp"
#include "support/wait_for.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr int kMaxServerStarts = 5;
constexpr std::chrono::seconds kServerStartTimeout{15};

// The names in this process' environment that would configure the server.
std::vector<std::string> configuring_names() {
  std::vector<std::string> names{"USE_REDIS_SESSIONS", "RATE_LIMIT_REDIS_PREFIX", "HOST", "PORT"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    for (const std::string_view prefix : {"REDIS_", "API_", "SESSION_", "ENVOYOU_"}) {
      if (name.starts_with(prefix)) names.emplace_back(name);
    }
  }
  return names;
}

}  // namespace

ApiServer::ApiServer(Options options) : options_(std::move(options)) {}

ApiServer ApiServer::start(Options options) {
  if (::access(options.program.c_str(), X_OK) != 0) {
    throw std::runtime_error("there is no program " + options.program.string());
  }
  ApiServer server(std::move(options));
  for (int attempt = 0; attempt < kMaxServerStarts; ++attempt) {
    server.port_ = free_port();
    if (server.launch()) return server;
  }
  throw std::runtime_error("the API server does not start; its log:\n" + server.log());
}

bool ApiServer::launch() {
  // Of two entries of one name the first counts, so what the test gave goes in front.
  std::vector<std::string> env = options_.env;
  env.insert(env.end(), {"HOST=127.0.0.1", "PORT=" + std::to_string(port_),
                         "SESSION_DATABASE=" + (dir_ / "sessions.db").string()});
  if (!options_.redis_url.empty()) env.push_back("REDIS_URL=" + options_.redis_url);
  process_ = Process::spawn({.argv = {options_.program.string()},
                             .env = std::move(env),
                             .unset = configuring_names(),
                             .output_file = dir_ / "server.log",
                             .working_directory = dir_.path()});
  const bool decided = eventually([this] { return !process_.running() || answers(); }, kServerStartTimeout);
  return decided && process_.running();
}

bool ApiServer::answers() const {
  HttpClient client(port_);
  return client.request("GET", "/live", {}, {}, std::chrono::milliseconds(500)).status == 200;
}

void ApiServer::restart() {
  process_.kill9();
  if (!launch()) throw std::runtime_error("the API server does not restart; its log:\n" + log());
}

std::string ApiServer::log() const {
  std::ifstream file(dir_ / "server.log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace envoyou::testing
