#include "redis/topology/scan_coverage.hpp"

#include <algorithm>
#include <charconv>

namespace envoyou::redis {

namespace {

std::string_view take_until(std::string_view& text, char end) noexcept {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

std::optional<Slot> slot_in(std::string_view text) noexcept {
  Slot slot = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && slot < kSlots ? std::optional(slot) : std::nullopt;
}

bool has_flag(std::string_view flags, std::string_view wanted) noexcept {
  while (!flags.empty()) {
    if (take_until(flags, ',') == wanted) return true;
  }
  return false;
}

// "[93->-id]" and "[77-<-id]".
void read_move(std::string_view text, OwnView& view) {
  text.remove_suffix(1);
  const auto slot = slot_in(take_until(text, '-'));
  if (!slot || text.size() < 2) return;
  std::map<Slot, std::string>& moves = text.front() == '>' ? view.gives : view.takes;
  moves.emplace(*slot, text.substr(2));
}

// "5" and "0-5460".
void read_range(std::string_view text, OwnView& view) {
  const auto first = slot_in(take_until(text, '-'));
  const auto last = text.empty() ? first : slot_in(text);
  if (!first || !last) return;
  for (std::size_t slot = *first; slot <= *last; ++slot) view.serves.set(slot);
}

// id, address, flags, primary, ping, pong, epoch, state; then its slots, and at its own line those on their way.
bool read_line(std::string_view line, OwnView& view) {
  constexpr int kBetween = 5;
  view.id = take_until(line, ' ');
  (void)take_until(line, ' ');
  if (!has_flag(take_until(line, ' '), "myself")) return false;
  for (int i = 0; i < kBetween; ++i) (void)take_until(line, ' ');
  while (!line.empty()) {
    const std::string_view word = take_until(line, ' ');
    if (word.size() > 1 && word.front() == '[' && word.back() == ']') {
      read_move(word.substr(1), view);
    } else {
      read_range(word, view);
    }
  }
  return true;
}

bool takes_from(const OwnView& view, Slot slot, const std::string& id) {
  const auto found = view.takes.find(slot);
  return found != view.takes.end() && found->second == id;
}

}  // namespace

std::optional<OwnView> read_own_view(std::string_view cluster_nodes) {
  while (!cluster_nodes.empty()) {
    std::string_view line = take_until(cluster_nodes, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    OwnView view;
    if (read_line(line, view)) return view;
  }
  return std::nullopt;
}

bool ScanCoverage::wants(const OwnView& view) const {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (!done_[slot] && wants(static_cast<Slot>(slot), view)) return true;
  }
  return false;
}

// One that was left where it still is: nothing new is to be seen there, unless it stays after all.
bool ScanCoverage::wants(Slot slot, const OwnView& view) const {
  const auto left = left_.find(slot);
  if (left == left_.end()) return view.serves[slot];
  if (view.id == left->second) return view.serves[slot] && !view.gives.contains(slot);
  return view.serves[slot] || takes_from(view, slot, left->second);
}

void ScanCoverage::passed(const OwnView& before, const OwnView& after) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (!done_[slot] && wants(static_cast<Slot>(slot), before)) passed(static_cast<Slot>(slot), before, after);
  }
}

// REQUIRES: `before` was wanted for the slot.
void ScanCoverage::passed(Slot slot, const OwnView& before, const OwnView& after) {
  const bool gave = before.gives.contains(slot);
  const bool gives = after.gives.contains(slot);
  const bool takes = !before.serves[slot];
  const bool stays = after.serves[slot] || (takes && after.takes.contains(slot));
  if (!gave && !gives && stays) {
    done_.set(slot);
    left_.erase(slot);
  } else if (!takes && (gives || !after.serves[slot])) {
    left_[slot] = before.id;
  }
}

Slot ScanCoverage::first_missing() const noexcept {
  std::size_t slot = 0;
  while (done_[slot]) ++slot;
  return static_cast<Slot>(slot);
}

}  // namespace envoyou::redis
