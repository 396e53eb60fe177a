// Client, switch and keeper, tied together so that each outlives those that call it:
//
//   client --(listener)--> NodeReports --> switch <--(run_due)-- keeper
//
// Whoever holds the client holds its listener and the switch with it (Node); the keeper holds the switch.
#include <envoyou/backing.hpp>

#include <functional>
#include <utility>

#include "services/keeper.hpp"

namespace envoyou {
namespace {

// Tells the switch what the client sees of the node.
class NodeReports final : public redis::NodeListener {
 public:
  NodeReports(std::shared_ptr<Switch> fallback, std::function<void()> on_first_refusal)
      : fallback_(std::move(fallback)), on_first_refusal_(std::move(on_first_refusal)) {}

  void on_refused(std::string_view reason) noexcept override {
    fallback_->on_refused(reason);
    if (refused_) return;
    refused_ = true;
    on_first_refusal_();
  }
  void on_condemned(std::string_view reason) noexcept override { fallback_->on_condemned(reason); }
  void on_answered(Microseconds) noexcept override { fallback_->on_answered(); }

 private:
  std::shared_ptr<Switch> fallback_;
  std::function<void()> on_first_refusal_;
  bool refused_ = false;  // confined to the client's I/O thread
};

struct Node {
  Node(std::shared_ptr<Switch> fallback, std::function<void()> on_first_refusal)
      : reports(std::move(fallback), std::move(on_first_refusal)) {}
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

Result<Backing> open_backing(BackingOptions options, Runtime runtime) {
  Backing backing;
  backing.runtime = runtime;
  backing.fallback = std::make_shared<Switch>(options.fallback, runtime, true);
  auto keeper = Keeper::start(backing.fallback, runtime);
  if (!keeper) return keeper.error();
  backing.keeper = *std::move(keeper);

  auto node = std::make_shared<Node>(backing.fallback, backing.keeper->give_up());
  auto client = redis::Client::open(std::move(options.redis), runtime, &node->reports);
  if (!client) return client.error();
  node->client = *std::move(client);
  backing.client = std::shared_ptr<redis::Client>(node, node->client.get());

  if (options.wait_for_first_answer > Milliseconds(0)) {
    backing.keeper->wait_until_redis(Deadline::after(*runtime.clock, options.wait_for_first_answer));
  }
  return backing;
}

}  // namespace envoyou
