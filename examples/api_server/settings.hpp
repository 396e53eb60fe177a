// What the program itself is told by its environment; the library's own settings are read by envoyou::Config.
#pragma once

#include <envoyou/config.hpp>
#include <envoyou/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace api {

struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::int64_t rate_limit = 30;
  std::chrono::seconds rate_window{60};
  std::vector<std::string> api_keys;  // empty: any key counts
  std::chrono::milliseconds work{20};
  std::string log_level = "info";
};

// Every problem at once, each with the variable's name.
envoyou::Result<Settings> read_settings(const envoyou::Config::Lookup& environment);

}  // namespace api
