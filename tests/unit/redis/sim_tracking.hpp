// A server with values, times to live, CLIENT TRACKING and pub/sub, whose every byte can be held back: what the tests
// of the client cache need. Confined to one thread.
#pragma once

#include "sim_pubsub.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace envoyou::redis {

class SimTracking {
 public:
  explicit SimTracking(SimClient& client) : client_(client), pubsub_(client.server) {
    client.server.link_handler = [this](SimLink& link, const Argv& argv) { return answer(link, argv); };
  }

  struct Value {
    std::string text;
    TimePoint expires = TimePoint::max();
  };

  // As any client of the server: whoever read the key is told.
  void write(const std::string& key, std::string_view value, std::optional<Milliseconds> ttl = std::nullopt) {
    values[key] = {std::string(value), ttl ? client_.now() + *ttl : TimePoint::max()};
    tell(key);
  }
  void remove(const std::string& key) {
    values.erase(key);
    tell(key);
  }
  void flush_all() {
    values.clear();
    for (auto& [link, about] : links_) {
      if (about.tracked && is_alive(*link)) send(*link, ">2\r\n$10\r\ninvalidate\r\n_\r\n");
    }
  }
  std::optional<std::string> now_of(const std::string& key) const {
    const auto at = values.find(key);
    if (at == values.end() || at->second.expires <= client_.now()) return std::nullopt;
    return at->second.text;
  }
  static std::string invalidation(std::string_view key) {
    return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + SimPubSub::bulk(key);
  }

  // What was held back, up to `bytes` of it on each link.
  void deliver(std::size_t bytes = SIZE_MAX) {
    for (auto& [link, about] : links_) deliver(*link, bytes);
  }
  void deliver(SimLink& link, std::size_t bytes = SIZE_MAX) {
    std::string& held = links_[&link].held;
    link.to_client += held.substr(0, bytes);
    held.erase(0, bytes);
  }
  std::size_t held() const {
    std::size_t sum = 0;
    for (const auto& [link, about] : links_) sum += about.held.size();
    return sum;
  }
  SimLink* tracked_link() {
    for (auto& [link, about] : links_) {
      if (about.tracked && is_alive(*link)) return link;
    }
    return nullptr;
  }
  int count(std::string_view word) const {
    int count = 0;
    for (const auto& link : client_.server.links()) {
      for (const Argv& argv : link->commands) count += argv[0] == word ? 1 : 0;
    }
    return count;
  }

  std::map<std::string, Value> values;
  std::string refuses_tracking;             // an error line
  bool holds = false;                       // what it says of keys and to those who track
  std::function<void(const Argv&)> before;  // a command of a key is executed
  SimPubSub& pubsub() { return pubsub_; }

 private:
  struct About {
    bool tracked = false;
    bool broadcast = false;
    std::set<std::string> read;
    std::string held;
  };

  static bool is_alive(const SimLink& link) { return !link.closed_by_client && !link.closed_by_server; }

  std::optional<std::string> answer(SimLink& link, const Argv& argv) {
    About& about = links_[&link];
    if (argv[0] == "CLIENT" && argv[1] == "TRACKING") {
      if (!refuses_tracking.empty()) return refuses_tracking;
      about.tracked = true;
      about.broadcast = argv.size() > 3 && argv[3] == "BCAST";
      return "+OK\r\n";
    }
    if (argv[0] == "PUBLISH") {
      pubsub_.publish(argv[1], argv[2]);
      return ":1\r\n";
    }
    if (argv[0] != "PTTL" && argv[0] != "GET" && argv[0] != "STRLEN") return pubsub_.answer_to(link, argv);
    if (before) before(argv);
    about.read.insert(argv[1]);
    send(link, value_answer(argv));
    return "";
  }
  std::string value_answer(const Argv& argv) const {
    const auto value = now_of(argv[1]);
    if (argv[0] == "STRLEN") return ":" + std::to_string(value ? value->size() : 0) + "\r\n";
    if (argv[0] == "GET") return value ? SimPubSub::bulk(*value) : "_\r\n";
    if (!value) return ":-2\r\n";
    const TimePoint expires = values.at(argv[1]).expires;
    if (expires == TimePoint::max()) return ":-1\r\n";
    return ":" + std::to_string(std::chrono::duration_cast<Milliseconds>(expires - client_.now()).count()) + "\r\n";
  }
  void send(SimLink& link, std::string_view bytes) {
    About& about = links_[&link];
    if (holds) {
      about.held += bytes;
    } else {
      link.to_client += bytes;
    }
  }
  void tell(const std::string& key) {
    for (auto& [link, about] : links_) {
      if (!about.tracked || !is_alive(*link)) continue;
      if (about.broadcast || about.read.erase(key) > 0) send(*link, invalidation(key));
    }
  }

  SimClient& client_;
  SimPubSub pubsub_;
  std::map<SimLink*, About> links_;
};

}  // namespace envoyou::redis
