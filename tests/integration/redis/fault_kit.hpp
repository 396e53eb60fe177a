// What the tests of faults have in common: callers that check whose answer they got, a listener that counts, and how
// the figures that docs/faults.md tells are shown.
#pragma once

#include "redis_commands.hpp"

#include <envoyou/redis/client.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace envoyou::redis {

// What a busy machine of two cores may take on top of a deadline.
inline constexpr std::chrono::milliseconds kGrace{50};

// Counts what the listener is told.
class Listener final : public NodeListener {
 public:
  void on_refused(std::string_view) noexcept override { ++refused; }
  void on_condemned(std::string_view) noexcept override { ++condemned; }
  void on_answered(Microseconds) noexcept override { ++answered; }
  std::atomic<int> refused{0};
  std::atomic<int> condemned{0};
  std::atomic<int> answered{0};
};

// Threads that each ask for their own keys and check whose answer they got.
class Load {
 public:
  Load(Client& client, int threads, Milliseconds timeout) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back([this, &client, t, timeout] { run(client, t, timeout); });
  }
  ~Load() { stop(); }
  void stop() {
    stopping_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::atomic<std::int64_t> right{0};
  std::atomic<std::int64_t> wrong{0};
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> longest_ms{0};

 private:
  static Result<std::string> decode_own(const ReplyView& reply, std::uint64_t tag) {
    if (reply.is_string() && reply.text == "value " + std::to_string(tag)) return std::string(reply.text);
    return Error(Errc::kForeignReply, "not the value of this key");
  }

  void run(Client& client, int thread, Milliseconds timeout) {
    for (std::uint64_t i = 0; !stopping_; ++i) {
      const std::uint64_t tag = static_cast<std::uint64_t>(thread) * 1'000 + i % 50;
      // The value restates its key, as everything that the modules store.
      const Command<std::string> ask(Words("GET", tag), decode_own, Repeat::kIsSafe, tag);
      Result<std::string> result = Error(Errc::kInternal);
      const auto took = time_of([&] { result = client.run(ask, {within(timeout)}); }).count();
      for (auto longest = longest_ms.load(); took > longest && !longest_ms.compare_exchange_weak(longest, took);) {
      }
      if (!result) {
        ++failed;
      } else {
        ++(*result == "value " + std::to_string(tag) ? right : wrong);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

inline void fill(Client& client, int threads) {
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < 50; ++i) {
      const std::string key = std::to_string(t * 1'000 + i);
      ASSERT_TRUE(client.run(set(key, "value " + key), {within(std::chrono::seconds(2))}));
    }
  }
}

inline constexpr int kThreads = 8;

// How late a thread wakes that does nothing but sleep, at worst, while this lives. What the machine itself takes is no
// client's fault: bounds in real time are stretched by it. On a quiet machine it is a millisecond.
class Yardstick {
 public:
  Yardstick()
      : thread_([this] {
          while (!stopping_) {
            const auto begin = Clock_::now();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(Clock_::now() - begin).count() - 1;
            if (late > worst_) worst_ = late;
          }
        }) {}
  ~Yardstick() {
    stopping_ = true;
    thread_.join();
  }
  Yardstick(const Yardstick&) = delete;
  Yardstick& operator=(const Yardstick&) = delete;

  std::chrono::milliseconds worst() const { return std::chrono::milliseconds(worst_.load()); }
  // A caller and the client's thread may both be held up, and a server on top of them.
  std::chrono::milliseconds allows(std::chrono::milliseconds bound) const { return bound + 3 * worst(); }
  // The machine stood still for so long that a healthy server may have been taken for a silent one.
  bool was_held_up() const { return worst() > std::chrono::milliseconds(25); }

 private:
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> worst_{0};
  std::thread thread_;
};

// One line for docs/faults.md.
inline void figure(std::string_view what, std::int64_t value, std::string_view unit) {
  std::printf("[  FIGURE  ] %.*s: %lld %.*s\n", static_cast<int>(what.size()), what.data(),
              static_cast<long long>(value), static_cast<int>(unit.size()), unit.data());
}

inline std::int64_t resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmRSS:") continue;
    std::int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  return 0;
}

inline std::int64_t entries_of(const std::string& folder) {
  std::int64_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace envoyou::redis
