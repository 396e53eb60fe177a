#include "redis/topology/shards.hpp"

#include "redis/url.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis {

namespace {

Error odd(std::string_view what) { return Error(Errc::kProtocol, "topology: " + std::string(what)); }

// The value of a field in a flattened map, or in what was one before RESP3.
const ReplyView* field(const ReplyView& map, std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].is_string() && map.elements[i].text == name) return &map.elements[i + 1];
  }
  return nullptr;
}

bool is_text(const ReplyView* value, std::string_view text) noexcept {
  return value != nullptr && value->is_string() && value->text == text;
}

bool names_a_host(const ReplyView* value) noexcept {
  return value != nullptr && value->is_string() && !value->text.empty() && value->text != "?" &&
         value->text.size() <= kMaxHost &&
         std::all_of(value->text.begin(), value->text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<std::uint16_t> port_in(const ReplyView* value) noexcept {
  if (value == nullptr || !value->is_integer() || value->integer < 1 || value->integer > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value->integer);
}

std::optional<SlotRange> range_in(const ReplyView& first, const ReplyView& last) noexcept {
  if (!first.is_integer() || !last.is_integer() || first.integer < 0 || last.integer < first.integer ||
      last.integer >= static_cast<std::int64_t>(kSlots)) {
    return std::nullopt;
  }
  return SlotRange{static_cast<Slot>(first.integer), static_cast<Slot>(last.integer)};
}

// Ranges in order, those that touch as one. Null: they overlap.
std::optional<std::vector<SlotRange>> joined(std::vector<SlotRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<SlotRange> made;
  for (const SlotRange& range : ranges) {
    if (!made.empty() && range.first <= made.back().last) return std::nullopt;
    if (!made.empty() && range.first == made.back().last + 1) {
      made.back().last = range.last;
    } else {
      made.push_back(range);
    }
  }
  return made;
}

Result<Shards> finished(Shards shards) {
  std::vector<SlotRange> all;
  for (Shard& shard : shards) {
    auto ranges = joined(std::move(shard.slots));
    if (!ranges) return odd("a slot is named twice");
    shard.slots = *std::move(ranges);
    all.insert(all.end(), shard.slots.begin(), shard.slots.end());
    std::sort(shard.replicas.begin(), shard.replicas.end());
    shard.replicas.erase(std::unique(shard.replicas.begin(), shard.replicas.end()), shard.replicas.end());
  }
  if (!joined(std::move(all))) return odd("a slot has two owners");
  std::sort(shards.begin(), shards.end(), [](const Shard& a, const Shard& b) { return a.primary < b.primary; });
  return shards;
}

// What of `range` nobody owns.
void add_gaps(const SlotRange& range, const std::vector<bool>& owned, std::vector<SlotRange>& gaps) {
  for (std::size_t slot = range.first; slot <= range.last; ++slot) {
    if (owned[slot]) continue;
    if (!gaps.empty() && gaps.back().last + 1u == slot) {
      gaps.back().last = static_cast<Slot>(slot);
    } else {
      gaps.push_back({static_cast<Slot>(slot), static_cast<Slot>(slot)});
    }
  }
}

// A node of CLUSTER SHARDS: where it listens for us. Null: it does not.
std::optional<Endpoint> node_address(const ReplyView& node, const Endpoint& asked, bool tls) {
  const auto port = port_in(field(node, tls ? "tls-port" : "port"));
  if (!port) return std::nullopt;
  for (const std::string_view name : {"endpoint", "hostname", "ip"}) {
    const ReplyView* const value = field(node, name);
    if (names_a_host(value)) return Endpoint{std::string(value->text), *port};
  }
  return Endpoint{asked.host, *port};
}

bool read_ranges(const ReplyView* slots, std::vector<SlotRange>& into) {
  if (slots == nullptr || slots->is_null()) return true;
  if (!slots->is_aggregate() || slots->elements.size() % 2 != 0 || slots->elements.size() > 2 * kSlots) return false;
  for (std::size_t i = 0; i + 1 < slots->elements.size(); i += 2) {
    const auto range = range_in(slots->elements[i], slots->elements[i + 1]);
    if (!range) return false;
    into.push_back(*range);
  }
  return true;
}

void read_nodes(const ReplyView& nodes, const Endpoint& asked, bool tls, Shard& shard, bool& has_primary) {
  for (const ReplyView& node : nodes.elements) {
    auto address = node_address(node, asked, tls);
    if (!address) continue;
    const bool failed = is_text(field(node, "health"), "fail");
    const ReplyView* const role = field(node, "role");
    if (is_text(role, "master")) {
      // In the seconds of a failover there may be two: the one that is not well is the one before.
      if (has_primary && failed) continue;
      shard.primary = *std::move(address);
      has_primary = true;
    } else if (!failed && shard.replicas.size() < kMaxReplicas) {
      // One that is "loading" may be one that was never written to; if it does load, its handshake is refused.
      shard.replicas.push_back(*std::move(address));
    }
  }
}

}  // namespace

std::size_t slots_covered(const Shards& shards) {
  std::size_t sum = 0;
  for (const Shard& shard : shards) {
    for (const SlotRange& range : shard.slots) sum += std::size_t{range.last} - range.first + 1;
  }
  return sum;
}

Shards with_gaps_filled(Shards shards, const Shards& before) {
  std::vector<bool> owned(kSlots);
  for (const Shard& shard : shards) {
    for (const SlotRange& range : shard.slots) {
      std::fill(owned.begin() + range.first, owned.begin() + range.last + 1, true);
    }
  }
  for (const Shard& old : before) {
    std::vector<SlotRange> gaps;
    for (const SlotRange& range : old.slots) add_gaps(range, owned, gaps);
    if (gaps.empty()) continue;
    auto at =
        std::find_if(shards.begin(), shards.end(), [&](const Shard& each) { return each.primary == old.primary; });
    if (at == shards.end()) at = shards.insert(shards.end(), Shard{old.primary, old.replicas, {}});
    at->slots.insert(at->slots.end(), gaps.begin(), gaps.end());
  }
  return finished(std::move(shards)).value();
}

Result<Shards> read_cluster_shards(const ReplyView& reply, const Endpoint& asked, bool tls) {
  if (!reply.is_aggregate()) return odd("the answer is not one to CLUSTER SHARDS");
  if (reply.elements.size() > kMaxShards) return odd("more than 1000 shards");
  Shards shards;
  for (const ReplyView& each : reply.elements) {
    if (!each.is_aggregate()) return odd("the answer is not one to CLUSTER SHARDS");
    Shard shard;
    if (!read_ranges(field(each, "slots"), shard.slots)) return odd("slots that are none");
    const ReplyView* const nodes = field(each, "nodes");
    if (nodes == nullptr || !nodes->is_aggregate()) return odd("a shard without nodes");
    bool has_primary = false;
    read_nodes(*nodes, asked, tls, shard, has_primary);
    if (has_primary && !shard.slots.empty()) shards.push_back(std::move(shard));
  }
  return finished(std::move(shards));
}

Result<Shards> read_cluster_slots(const ReplyView& reply, const Endpoint& asked) {
  if (!reply.is_aggregate()) return odd("the answer is not one to CLUSTER SLOTS");
  if (reply.elements.size() > kSlots) return odd("more ranges than slots");
  std::map<Endpoint, Shard> by_primary;
  for (const ReplyView& each : reply.elements) {
    if (!each.is_aggregate() || each.elements.size() < 2) return odd("the answer is not one to CLUSTER SLOTS");
    const auto range = range_in(each.elements[0], each.elements[1]);
    if (!range) return odd("slots that are none");
    Shard* shard = nullptr;
    for (const ReplyView& node : each.elements.subspan(2)) {
      const bool has_port = node.is_aggregate() && node.elements.size() >= 2;
      const auto port = has_port ? port_in(&node.elements[1]) : std::nullopt;
      if (!port) continue;
      const ReplyView* const host = &node.elements[0];
      Endpoint address{names_a_host(host) ? std::string(host->text) : asked.host, *port};
      if (shard == nullptr) {
        shard = &by_primary[address];
        shard->primary = std::move(address);
        shard->slots.push_back(*range);
      } else if (shard->replicas.size() < kMaxReplicas) {
        shard->replicas.push_back(std::move(address));
      }
    }
    if (by_primary.size() > kMaxShards) return odd("more than 1000 shards");
  }
  Shards shards;
  for (auto& [address, shard] : by_primary) shards.push_back(std::move(shard));
  return finished(std::move(shards));
}

}  // namespace envoyou::redis
