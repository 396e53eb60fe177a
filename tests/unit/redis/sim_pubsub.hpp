// What pub/sub and tracked links need of the simulation: nodes of their own in its reactor, and a server that does
// pub/sub. Confined to one thread.
#pragma once

#include "redis/guarded_task.hpp"
#include "redis/node_host.hpp"
#include "sim.hpp"

#include <envoyou/redis/subscription.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

class SimNodeHost final : public NodeHost {
 public:
  explicit SimNodeHost(SimClient& client) : client_(client) {}

  Result<std::shared_ptr<Node>> make(const ClientOptions& options, std::shared_ptr<PushSink> sink) override {
    EngineParts parts{client_.loop, std::make_unique<SimDialer>(client_.server, options.port), 1, next_id_++,
                      std::move(sink)};
    return std::make_shared<Node>(options, client_.runtime, nullptr, std::move(parts));
  }
  void add(std::shared_ptr<Node> node, std::shared_ptr<PushSink> sink) override {
    client_.reactor.post(
        GuardedTask([this, node] { client_.reactor.add(node); }, [sink] { sink->on_end(Error(Errc::kClosed)); }));
  }
  void stop(std::shared_ptr<Node> node) override {
    client_.reactor.post([this, node] { client_.reactor.remove(*node, Error(Errc::kClosed)); });
  }
  void post(Reactor::Task task) override { client_.reactor.post(std::move(task)); }

 private:
  SimClient& client_;
  std::uint32_t next_id_ = 100;
};

// SUBSCRIBE and its kin over a SimServer, with pushes or with RESP2's arrays.
class SimPubSub {
 public:
  explicit SimPubSub(SimServer& server) : server_(server) {
    server.link_handler = [this](SimLink& link, const Argv& argv) { return answer(link, argv); };
  }

  // Returns how many links it went to.
  int publish(std::string_view channel, std::string_view payload);
  // As when the slot moves: the server ends the shard subscription and names the new owner from now on.
  void move_slot(std::string_view channel, std::uint16_t to_port);
  static std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
  }

  std::map<std::string, std::string> refused;   // name -> error line
  std::set<std::string> unanswered;             // names
  std::map<std::string, std::uint16_t> owners;  // of shard channels; who is not here is everybody's
  // How many links have the subscription, "subscribe news".
  int count(std::string_view verb_and_name) const;
  std::optional<std::string> answer_to(SimLink& link, const Argv& argv) { return answer(link, argv); }

 private:
  std::optional<std::string> answer(SimLink& link, const Argv& argv);
  std::string frame(const std::vector<std::string>& words, bool with_count) const;
  bool is_alive(const SimLink* link) const;

  SimServer& server_;
  std::map<SimLink*, std::set<std::string>> subscriptions_;  // "subscribe news"
};

inline bool SimPubSub::is_alive(const SimLink* link) const {
  return !link->closed_by_client && !link->closed_by_server;
}

inline std::string SimPubSub::frame(const std::vector<std::string>& words, bool with_count) const {
  std::string bytes = (server_.knows_hello ? ">" : "*") + std::to_string(words.size() + (with_count ? 1 : 0)) + "\r\n";
  for (const auto& word : words) bytes += bulk(word);
  return with_count ? bytes + ":1\r\n" : bytes;
}

inline std::optional<std::string> SimPubSub::answer(SimLink& link, const Argv& argv) {
  std::string verb = argv[0];
  for (char& c : verb) c = static_cast<char>(std::tolower(c));
  const std::size_t at = verb.find("subscribe");
  if (argv[0] == "PING" && !server_.knows_hello && !subscriptions_[&link].empty()) {
    return frame({"pong", argv.size() > 1 ? argv[1] : ""}, false);
  }
  if (at == std::string::npos) return std::nullopt;
  const std::string& name = argv[1];
  if (unanswered.contains(name)) return "";
  if (const auto found = refused.find(name); found != refused.end()) return found->second;
  const auto owner = owners.find(name);
  if (verb == "ssubscribe" && owner != owners.end() && owner->second != link.port) {
    return "-MOVED 42 127.0.0.1:" + std::to_string(owner->second) + "\r\n";
  }
  const std::size_t un = verb.find("un");
  if (un == std::string::npos) {
    subscriptions_[&link].insert(verb + " " + name);
  } else {
    subscriptions_[&link].erase(std::string(verb).erase(un, 2) + " " + name);
  }
  return frame({verb, name}, true);
}

inline int SimPubSub::publish(std::string_view channel, std::string_view payload) {
  int told = 0;
  const std::string name(channel), text(payload);
  for (const auto& link : server_.links()) {
    if (!is_alive(link.get())) continue;
    for (const std::string& each : subscriptions_[link.get()]) {
      const std::string verb = each.substr(0, each.find(' '));
      const std::string wanted = each.substr(each.find(' ') + 1);
      const bool fits = wanted == name || (verb == "psubscribe" && wanted.back() == '*' &&
                                           name.starts_with(wanted.substr(0, wanted.size() - 1)));
      if (!fits) continue;
      ++told;
      if (verb == "psubscribe") link->to_client += frame({"pmessage", wanted, name, text}, false);
      if (verb == "subscribe") link->to_client += frame({"message", name, text}, false);
      if (verb == "ssubscribe") link->to_client += frame({"smessage", name, text}, false);
    }
  }
  return told;
}

inline void SimPubSub::move_slot(std::string_view channel, std::uint16_t to_port) {
  owners[std::string(channel)] = to_port;
  for (const auto& link : server_.links()) {
    if (!is_alive(link.get()) || link->port == to_port) continue;
    if (subscriptions_[link.get()].erase("ssubscribe " + std::string(channel)) == 0) continue;
    link->to_client += frame({"sunsubscribe", std::string(channel)}, true);
  }
}

inline int SimPubSub::count(std::string_view verb_and_name) const {
  int found = 0;
  for (const auto& [link, set] : subscriptions_)
    found += is_alive(link) ? static_cast<int>(set.count(std::string(verb_and_name))) : 0;
  return found;
}

}  // namespace envoyou::redis
