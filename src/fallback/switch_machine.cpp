#include "fallback/switch_machine.hpp"

#include <string>

namespace envoyou::fallback {

SwitchMachine::SwitchMachine(BreakerOptions options, bool has_redis) noexcept
    : breaker_(options), has_redis_(has_redis), mode_(has_redis ? Mode::kRedis : Mode::kLocal) {}

std::optional<SwitchTransition> SwitchMachine::on_failure(TimePoint now, std::string_view reason) {
  if (!has_redis_) return std::nullopt;
  breaker_.on_failure(now);
  if (mode_ == Mode::kLocal) return std::nullopt;
  return move_to(Mode::kLocal, reason);
}

void SwitchMachine::on_answered(TimePoint now) noexcept {
  if (has_redis_) breaker_.on_answered(now);
}

std::optional<SwitchTransition> SwitchMachine::advance(TimePoint now) {
  if (!has_redis_ || !breaker_.advance(now) || mode_ != Mode::kLocal) return std::nullopt;
  const std::string reason = "answers since " + std::to_string(breaker_.stable_for().count()) + " ms";
  return move_to(Mode::kRecovering, reason);
}

std::optional<SwitchTransition> SwitchMachine::on_carried_over() {
  if (mode_ != Mode::kRecovering) return std::nullopt;
  return move_to(Mode::kRedis, "carried over");
}

SwitchTransition SwitchMachine::move_to(Mode mode, std::string_view reason) {
  SwitchTransition made{mode_, mode, std::string(reason)};
  mode_ = mode;
  return made;
}

}  // namespace envoyou::fallback
