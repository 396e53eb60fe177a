#include "fallback/roster.hpp"

#include <algorithm>

namespace envoyou::fallback {

void Roster::add(CarryOver* participant) {
  const std::lock_guard lock(mutex_);
  participants_.push_back(participant);
}

void Roster::remove(CarryOver* participant) {
  std::unique_lock lock(mutex_);
  std::erase(participants_, participant);
  ended_.wait(lock, [&] { return calling_ != participant; });
}

bool Roster::empty() const {
  const std::lock_guard lock(mutex_);
  return participants_.empty();
}

bool Roster::has_pending() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(participants_, [](const CarryOver* each) { return each->pending() > 0; });
}

bool Roster::begin(CarryOver* participant) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(participants_, participant) == participants_.end()) return false;
  calling_ = participant;
  return true;
}

void Roster::end() {
  {
    const std::lock_guard lock(mutex_);
    calling_ = nullptr;
  }
  ended_.notify_all();
}

bool Roster::run(Whom whom, Deadline deadline, const std::function<bool()>& goes_on,
                 const std::function<void(const CarryOver&, const Error&)>& failed) {
  std::vector<CarryOver*> snapshot;
  {
    const std::lock_guard lock(mutex_);
    snapshot = participants_;
  }
  bool all = true;
  for (CarryOver* each : snapshot) {
    if (!goes_on()) return false;
    if (!begin(each)) continue;
    if (whom == Whom::kAll || each->pending() > 0) {
      const Result<void> done = each->carry_over(deadline);
      if (!done) failed(*each, done.error());
      all = all && done.ok();
    }
    end();
  }
  return all;
}

}  // namespace envoyou::fallback
