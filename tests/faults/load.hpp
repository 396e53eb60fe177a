// Steady load on an API server's /api/things, with every response recorded and its body checked.
//
// Open loop: each client sends at fixed times, whatever the response before took (it then sends at once), so a slow
// answer does not thin out the load. Thread rule: one thread starts and stops it.
#pragma once

#include "support/http_client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::testing {

using LoadClock = std::chrono::steady_clock;

enum class AnswerSource { kRedis, kLocal, kUnknown };

// What X-Envoyou-Source says.
AnswerSource source_of(const HttpResponse& response);

struct Sample {
  LoadClock::time_point start;
  LoadClock::time_point end;
  int status = 0;  // 0: the connection failed
  AnswerSource source = AnswerSource::kUnknown;
  bool wrong_body = false;
  std::string error{};

  double milliseconds() const { return std::chrono::duration<double, std::milli>(end - start).count(); }
};

struct LoadOptions {
  std::uint16_t port = 0;
  int clients = 8;
  int requests_per_second = 200;  // of all clients together
  int distinct_things = 300;
};

class Load {
 public:
  explicit Load(LoadOptions options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Ends after the responses in flight. All samples, in no order.
  std::vector<Sample> stop();

 private:
  void run_client(int client);
  Sample request(HttpClient& http, int number) const;

  LoadOptions options_;
  std::vector<std::string> digests_;  // of "load/0", "load/1", …
  std::atomic<bool> stopping_ = false;
  std::vector<std::vector<Sample>> samples_;  // a client's own
  std::vector<std::thread> threads_;
};

// The hex SHA-256 of `text`: what the API answers for it.
std::string sha256_hex(const std::string& text);

}  // namespace envoyou::testing
