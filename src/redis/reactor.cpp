#include "redis/reactor.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

Reactor::~Reactor() = default;

void Reactor::add(std::shared_ptr<Node> node) {
  nodes_.push_back(std::move(node));
  Node* const added = nodes_.back().get();
  added->next.store(first_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  first_.store(added, std::memory_order_release);
}

void Reactor::remove(Node& node, const Error& reason) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& each) { return each.get() == &node; });
  if (found == nodes_.end()) return;
  const std::shared_ptr<Node> kept = *found;
  for (Pending& pending : node.inbox.close()) pending.fail(reason);
  node.removed = true;
  node.engine.drop_everything(reason);
  node.end(reason);
  std::atomic<Node*>* link = &first_;
  while (link->load(std::memory_order_relaxed) != &node) link = &link->load(std::memory_order_relaxed)->next;
  link->store(node.next.load(std::memory_order_relaxed), std::memory_order_release);
  nodes_.erase(found);
}

bool Reactor::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
  }
  loop_.wake();
  return true;
}

void Reactor::step(TimePoint until) {
  const TimePoint asked = clock_->now();
  const bool may_sleep = nothing_waits();
  const auto events = may_sleep ? sleep(asked, std::min(until, due())) : loop_.wait(TimePoint::min());
  now_ = clock_->now();
  for (const wire::Event& event : events) dispatch(event, now_);
  if (!events.empty()) now_ = clock_->now();
  run_tasks();
  if (steward_) steward_->turn(now_);
  turning_ = nodes_;
  for (const auto& node : turning_) {
    if (!node->removed) node->engine.turn(asked, now_);
  }
  turning_.clear();
}

// With nothing to do, and with callers that come one by one, they are given the role until something is to be done.
std::span<const wire::Event> Reactor::sleep(TimePoint asked, TimePoint until) {
  if (role_ == nullptr || !is_called_alone()) return loop_.wait(until);
  for (const auto& node : nodes_) node->engine.mute();
  role_->offer(true);
  role_->give();
  const auto events = loop_.wait(std::min(until, asked + kLinger));
  role_->take();
  role_->offer(false);
  for (const auto& node : nodes_) node->engine.unmute();
  return events;
}

bool Reactor::is_called_alone() const noexcept {
  const auto quiet = [](const auto& node) { return node->engine.is_quiet(); };
  const auto alone = [](const auto& node) { return node->engine.is_called_alone(); };
  return std::all_of(nodes_.begin(), nodes_.end(), quiet) && std::any_of(nodes_.begin(), nodes_.end(), alone);
}

void Reactor::dispatch(const wire::Event& event, TimePoint now) {
  const std::uint32_t id = Engine::id_of(event.token);
  for (const auto& node : nodes_) {
    if (node->id == id) return node->engine.on_event(event, now);
  }
}

void Reactor::run_tasks() {
  std::vector<Task> running;
  {
    const std::lock_guard lock(mutex_);
    running.swap(tasks_);
  }
  for (Task& task : running) task();
}

// True: nothing is there, and whatever comes next wakes the loop.
bool Reactor::nothing_waits() {
  {
    const std::lock_guard lock(mutex_);
    if (!tasks_.empty()) return false;
  }
  if (steward_ && !steward_->may_sleep()) return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->inbox.may_sleep(); });
}

TimePoint Reactor::due() const {
  TimePoint earliest = steward_ ? steward_->due() : TimePoint::max();
  for (const auto& node : nodes_) earliest = std::min(earliest, node->engine.due());
  return earliest;
}

void Reactor::drop_everything(const Error& reason) {
  turning_ = nodes_;
  for (const auto& node : turning_) node->engine.drop_everything(reason);
  turning_.clear();
  if (steward_) steward_->drop_everything(reason);
}

void Reactor::close() {
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(tasks_);
  }
  if (steward_) steward_->close();
  for (const auto& node : nodes_) {
    for (Pending& pending : node->inbox.close()) pending.fail(Error(Errc::kClosed));
  }
}

void Reactor::show_closed() {
  for (const auto& node : nodes_) node->end(Error(Errc::kClosed));
  if (steward_) steward_->show_closed();
}

void Reactor::close_descriptors_in_child() noexcept {
  for (Node* node = first_.load(std::memory_order_acquire); node != nullptr;
       node = node->next.load(std::memory_order_acquire)) {
    node->engine.close_descriptors_in_child();
  }
}

}  // namespace envoyou::redis
