// The state of one meter, whichever its algorithm (algorithms/meter.hpp has the verbs). Confined to one thread.
#pragma once

#include "limiter/algorithms/buckets.hpp"
#include "limiter/algorithms/gcra.hpp"
#include "limiter/algorithms/lease_book.hpp"
#include "limiter/algorithms/sliding_log.hpp"

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace envoyou::limiter {

class MeterState {
  using State = std::variant<SlidingLog, Gcra, Buckets, std::unique_ptr<LeaseBook>>;

  template <class F>
  auto visit(F f) const noexcept {
    switch (state_.index()) {
      case 0: return f(*std::get_if<0>(&state_));
      case 1: return f(*std::get_if<1>(&state_));
      case 2: return f(*std::get_if<2>(&state_));
      default: return f(std::as_const(**std::get_if<3>(&state_)));
    }
  }
  template <class F>
  void change(F f) {
    switch (state_.index()) {
      case 0: return f(*std::get_if<0>(&state_));
      case 1: return f(*std::get_if<1>(&state_));
      case 2: return f(*std::get_if<2>(&state_));
      default: return f(**std::get_if<3>(&state_));
    }
  }

 public:
  explicit MeterState(const MeterId& id) : state_(made_for(id)) {}

  Look look(Moment moment, std::int64_t rate) const noexcept {
    return visit([&](const auto& meter) { return look_at(meter, moment, rate); });
  }
  // `lease`: of concurrency.
  Ms retry_after(const Look& look, const RateRule& rule, std::int64_t cost, std::string_view lease) const noexcept {
    if (const LeaseBook* book = leases()) return book->retry_after(look, rule, cost, lease);
    return visit([&](const auto& meter) { return wait_of(meter, look, rule, cost); });
  }
  Ms forget_at() const noexcept {
    return visit([](const auto& meter) { return meter.forget_at(); });
  }
  std::size_t bytes() const noexcept {
    return visit([](const auto& meter) { return meter.bytes(); });
  }

  void force(const Look& look, std::int64_t cost) {
    change([&](auto& meter) {
      if constexpr (requires { meter.force(look, cost); }) meter.force(look, cost);
    });
  }
  void refund(const Look& look, std::int64_t units) {
    change([&](auto& meter) {
      if constexpr (requires { meter.refund(look, units); }) meter.refund(look, units);
    });
  }
  void hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) {
    change([&](auto& meter) { meter.hear(moment, answer, unknown_to_redis); });
  }
  void clear() {
    change([](auto& meter) { meter.clear(); });
  }

  // Our own admissions that count, oldest first: visit(at, cost). Leases are not among them.
  template <class Visit>
  void for_each_own(const Look& look, Visit visitor) const {
    visit([&](const auto& meter) {
      if constexpr (!std::is_same_v<std::decay_t<decltype(meter)>, LeaseBook>) meter.for_each_own(look, visitor);
    });
  }

  // Null if it is no concurrency.
  LeaseBook* leases() noexcept {
    auto* found = std::get_if<std::unique_ptr<LeaseBook>>(&state_);
    return found != nullptr ? found->get() : nullptr;
  }
  const LeaseBook* leases() const noexcept { return const_cast<MeterState*>(this)->leases(); }

 private:
  static State made_for(const MeterId& id) {
    switch (id.algorithm) {
      case Algorithm::kGcra: return Gcra(id.window);
      case Algorithm::kFixedWindow: return Buckets(id.window, Buckets::Fading::kNone);
      case Algorithm::kSlidingCounter: return Buckets(id.window, Buckets::Fading::kLinear);
      case Algorithm::kConcurrency: return std::make_unique<LeaseBook>(id.window);
      case Algorithm::kSlidingLog:
      case Algorithm::kCompactLog: break;
    }
    return SlidingLog(id.window);
  }

  static Look look_at(const Gcra& gcra, Moment moment, std::int64_t rate) noexcept { return gcra.look(moment, rate); }
  template <class Meter>
  static Look look_at(const Meter& meter, Moment moment, std::int64_t) noexcept {
    return meter.look(moment);
  }
  template <class Meter>
  static Ms wait_of(const Meter& meter, const Look& look, const RateRule& rule, std::int64_t cost) noexcept {
    return meter.retry_after(look, rule, cost);
  }
  static Ms wait_of(const LeaseBook& book, const Look& look, const RateRule& rule, std::int64_t cost) noexcept {
    return book.retry_after(look, rule, cost, {});
  }

  State state_;
};

}  // namespace envoyou::limiter
