// Which slots of a cluster a scan has been through, while slots may move.
//
// A node is scanned from end to end: a pass. What it says of itself before and after the pass tells what the pass is
// worth. Keys move one by one from the node that serves their slot to the next, and are at the next before they are
// gone here. So a slot is done when each place where its keys can have been was passed over, in the order in which they
// went:
//
//             served before and after, not given away
//   open -------------------------------------------------------------------------------> done
//     |                                                                                    ^
//     | served before; given away, or being given away, after:                             |
//     | what was not seen there had gone on by then                                        |
//     v           a later pass over the node that serves it, or takes it from there        |
//   left at X -----------------------------------------------------------------------------'
//     ^   |       and does not give it away
//     '---'  by a pass over the next that gives it away
//
// Not seen: a slot that leaves a node and comes back to it within one pass; and a server that restarts within its pass,
// to whom its cursors mean nothing any more.
//
// Pure; confined to one thread at a time. Under 20 KiB, and a node's name for each slot that is left.
#pragma once

#include "redis/topology/slots.hpp"

#include <bitset>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::redis {

// What a node says of itself in CLUSTER NODES.
struct OwnView {
  std::string id;
  std::bitset<kSlots> serves;         // those that it gives away included
  std::map<Slot, std::string> gives;  // to whom
  std::map<Slot, std::string> takes;  // from whom; it does not serve them yet
};

// Nothing: it does not name itself.
std::optional<OwnView> read_own_view(std::string_view cluster_nodes);

class ScanCoverage {
 public:
  // A pass over the node that says so would bring the scan on.
  bool wants(const OwnView& view) const;
  // REQUIRES: both are of one node, and no other pass was in between.
  void passed(const OwnView& before, const OwnView& after);

  bool is_complete() const noexcept { return done_.all(); }
  std::size_t missing() const noexcept { return kSlots - done_.count(); }
  // The first that is not done. REQUIRES: there is one.
  Slot first_missing() const noexcept;

 private:
  bool wants(Slot slot, const OwnView& view) const;
  void passed(Slot slot, const OwnView& before, const OwnView& after);

  std::bitset<kSlots> done_;
  std::map<Slot, std::string> left_;  // at whom
};

}  // namespace envoyou::redis
