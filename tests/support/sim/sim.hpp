// A network and a Redis that exist only in memory, stepped by the test on one thread over a ManualClock: the engine
// runs in them as it does over sockets, and nothing waits.
//
//   SimStream, SimDialer and SimLoop are the client's side of it: what stands for a socket, a connect and epoll. Whom
//   they meet on the other side is a SimPeer (it takes connects) in a SimNetwork (it moves bytes as time passes).
//
//   SimServer is both: one scripted server. It answers HELLO, AUTH, SELECT, CLIENT and PING by itself, GET with "value
//   of <key>", SET with OK, and all else (and before all that, everything) by `handler`. Faults are flags. The
//   simulation (tests/simulation) has a world of its own in its place.
//
// Confined to one thread.
#pragma once

#include "redis/credential_source.hpp"
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
  bool resolving = false;  // the name is being looked up: no descriptor yet
  bool connected = false;  // else SYNs go unanswered
  bool refused = false;    // the connect came back with an error
  bool closed_by_client = false;
  bool closed_by_server = false;
  bool reset = false;           // by the server: what was still to be read is lost
  std::size_t room = SIZE_MAX;  // for bytes that the server has not read
  std::size_t most = SIZE_MAX;  // moved by one read or write
  std::string to_server;
  std::string to_client;
  std::vector<Argv> commands;  // all that it ever read
};

// The first whole command in `bytes`, taken off it.
std::optional<Argv> take_command(std::string& bytes);
std::string bulk(std::string_view text);
std::string integer(std::uint64_t number);

class SimNetwork {
 public:
  virtual ~SimNetwork() = default;
  // Does all that is due now. True if anything moved.
  virtual bool pump() = 0;
  // When there is something to do again. Asked before time passes.
  virtual TimePoint next_due() = 0;
  virtual std::vector<std::shared_ptr<SimLink>>& links() = 0;
};

class SimPeer {
 public:
  virtual ~SimPeer() = default;
  // The link that a connect leads to; null: refused at once. `port`: as the dialler says, 0 where it does not matter.
  virtual std::shared_ptr<SimLink> accept(std::uint16_t port) = 0;
};

class SimServer final : public SimNetwork, public SimPeer {
 public:
  // Bytes to answer with, or nothing to let the server answer by itself.
  using Handler = std::function<std::optional<std::string>(const Argv&)>;

  explicit SimServer(testing::ManualClock& clock) : clock_(clock) {}

  bool refuses = false;  // connects
  std::uint16_t refuses_port = 0;
  bool silent = false;  // connects are not answered at all
  bool frozen = false;  // reads nothing, answers nothing
  bool knows_hello = true;
  Milliseconds delay{0};        // before each answer
  std::size_t room = SIZE_MAX;  // of new links, for bytes that are on the way
  Handler handler;
  // Asked first: for answers that depend on the link.
  std::function<std::optional<std::string>(SimLink&, const Argv&)> link_handler;

  std::shared_ptr<SimLink> accept(std::uint16_t port = 0) override;
  // Reads and answers what has come.
  bool pump() override;
  // Makes all links end as by a dying process.
  void drop_links();
  void push_to_all(std::string_view bytes);

  std::vector<std::shared_ptr<SimLink>>& links() override { return links_; }
  std::shared_ptr<SimLink> last() const { return links_.back(); }
  std::size_t dials = 0;
  std::vector<TimePoint> dial_times;
  // All commands on all links but the handshakes' and the fences'.
  std::vector<std::string> asked() const;
  TimePoint next_due() override;

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
  SimLoop(testing::ManualClock& clock, SimNetwork& network) : clock_(clock), network_(network) {}

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
  SimNetwork& network_;
  std::map<int, Watched> watched_;
  std::vector<wire::Event> events_;
};

class SimDialer final : public wire::Dialer {
 public:
  explicit SimDialer(SimPeer& peer, std::uint16_t port = 0) : peer_(peer), port_(port) {}
  std::unique_ptr<wire::Stream> dial() override;

 private:
  SimPeer& peer_;
  const std::uint16_t port_;
};

// What the node's listener and the log were told, as short lines.
class Recorder final : public NodeListener, public LogSink {
 public:
  void on_refused(std::string_view reason) noexcept override { told.push_back("refused: " + std::string(reason)); }
  void on_condemned(std::string_view reason) noexcept override { told.push_back("condemned: " + std::string(reason)); }
  void on_answered(Microseconds) noexcept override { told.emplace_back("answered"); }
  void write(const LogRecord& record) noexcept override;

  std::vector<std::string> told;
  std::vector<std::string> logged;
};

// Everything together, with what Client adds to it.
class SimClient {
 public:
  explicit SimClient(ClientOptions options = {});
  ~SimClient();

  // Lets the calls of the provider of credentials that are under way come back.
  void answer_provider();

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
  std::vector<CredentialSource::Task> provider_calls;
  std::shared_ptr<CredentialSource> credentials;
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
