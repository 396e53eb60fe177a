// What the tests of Services share: a configuration that names a server, and a log that can be looked at.
#pragma once

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/envoyou.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::testing {

using namespace std::chrono_literals;

inline constexpr std::string_view kTestSecret = "a-secret-of-the-services-test";

// Keeps lines as "warning services: message field=value".
class LinesSink final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line(to_string(record.level));
    line += " " + std::string(record.component) + ": " + std::string(record.message);
    for (const auto& field : record.fields) line += " " + std::string(field.name) + "=" + std::string(field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::size_t count(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const auto& line : lines_) found += line.find(part) != std::string::npos ? 1U : 0U;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline Config config_for(const std::string& url) {
  Config config;
  if (!url.empty()) config.redis = redis::parse_url(url).value();
  config.secrets = SecretRing::from({std::string(kTestSecret)}).value();
  return config;
}

// How long `work` takes.
template <class Work>
std::chrono::milliseconds time_of(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

// Why there is nobody to talk to on this port: nobody listens.
inline std::string url_of_nobody() { return "redis://127.0.0.1:" + std::to_string(free_port()); }

}  // namespace envoyou::testing
