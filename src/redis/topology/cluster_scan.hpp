// A scan of all keys of a cluster, as questions one after the other: what to ask next, and whom.
//
//   meet --> for each primary that the map has, in rounds:
//              before: what it says of itself --(nothing that is missing is there)--> the next
//                 |
//              pages: SCAN from "0" to "0"
//                 |
//              after: what it says of itself --> ScanCoverage --(all slots are done)--> the end
//
// More rounds follow as long as slots are missing that moved, at most kMaxRounds; then the last thing that comes is an
// error which names one. A node that fails ends the scan with its error and its name, unless the map has dropped it by
// then: what it held is with others, and comes from there.
//
// Confined to one thread at a time.
#pragma once

#include "redis/topology/scan_coverage.hpp"

#include <envoyou/redis/scan.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::redis {

class ClusterScan final : public detail_redis::ScanSource<std::string> {
 public:
  static constexpr int kMaxRounds = 8;
  // The primaries of the present map, as CallOptions::node names them; none before there is a map. Thread-safe.
  using Primaries = std::function<std::vector<std::string>()>;

  ClusterScan(Primaries primaries, const cmd::ScanOptions& options)
      : primaries_(std::move(primaries)), options_(options) {}

  Command<Keys> question() const override;
  std::string_view node() const override { return node_; }
  Result<Found> take(Result<Keys> answer) override;

 private:
  enum class Stage : std::uint8_t { kMeet, kBefore, kPages, kAfter };

  Result<Found> take_view(std::string_view text);
  Result<Found> go_on();
  void begin_round();
  Error incomplete() const;

  const Primaries primaries_;
  const detail_redis::OwnScanOptions options_;
  ScanCoverage coverage_;
  Stage stage_ = Stage::kMeet;
  std::string node_;                // empty: any
  std::vector<std::string> round_;  // those that are still to come
  int rounds_ = 0;
  std::optional<OwnView> before_;
  std::string cursor_;
};

}  // namespace envoyou::redis
