#include "session/server_time.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace envoyou::session {
namespace {
constexpr std::int64_t kMeasureEveryMs = 60'000;
}  // namespace

ServerTime::ServerTime(std::shared_ptr<Clock> clock, NodeOf node_of)
    : clock_(std::move(clock)),
      node_of_(std::move(node_of)),
      opened_(clock_->now()),
      opened_wall_ms_(to_unix_ms(clock_->wall_now())) {}

std::int64_t ServerTime::local_ms(TimePoint at) const noexcept {
  return opened_wall_ms_ + std::chrono::duration_cast<Milliseconds>(at - opened_).count();
}

std::int64_t ServerTime::now_ms(std::string_view tag) const {
  return local_ms(clock_->now()) + (has_many_nodes() ? offset_of(node_of(tag)) : offset_ms());
}

std::int64_t ServerTime::now_ms() const {
  std::int64_t least = offset_ms();
  if (has_many_nodes()) {
    const std::lock_guard lock(mutex_);
    for (const auto& [node, calendar] : nodes_) least = std::min(least, calendar.offset_ms.load());
  }
  return local_ms(clock_->now()) + least;
}

std::int64_t ServerTime::offset_of(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  return found != nodes_.end() ? found->second.offset_ms.load() : offset_ms();
}

void ServerTime::measured(std::int64_t server_ms, TimePoint sent, TimePoint received, const std::string& node) {
  const std::int64_t earliest = local_ms(sent);
  const std::int64_t latest = local_ms(received);
  const std::int64_t offset = server_ms - (earliest + latest) / 2;
  const std::int64_t error = (latest - earliest) / 2 + 2;
  if (!has_many_nodes()) return set(first_, offset, error, latest);
  if (node.empty()) return;
  const std::lock_guard lock(mutex_);
  if (nodes_.size() == kMaxNodes && !nodes_.contains(node)) nodes_.clear();
  Calendar& calendar = nodes_[node];
  set(calendar, offset, error, latest);
  if (nodes_.begin()->first == node) assume_offset(calendar.offset_ms.load());
}

void ServerTime::set(Calendar& calendar, std::int64_t offset, std::int64_t error, std::int64_t at_ms) {
  const bool first = calendar.measured_at_ms.exchange(at_ms, std::memory_order_relaxed) == kNever;
  const std::int64_t known = calendar.offset_ms.load(std::memory_order_relaxed);
  if (first || std::llabs(offset - known) > error) calendar.offset_ms.store(offset, std::memory_order_relaxed);
}

std::int64_t ServerTime::measured_at(const std::string& node) const {
  if (!has_many_nodes()) return first_.measured_at_ms.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  return found != nodes_.end() ? found->second.measured_at_ms.load() : kNever;
}

bool ServerTime::was_measured(const std::string& node) const { return measured_at(node) != kNever; }

bool ServerTime::wants_measuring(const std::string& node) const {
  const std::int64_t last = measured_at(node);
  return last == kNever || local_ms(clock_->now()) - last >= kMeasureEveryMs;
}

}  // namespace envoyou::session
