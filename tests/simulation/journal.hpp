// What happened in one run, as lines for people (if asked for) and as one number always: two runs of a seed must have
// the same number. Keeps the first violation of an invariant; a run ends with it.
// Confined to one thread.
#pragma once

#include <envoyou/testing/manual_clock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::simulation {

class Journal {
 public:
  Journal(const testing::ManualClock& clock, bool keeps_lines) : clock_(clock), keeps_lines_(keeps_lines) {}

  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0, std::string_view text = {});
  void violate(std::string what);

  const std::optional<std::string>& violation() const noexcept { return violation_; }
  std::uint64_t digest() const noexcept { return digest_; }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  void mix(std::uint64_t number) noexcept;
  void mix(std::string_view text) noexcept;
  std::uint64_t micros() const;

  const testing::ManualClock& clock_;
  const bool keeps_lines_;
  std::uint64_t digest_ = 14695981039346656037ull;
  std::optional<std::string> violation_;
  std::vector<std::string> lines_;
};

}  // namespace envoyou::simulation
