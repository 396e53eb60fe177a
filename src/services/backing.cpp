// Client, switch and keeper, tied together so that each outlives those that call it:
//
//   client --(listener)--> NodeReports --> switch <--(run_due)-- keeper
//
// Whoever holds the client holds its listener and the switch with it (Node); the keeper holds the switch.
#include <envoyou/backing.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "services/keeper.hpp"

namespace envoyou {
namespace {

// Whether the node was heard of at all: an answer, or a refusal. Thread-safe.
class FirstWord {
 public:
  void spoken() noexcept {
    const std::lock_guard lock(mutex_);
    spoken_ = true;
    wake_.notify_all();
  }
  void wait(Clock& clock, TimePoint until) {
    std::unique_lock lock(mutex_);
    while (!spoken_ && clock.now() < until) clock.wait_until(lock, wake_, until);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool spoken_ = false;
};

// Tells the switch what the client sees of the node.
class NodeReports final : public redis::NodeListener {
 public:
  explicit NodeReports(std::shared_ptr<Switch> fallback) : fallback_(std::move(fallback)) {}

  void on_refused(std::string_view reason) noexcept override {
    fallback_->on_refused(reason);
    first_word.spoken();
  }
  void on_condemned(std::string_view reason) noexcept override {
    fallback_->on_condemned(reason);
    first_word.spoken();
  }
  void on_answered(Microseconds) noexcept override {
    fallback_->on_answered();
    first_word.spoken();
  }

  FirstWord first_word;

 private:
  std::shared_ptr<Switch> fallback_;
};

struct Node {
  explicit Node(std::shared_ptr<Switch> fallback) : reports(std::move(fallback)) {}
  NodeReports reports;
  std::shared_ptr<redis::Client> client;  // last, so that it goes first
};

}  // namespace

Backing in_process_backing(Runtime runtime) {
  Backing backing;
  backing.fallback = std::make_shared<Switch>(SwitchOptions{}, runtime, false);
  backing.runtime = std::move(runtime);
  return backing;
}

Result<Backing> open_backing(BackingOptions options, const Runtime& runtime) {
  Backing backing;
  backing.runtime = runtime;
  backing.fallback = std::make_shared<Switch>(options.fallback, runtime, true);
  auto keeper = Keeper::start(backing.fallback, runtime);
  if (!keeper) return keeper.error();
  backing.keeper = *std::move(keeper);

  auto node = std::make_shared<Node>(backing.fallback);
  auto client = redis::Client::open(std::move(options.redis), runtime, &node->reports);
  if (!client) return client.error();
  node->client = *std::move(client);
  backing.client = std::shared_ptr<redis::Client>(node, node->client.get());

  node->reports.first_word.wait(*runtime.clock, runtime.clock->now() + options.wait_for_first_answer);
  return backing;
}

}  // namespace envoyou
