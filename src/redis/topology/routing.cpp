#include "redis/topology/routing.hpp"

#include "redis/topology/word_cursor.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

namespace envoyou::redis {

namespace {

Routing route_one(const CommandView& command) noexcept {
  WordCursor cursor(command);
  const auto name = cursor.next();
  if (!name) return {};
  const CommandSpec& spec = find_command(*name);
  Routing routing{Routing::Kind::kAnyNode, kNoSlot, spec.reads, &spec};
  const KeyPlaces keys = find_keys(spec, command);
  if (keys.empty()) {
    if (spec.rule == KeyRule::kOneNode) routing.kind = Routing::Kind::kOneNode;
    return routing;
  }
  const std::size_t behind = std::max(keys.single + 1, keys.first + keys.count * keys.step);
  while (cursor.index() < behind) {
    const std::size_t index = cursor.index();
    const auto word = cursor.next();
    if (!word) break;
    if (!keys.holds(index)) continue;
    const Slot slot = slot_of(*word);
    if (routing.slot == kNoSlot) {
      routing.kind = Routing::Kind::kSlot;
      routing.slot = slot;
    } else if (slot != routing.slot) {
      routing.kind = spec.merge == Merge::kRefuse ? Routing::Kind::kCrossSlot : Routing::Kind::kSplit;
      return routing;
    }
  }
  return routing;
}

// Several as one: all of them must go to one place.
void join(Routing& whole, const Routing& next) noexcept {
  whole.reads = false;
  if (next.kind == Routing::Kind::kAnyNode || whole.kind == Routing::Kind::kCrossSlot) return;
  const bool differs = next.kind == Routing::Kind::kSplit ||
                       (next.kind == Routing::Kind::kSlot && whole.slot != kNoSlot && whole.slot != next.slot);
  whole.kind = differs ? Routing::Kind::kCrossSlot : next.kind;
  whole.slot = next.slot;
  whole.spec = next.spec;
}

}  // namespace

Routing route(const Words& words) noexcept {
  Routing whole = route_one(words);
  std::optional<CommandView> next = WordCursor(words).behind();
  while (next) {
    join(whole, route_one(*next));
    next = WordCursor(*next).behind();
  }
  return whole;
}

std::vector<Part> split(const Words& words) {
  WordCursor cursor(words);
  const std::string_view name = *cursor.next();
  std::vector<Part> parts;
  std::unordered_map<Slot, std::size_t> part_of;
  std::uint32_t place = 0;
  while (const auto key = cursor.next()) {
    const Slot slot = slot_of(*key);
    const auto [found, is_new] = part_of.emplace(slot, parts.size());
    if (is_new) parts.push_back({slot, Words(name), {}});
    Part& part = parts[found->second];
    part.words.add(*key);
    part.places.push_back(place++);
  }
  return parts;
}

}  // namespace envoyou::redis
