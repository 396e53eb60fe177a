// Lets the merges of one session in this process go one after the other. Each is read, merge, write-if-unchanged; a
// crowd of them would spend its time on each other's conflicts. Between processes the version alone decides.
//
// Thread-safe. Sessions share kGates gates by the hash of their names.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string_view>

namespace envoyou::session {

class MergeGate {
 public:
  static constexpr std::size_t kGates = 64;

 private:
  struct Gate {
    std::mutex mutex;
    std::condition_variable free;
    bool taken = false;
  };

 public:
  // The right to pass, given back when it goes.
  class Pass {
   public:
    explicit Pass(Gate& gate) noexcept : gate_(&gate) {}
    Pass(Pass&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    Gate* gate_;
  };

  // Nullopt: the deadline passed first.
  std::optional<Pass> enter(std::string_view name, Clock& clock, Deadline deadline);

 private:
  std::array<Gate, kGates> gates_;
};

}  // namespace envoyou::session
