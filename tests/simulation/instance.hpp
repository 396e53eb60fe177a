// One client of the simulation, put together as Client does it, without the thread. May be closed and replaced by
// another over the same world.
// Confined to one thread.
#pragma once

#include "world.hpp"

#include "redis/node.hpp"
#include "redis/reactor.hpp"

#include "sim.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace envoyou::simulation {

// Sees every log line and every word to the listener: none may hold the password.
class Witness final : public LogSink, public redis::NodeListener {
 public:
  explicit Witness(Journal& journal) : journal_(journal) {}
  void write(const LogRecord& record) noexcept override;
  void on_refused(std::string_view reason) noexcept override { see("refused", reason); }
  void on_condemned(std::string_view reason) noexcept override { see("condemned", reason); }
  void on_answered(Microseconds) noexcept override {}

  void see(std::string_view what, std::string_view text) noexcept;

 private:
  Journal& journal_;
};

inline constexpr std::string_view kPassword = "hunter2-correct-horse";

// What callers need of a client.
class ClientInWorld {
 public:
  virtual ~ClientInWorld() = default;
  // As Client::submit_all.
  virtual void submit(std::vector<redis::Submission> group, TimePoint now, TimePoint deadline) = 0;
};

class Instance final : public ClientInWorld {
 public:
  Instance(const redis::ClientOptions& options, const std::shared_ptr<testing::ManualClock>& clock, World& world,
           Host& host, const std::shared_ptr<Witness>& witness, std::uint64_t seed);

  void step(TimePoint until) { reactor_.step(until); }
  void submit(std::vector<redis::Submission> group, TimePoint now, TimePoint deadline) override;
  // What the I/O thread does at its end.
  void close();
  void wake() { loop_.wake(); }
  bool may_sleep() { return node_->inbox.may_sleep(); }

  bool is_up() const { return node_->board.is_up(); }
  redis::ClientStats stats() const;
  const redis::Quota& quota() const { return node_->inbox.quota(); }

 private:
  redis::SimLoop loop_;
  redis::Reactor reactor_;
  std::shared_ptr<redis::Node> node_;
};

}  // namespace envoyou::simulation
