// A callable that can be moved but not copied: what std::move_only_function is in C++23. Empty ones must not be called.
// Thread rule: belongs to whoever holds it.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace envoyou::base {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() noexcept = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction>)
      UniqueFunction(F f)  // NOLINT(google-explicit-constructor)
      : held_(std::make_unique<Holder<F>>(std::move(f))) {}

  explicit operator bool() const noexcept { return held_ != nullptr; }
  R operator()(Args... args) { return held_->call(std::forward<Args>(args)...); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Holder final : Base {
    explicit Holder(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Base> held_;
};

}  // namespace envoyou::base
