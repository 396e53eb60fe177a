#include "journal.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::simulation {

namespace {

constexpr std::uint64_t kPrime = 1099511628211ull;  // FNV-1a
constexpr std::size_t kShown = 80;

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kShown));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '.');
  return text.size() > kShown ? shown + "..." : shown;
}

}  // namespace

void Journal::mix(std::uint64_t number) noexcept { digest_ = (digest_ ^ number) * kPrime; }

void Journal::mix(std::string_view text) noexcept {
  for (const char c : text) mix(static_cast<unsigned char>(c));
}

std::uint64_t Journal::micros() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.now().time_since_epoch() - std::chrono::hours(1))
          .count());
}

void Journal::note(std::string_view what, std::uint64_t a, std::uint64_t b, std::string_view text) {
  mix(micros());
  mix(what);
  mix(a);
  mix(b);
  mix(text);
  if (!keeps_lines_) return;
  std::string line = std::to_string(micros());
  line.insert(0, line.size() < 9 ? 9 - line.size() : 0, ' ');
  line += " us  " + std::string(what) + " " + std::to_string(a) + " " + std::to_string(b);
  if (!text.empty()) line += "  " + printable(text);
  lines_.push_back(std::move(line));
}

void Journal::violate(std::string what) {
  note("VIOLATION", 0, 0, what);
  if (!violation_) violation_ = std::move(what);
}

}  // namespace envoyou::simulation
