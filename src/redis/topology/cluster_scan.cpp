#include "redis/topology/cluster_scan.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

namespace {

Error with_node(const std::string& node, const Error& error) {
  return Error(error.code(), node + ": " + std::string(error.message()));
}

}  // namespace

Command<ClusterScan::Keys> ClusterScan::question() const {
  if (stage_ == Stage::kPages) return cmd::scan(cursor_, options_.view());
  return detail_redis::ask_for_view<std::string>();
}

Result<ClusterScan::Found> ClusterScan::take(Result<Keys> answer) {
  if (!answer) {
    if (stage_ == Stage::kMeet) return answer.error();
    const auto known = primaries_();
    if (std::find(known.begin(), known.end(), node_) != known.end()) return with_node(node_, answer.error());
    return go_on();
  }
  if (stage_ != Stage::kPages) return take_view(answer->cursor);
  cursor_ = std::move(answer->cursor);
  if (cursor_ == "0") stage_ = Stage::kAfter;
  return Found{std::move(answer->items), false};
}

Result<ClusterScan::Found> ClusterScan::take_view(std::string_view text) {
  if (stage_ == Stage::kMeet) return go_on();
  auto view = read_own_view(text);
  if (!view) return with_node(node_, Error(Errc::kProtocol, "CLUSTER NODES does not say which node answers"));
  if (stage_ == Stage::kBefore && coverage_.wants(*view)) {
    before_ = std::move(view);
    cursor_ = "0";
    stage_ = Stage::kPages;
    return Found{};
  }
  if (stage_ == Stage::kAfter) coverage_.passed(*before_, *view);
  if (coverage_.is_complete()) return Found{{}, true};
  return go_on();
}

// To the next node of the round, or of the next round.
Result<ClusterScan::Found> ClusterScan::go_on() {
  if (round_.empty()) begin_round();
  if (round_.empty()) return incomplete();
  node_ = std::move(round_.back());
  round_.pop_back();
  stage_ = Stage::kBefore;
  return Found{};
}

void ClusterScan::begin_round() {
  if (rounds_++ < kMaxRounds) round_ = primaries_();
}

Error ClusterScan::incomplete() const {
  return Error(Errc::kUnavailable,
               "keys may be missing: slot " + std::to_string(coverage_.first_missing()) + " and " +
                   std::to_string(coverage_.missing() - 1) +
                   " others of the cluster were on the move, or no primary that is known serves them; scan again");
}

}  // namespace envoyou::redis
