// When callers come one by one, and what they may do themselves then. See direct_call.hpp.
#include "redis/engine.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

void Engine::watch_who_comes() {
  if (taken_.empty()) return;
  const bool alone = taken_.size() == 1 && taken_.front().alone && waiting_.empty() && in_flight() == 0;
  lone_calls_ = alone ? std::min(lone_calls_ + 1, kLoneCalls) : 0;
}

bool Engine::is_quiet() const noexcept {
  return waiting_.empty() &&
         std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link->core().is_quiet(); });
}

// What a sink is told, it is told on the I/O thread.
bool Engine::is_called_alone() const noexcept {
  return lone_calls_ == kLoneCalls && sink_ == nullptr && node_.ready() > 0;
}

void Engine::mute() {
  if (!is_called_alone()) return;
  direct_before_ = tally_.direct;
  for (const auto& link : links_) link->mute();
}

void Engine::unmute() {
  for (const auto& link : links_) link->unmute();
  if (tally_.direct == direct_before_ && lone_calls_ > 0) --lone_calls_;
}

Link* Engine::begin_direct(TimePoint now) {
  if (!waiting_.empty()) return nullptr;
  for (const auto& link : links_) {
    if (!link->is_muted()) continue;
    if (!link->look_before_direct(now)) return nullptr;
    ++tally_.direct;
    return link.get();
  }
  return nullptr;
}

// Nothing else has changed when all went well.
void Engine::after_direct() {
  node_.on_answered(static_cast<std::int64_t>(tally_.answered - std::exchange(answered_before_, tally_.answered)));
  board_.show_traffic(tally_);
}

}  // namespace envoyou::redis
