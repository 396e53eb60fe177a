// What the session store tells of itself: counters by operation and outcome, and log lines with handles, never with
// ids, user data or users.
//
// Thread-safe.
#pragma once

#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace envoyou::session {

enum class Operation : std::uint8_t {
  kCreate,
  kGet,
  kValidate,
  kReplace,
  kMerge,
  kTouch,
  kRotate,
  kRemove,
  kList,
  kRevoke,
  kRevokeAll,
};
inline constexpr std::size_t kOperations = 11;

std::string_view to_string(Operation operation) noexcept;

class Observer {
 public:
  explicit Observer(Runtime runtime);

  // An operation has ended; `handle` is empty where it is not about one session.
  void done(Operation operation, std::string_view handle) const;
  void failed(Operation operation, std::string_view handle, const Error& error) const;

  // Redis was asked and gave no answer; this process goes on by itself.
  void unanswered(const Error& error) const;
  void carried(std::size_t taken_over, std::size_t ended, std::size_t outdone) const;
  void lost(std::string_view handle, const Error& error) const;
  void pending(std::size_t entries) const;
  void overflows(std::uint64_t total) const;
  void copies(std::size_t entries) const;
  void clock_differs(std::int64_t offset_ms) const;

 private:
  enum Outcome : std::uint8_t { kOk, kNotFound, kConflict, kUnknown, kInvalid, kError };
  static constexpr std::size_t kOutcomes = 6;
  static Outcome outcome_of(const Error& error) noexcept;
  void count(Operation operation, Outcome outcome) const;

  Runtime runtime_;
  std::array<std::array<Counter*, kOutcomes>, kOperations> operations_{};
  Counter& taken_over_;
  Counter& ended_;
  Counter& outdone_;
  Counter& lost_;
  Gauge& pending_;
  Gauge& overflows_;
  Gauge& copies_;
};

}  // namespace envoyou::session
