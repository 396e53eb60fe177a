// What the links of a client authenticate with, now: given once, set by the host, or fetched from its provider.
//
//             asked (thread)         answered: other than before
//   none ----------------> asking ------------------------------> known, generation + 1 --> links are told
//     ^                      |  |                                   |
//     '------- failed -------'  '--- failed, or the same as before -' <-- due (a fifth of valid_for is left),
//                                                                         or refused by the server: asked again
//
// Asked at most once every kAskEvery, one call at a time. What was known goes on being used until something newer is:
// a provider that fails does no harm while the server still takes the old.
//
// Shared by all nodes of a client, and by a provider's call that outlives it. Thread-safe.
#pragma once

#include "base/unique_function.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/log.hpp>
#include <envoyou/redis/credentials.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace envoyou::redis {

// Immutable. `generation` grows with each that is other than the one before.
struct Identity {
  std::string username;
  std::string password;
  std::uint64_t generation = 1;
};

class CredentialSource : public std::enable_shared_from_this<CredentialSource> {
 public:
  static constexpr Milliseconds kAskEvery{1'000};
  static constexpr Milliseconds kMostMargin{60'000};
  static constexpr int kMarginPart = 5;

  using Task = base::UniqueFunction<void()>;
  // Runs a task on another thread. False: there is none to be had.
  using Runner = std::function<bool(Task)>;
  static bool run_on_new_thread(Task task) noexcept;

  // `wake` is called on any thread when something is new.
  static std::shared_ptr<CredentialSource> make(const ClientOptions& options, const Runtime& runtime,
                                                std::function<void()> wake, Runner runner = run_on_new_thread);

  // Null: the provider has not given any yet.
  std::shared_ptr<const Identity> current() const;
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

  // Replaces them. REQUIRES: `credentials` was validated.
  void set(Credentials credentials);

  // May a link be dialled? kPending: the provider is being asked for the first time; wake() tells when to come again.
  enum class Readiness : std::uint8_t { kReady, kPending, kFailed };
  Readiness readiness(TimePoint now) const;
  // REQUIRES: kFailed.
  Error failure() const;

  // Asks the provider if that is due.
  void on_turn(TimePoint now);
  TimePoint due() const noexcept { return TimePoint(TimePoint::duration(due_.load(std::memory_order_acquire))); }

  // What the server said to the credentials of this generation.
  void on_accepted(std::uint64_t generation);
  void on_refused(std::uint64_t generation);

 private:
  CredentialSource(const ClientOptions& options, const Runtime& runtime, std::function<void()> wake, Runner runner);
  void ask(TimePoint now);
  void arrived(Result<Credentials> answer, TimePoint asked_at);
  void fail(const Error& why);
  void adopt(Credentials credentials);
  void reckon();

  const CredentialsProvider provider_;  // empty: none
  const Milliseconds patience_;         // for the first answer
  const std::string node_;              // for the log
  const Logger logger_;
  const std::function<void()> wake_;
  const Runner runner_;

  std::atomic<std::uint64_t> generation_{0};
  std::atomic<TimePoint::rep> due_{TimePoint::max().time_since_epoch().count()};

  // All below: guarded by mutex_.
  mutable std::mutex mutex_;
  std::shared_ptr<const Identity> identity_;
  std::optional<Error> failure_;  // of the last call; none while calls succeed
  bool wanted_ = false;           // there are none, or the server refuses them
  bool asking_ = false;
  TimePoint asked_at_ = TimePoint::min();
  TimePoint may_ask_ = TimePoint::min();
  TimePoint refresh_at_ = TimePoint::max();
};

}  // namespace envoyou::redis
