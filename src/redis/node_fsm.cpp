#include "redis/node_fsm.hpp"

namespace envoyou::redis {

TimePoint NodeFsm::next_dial() const noexcept {
  const bool one_is_enough = reach_ != Reach::kUp && dialling_ > 0;
  return down_ == 0 || one_is_enough ? TimePoint::max() : policy_.next_attempt();
}

void NodeFsm::on_dial(TimePoint now) {
  policy_.on_attempt(now);
  --down_;
  ++dialling_;
}

void NodeFsm::on_ready() {
  policy_.on_ready();
  --dialling_;
  ++ready_;
  reach_ = Reach::kUp;
}

void NodeFsm::on_failed() {
  policy_.on_failed();
  --dialling_;
  ++down_;
  if (ready_ == 0) reach_ = Reach::kAway;
}

void NodeFsm::on_lost(TimePoint now) {
  --ready_;
  ++down_;
  if (ready_ > 0) return;
  policy_.on_lost();
  const bool at_once = dialling_ > 0 || policy_.next_attempt() <= now;
  reach_ = at_once ? Reach::kTrying : Reach::kAway;
}

}  // namespace envoyou::redis
