// A network and a Redis that exist only in memory, stepped by the test on one thread over a ManualClock: the engine
// runs in them as it does over sockets, and nothing waits.
//
//   SimServer answers HELLO, AUTH, SELECT, CLIENT and PING by itself, GET with "value of <key>", SET with OK, and all
//   else (and before all that, everything) by `handler`. Faults are flags.
//
// Confined to one thread.
#pragma once

#include "redis/node.hpp"
#include "redis/reactor.hpp"
#include "wire/dialer.hpp"
#include "wire/loop.hpp"
#include "wire/stream.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

using Argv = std::vector<std::string>;

// One connection. `to_server` and `to_client` are what is on the way.
struct SimLink {
  int descriptor = 0;
  std::uint16_t port = 0;  // where it was dialled to, where the test says so
  bool connected = false;  // else SYNs go unanswered
  bool closed_by_client = false;
  bool closed_by_server = false;
  std::size_t room = SIZE_MAX;  // for bytes that the server has not read
  std::string to_server;
  std::string to_client;
  std::vector<Argv> commands;  // all that it ever read
};

class SimServer {
 public:
  // Bytes to answer with, or nothing to let the server answer by itself.
  using Handler = std::function<std::optional<std::string>(const Argv&)>;

  explicit SimServer(testing::ManualClock& clock) : clock_(clock) {}

  bool refuses = false;  // connects
  std::uint16_t refuses_port = 0;
  bool silent = false;  // connects are not answered at all
  bool frozen = false;  // reads nothing, answers nothing
  bool knows_hello = true;
  Milliseconds delay{0};  // before each answer
  Handler handler;
  // Asked first: for answers that depend on the link.
  std::function<std::optional<std::string>(SimLink&, const Argv&)> link_handler;

  std::shared_ptr<SimLink> accept(std::uint16_t port = 0);
  // Reads and answers what has come. True if anything moved.
  bool pump();
  // Makes all links end as by a dying process.
  void drop_links();
  void push_to_all(std::string_view bytes);

  std::vector<std::shared_ptr<SimLink>>& links() { return links_; }
  std::shared_ptr<SimLink> last() const { return links_.back(); }
  std::size_t dials = 0;
  std::vector<TimePoint> dial_times;
  // All commands on all links but the handshakes' and the fences'.
  std::vector<std::string> asked() const;
  TimePoint next_due() const;

 private:
  struct Answer {
    TimePoint at;
    std::shared_ptr<SimLink> link;
    std::string bytes;
  };
  void answer(const std::shared_ptr<SimLink>& link, const Argv& argv);
  std::string own_answer(const Argv& argv) const;

  testing::ManualClock& clock_;
  std::vector<std::shared_ptr<SimLink>> links_;
  std::vector<Answer> late_;
  int next_descriptor_ = 100;
};

class SimLoop final : public wire::Loop {
 public:
  SimLoop(testing::ManualClock& clock, SimServer& server) : clock_(clock), server_(server) {}

  Result<void> watch(int descriptor, std::uint64_t token, wire::Interest interest) override;
  void change(int descriptor, std::uint64_t token, wire::Interest interest) override;
  void forget(int descriptor) override;
  std::span<const wire::Event> wait(TimePoint until) override;
  void wake() noexcept override {
    woken = true;
    ++wakes;
  }

  bool woken = false;
  int wakes = 0;
  int polls = 0;

 private:
  struct Watched {
    std::uint64_t token;
    wire::Interest interest;
  };
  void collect();

  testing::ManualClock& clock_;
  SimServer& server_;
  std::map<int, Watched> watched_;
  std::vector<wire::Event> events_;
};

class SimDialer final : public wire::Dialer {
 public:
  explicit SimDialer(SimServer& server, std::uint16_t port = 0) : server_(server), port_(port) {}
  std::unique_ptr<wire::Stream> dial() override;

 private:
  SimServer& server_;
  const std::uint16_t port_;
};

// What the node's listener and the log were told, as short lines.
class Recorder final : public NodeListener, public LogSink {
 public:
  void on_refused(std::string_view reason) noexcept override { told.push_back("refused: " + std::string(reason)); }
  void on_condemned(std::string_view reason) noexcept override { told.push_back("condemned: " + std::string(reason)); }
  void on_answered(Microseconds) noexcept override { told.push_back("answered"); }
  void write(const LogRecord& record) noexcept override;

  std::vector<std::string> told;
  std::vector<std::string> logged;
};

// Everything together, with what Client adds to it.
class SimClient {
 public:
  explicit SimClient(ClientOptions options = {});
  ~SimClient();

  // Steps the reactor and the server until `time` has passed.
  void run_for(std::chrono::nanoseconds time);
  void settle() { run_for(std::chrono::nanoseconds(0)); }

  template <class R>
  std::shared_ptr<std::optional<Result<R>>> submit(Command<R> command, Milliseconds timeout = Milliseconds(100)) {
    auto answer = std::make_shared<std::optional<Result<R>>>();
    post(to_submission(std::move(command), [answer](Result<R> result) { answer->emplace(std::move(result)); }),
         timeout);
    return answer;
  }
  void post(Submission submission, Milliseconds timeout = Milliseconds(100));
  void post_all(std::vector<Submission> group, Milliseconds timeout = Milliseconds(100));
  ClientStats stats() const;
  TimePoint now() const { return clock->now(); }

  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  ClientOptions options;
  Runtime runtime;
  SimServer server{*clock};
  SimLoop loop{*clock, server};
  Reactor reactor{loop, clock};
  std::shared_ptr<Node> node;
  Board& board;
  Inbox& inbox;
};

Command<std::optional<std::string>> get(std::string_view key, Repeat repeat = Repeat::kIsSafe);
Command<void> set(std::string_view key, std::string_view value = "v", Repeat repeat = Repeat::kIsSafe);
Command<std::int64_t> incr(std::string_view key);

// "value", "timeout": what a call ended with.
template <class R>
std::string outcome(const std::shared_ptr<std::optional<Result<R>>>& answer) {
  if (!answer->has_value()) return "pending";
  if (!(**answer)) return std::string(to_string((**answer).error().code()));
  return "ok";
}
template <class R>
std::string message(const std::shared_ptr<std::optional<Result<R>>>& answer) {
  return std::string((**answer).error().message());
}

}  // namespace envoyou::redis
