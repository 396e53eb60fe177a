// A server of ours for tests: a session store with its own database file, over a Redis that a test can hurt.
#pragma once

#include "support/wait_for.hpp"

#include <envoyou/backing.hpp>
#include <envoyou/session.hpp>

#include <memory>
#include <string>
#include <utility>

namespace envoyou::testing {

// Whole operations, also on a machine that is busy with other tests.
inline const SessionCall kPatient{Deadline::never()};

class FleetServer {
 public:
  FleetServer(std::string url, std::string file, SessionOptions options = {})
      : url_(std::move(url)), options_(std::move(options)) {
    options_.database_file = std::move(file);
    start();
  }

  void start() {
    BackingOptions opening;
    opening.redis = redis::parse_url(url_).value();
    opening.wait_for_first_answer = Milliseconds(2'000);
    backing_ = std::make_unique<Backing>(open_backing(std::move(opening), runtime_).value());
    store_ = SessionStore::open(options_, *backing_).value();
  }
  // As by the end of its process: nothing is told to anybody.
  void stop() {
    store_.reset();
    backing_.reset();
  }

  SessionStore* operator->() { return store_.get(); }
  Switch& fallback() { return *backing_->fallback; }

  bool is_on_redis() {
    return eventually([this] { return fallback().uses_redis(); });
  }
  bool is_local() {
    return eventually([this] { return !fallback().uses_redis(); });
  }
  bool has_told_everything() {
    return eventually([this] { return fallback().uses_redis() && pending() == 0; }, std::chrono::seconds(20));
  }
  double pending() { return metric("envoyou_session_pending"); }
  double metric(const std::string& name) {
    double value = 0;
    runtime_.metrics->visit([&](const MetricsRegistry::Sample& sample) {
      if (sample.name == name) value += sample.value;
    });
    return value;
  }

  Session login(const std::string& user = "u", const std::string& data = "{}") {
    return store_->create({user, data}, kPatient).value();
  }
  std::string state(const std::string& id) {
    const auto found = store_->get(id, kPatient);
    return found ? found->user_data : std::string(to_string(found.error().code()));
  }

 private:
  std::string url_;
  SessionOptions options_;
  Runtime runtime_;
  std::unique_ptr<Backing> backing_;
  std::unique_ptr<SessionStore> store_;
};

}  // namespace envoyou::testing
