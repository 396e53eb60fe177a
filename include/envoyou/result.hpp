// Result<T>: a value or an Error; a subset of std::expected<T, Error> (C++23), with its names, so that it can become an
// alias.
//
// Does not throw. `value()` and `*` on an error, and `error()` on a value, are programming errors: they end the process
// with a message, also in release builds, since going on would mean answering with garbage.
//
// Thread rule: like std::string. An Error shares its immutable text between copies.
#pragma once

#include <envoyou/errc.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace envoyou {

// A failure: a code to branch on and a text for people. The text is lower case, without a final dot, says what, where
// and with which value, and never holds a secret. One pointer and one number wide.
class [[nodiscard]] Error {
 public:
  Error() noexcept : code_(Errc::kInternal) {}
  explicit Error(Errc code) noexcept : code_(code) {}
  Error(Errc code, std::string message)
      : code_(code), message_(std::make_shared<const std::string>(std::move(message))) {}

  Errc code() const noexcept { return code_; }
  std::string_view message() const noexcept { return message_ ? std::string_view(*message_) : to_string(code_); }

  // True where the same call may well succeed later (network, a loading server); false where it will not.
  bool is_retryable() const noexcept {
    switch (code_) {
      case Errc::kTimeout:
      case Errc::kNotSent:
      case Errc::kUnavailable:
      case Errc::kConnectionLost:
      case Errc::kQueueFull:
      case Errc::kLoading:
      case Errc::kUnknown: return true;
      default: return false;
    }
  }

  // True where the command may have been executed although no answer came.
  bool is_ambiguous() const noexcept {
    return code_ == Errc::kTimeout || code_ == Errc::kConnectionLost || code_ == Errc::kForeignReply ||
           code_ == Errc::kProtocol;
  }

  friend bool operator==(const Error& a, const Error& b) noexcept {
    return a.code_ == b.code_ && a.message() == b.message();
  }

 private:
  Errc code_;
  std::shared_ptr<const std::string> message_;
};

// An error about one input: "limit: must be at least 1, got -5".
Error invalid_argument(std::string_view field, std::string_view problem);

namespace detail {
[[noreturn]] void misuse(const char* what, std::string_view why);
}  // namespace detail

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : value_(std::move(value)), holds_value_(true) {}  // NOLINT(google-explicit-constructor)
  Result(Error error) noexcept
      : error_(std::move(error)), holds_value_(false) {}  // NOLINT(google-explicit-constructor)
  template <class U>
  requires(std::constructible_from<T, U&&> && !std::same_as<std::remove_cvref_t<U>, Result> &&
           !std::same_as<std::remove_cvref_t<U>, Error> &&
           !std::same_as<std::remove_cvref_t<U>, T>) explicit(!std::convertible_to<U&&, T>)
      Result(U&& value)  // NOLINT(google-explicit-constructor)
      : value_(std::forward<U>(value)), holds_value_(true) {}

  Result(const Result& other) requires std::copy_constructible<T> : holds_value_(other.holds_value_) {
    holds_value_ ? void(std::construct_at(&value_, other.value_)) : void(std::construct_at(&error_, other.error_));
  }
  Result(Result&& other) noexcept : holds_value_(other.holds_value_) { take(std::move(other)); }
  Result& operator=(const Result& other) requires std::copy_constructible<T> { return *this = Result(other); }
  Result& operator=(Result&& other) noexcept {
    if (this == &other) return *this;
    drop();
    holds_value_ = other.holds_value_;
    take(std::move(other));
    return *this;
  }
  ~Result() { drop(); }

  bool has_value() const noexcept { return holds_value_; }
  bool ok() const noexcept { return has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return check(), value_; }
  const T& value() const& { return check(), value_; }
  T&& value() && { return check(), std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    if (has_value()) detail::misuse("error() of a Result that holds a value", "no error");
    return error_;
  }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  template <class F>
  auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return error();
    return std::forward<F>(f)(std::move(*this).value());
  }
  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return error();
    return std::forward<F>(f)(std::move(*this).value());
  }

 private:
  void check() const {
    if (!has_value()) detail::misuse("value() of a Result that holds an error", error().message());
  }
  void drop() noexcept { holds_value_ ? std::destroy_at(&value_) : std::destroy_at(&error_); }
  void take(Result&& other) noexcept {
    holds_value_ ? void(std::construct_at(&value_, std::move(other.value_)))
                 : void(std::construct_at(&error_, std::move(other.error_)));
  }

  // By hand, not std::variant: every file has some dozens of these, and they were a good part of its compile time.
  union {
    T value_;
    Error error_;
  };
  bool holds_value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() noexcept = default;
  Result(Error error) noexcept : failed_(true), error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return !failed_; }
  bool ok() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return !failed_; }
  void value() const {
    if (failed_) detail::misuse("value() of a Result that holds an error", error_.message());
  }
  const Error& error() const& {
    if (!failed_) detail::misuse("error() of a Result that holds a value", "no error");
    return error_;
  }

 private:
  bool failed_ = false;
  Error error_{Errc::kOk};
};

}  // namespace envoyou
