#include "redis/topology/cluster_discovery.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <tuple>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxHeardOf = 64;

}  // namespace

void read_cluster_info(std::string_view text, ClusterView& view) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (name == "cluster_state") view.is_well = value == "ok";
    const auto number = name == "cluster_current_epoch" ? base::parse_int64(value) : std::nullopt;
    if (number && *number >= 0) view.epoch = static_cast<std::uint64_t>(*number);
  }
}

std::optional<std::size_t> choose_view(const std::vector<ClusterView>& views, const Shards& present) {
  std::optional<std::size_t> best;
  bool all_cover_less = true;
  const std::size_t covered_now = slots_covered(present);
  for (std::size_t i = 0; i < views.size(); ++i) {
    const ClusterView& view = views[i];
    if (!view.shards || view.shards->empty()) continue;
    const auto rank = [&](std::size_t index) {
      const ClusterView& each = views[index];
      return std::tuple(each.is_well, each.epoch, slots_covered(*each.shards));
    };
    if (!best || rank(i) > rank(*best)) best = i;
    all_cover_less = all_cover_less && slots_covered(*view.shards) < covered_now;
  }
  if (best && !all_cover_less && slots_covered(*views[*best].shards) < covered_now) return std::nullopt;
  return best;
}

// One of the answers of one node. Runs in the I/O role; the round outlives the discovery if it has to.
class ClusterDiscovery::ViewReader final : public ReplyReader {
 public:
  ViewReader(std::shared_ptr<Round> round, std::size_t index, What what)
      : round_(std::move(round)), index_(index), what_(what) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    ClusterView& view = round_->views[index_];
    if (what_ == What::kInfo) {
      if (reply.is_string()) read_cluster_info(reply.text, view);
    } else {
      auto shards = what_ == What::kByShards ? read_cluster_shards(reply, view.asked, view.tls)
                                             : read_cluster_slots(reply, view.asked);
      if (shards) {
        view.shards = std::move(shards).value();
      } else {
        view.error = shards.error();
      }
    }
    ended();
    return Verdict::kMine;
  }
  void on_error(Error error) noexcept override {
    ClusterView& view = round_->views[index_];
    if (what_ == What::kByShards && error.code() == Errc::kServerError) view.lacks_shards = true;
    if (what_ != What::kInfo) view.error = std::move(error);
    ended();
  }

 private:
  ~ViewReader() override = default;
  void ended() noexcept { --round_->left; }

  std::shared_ptr<Round> round_;
  const std::size_t index_;
  const What what_;
};

ClusterDiscovery::ClusterDiscovery(Fleet& fleet, std::uint64_t seed) : fleet_(fleet), jitter_(seed) {}

TimePoint ClusterDiscovery::due() const {
  if (round_ == nullptr) return pace_.due();
  return round_->left == 0 ? TimePoint::min() : until_;
}

void ClusterDiscovery::turn(TimePoint now) {
  if (round_ != nullptr && round_->left == 0 && !asks_for_slots_) ask_for_slots(now);
  if (round_ != nullptr && (round_->left == 0 || now >= until_)) judge(now);
  if (round_ == nullptr && now >= pace_.due()) begin(now);
}

void ClusterDiscovery::begin(TimePoint now) {
  std::vector<Member*> up = fleet_.members_up();
  if (up.empty()) {
    call_all();
    return pace_.put_off(now);
  }
  pace_.on_asked(now);
  for (std::size_t i = up.size(); i > 1; --i) std::swap(up[i - 1], up[jitter_.next() % i]);
  if (up.size() > kAsked) up.resize(kAsked);
  round_ = std::make_shared<Round>();
  until_ = now + kAnswerWithin;
  for (const Member* member : up) {
    ClusterView view;
    view.asked = member->endpoint;
    view.tls = fleet_.options().tls.enabled;
    round_->views.push_back(std::move(view));
  }
  for (std::size_t i = 0; i < up.size(); ++i) ask(*up[i], i);
}

void ClusterDiscovery::ask(Member& member, std::size_t index) {
  const auto what = asks_for_slots_ ? What::kByRanges : What::kByShards;
  const std::string_view verb = asks_for_slots_ ? "SLOTS" : "SHARDS";
  std::vector<Pending> group;
  group.push_back(question("INFO", index, What::kInfo));
  group.push_back(question(verb, index, what));
  if (member.node->inbox.post(group)) return;
  for (Pending& pending : group) pending.fail(Error(Errc::kUnavailable));
}

Pending ClusterDiscovery::question(std::string_view verb, std::size_t index, What what) {
  Submission submission;
  submission.words = Words("CLUSTER", verb);
  submission.reader = ReaderHandle(new ViewReader(round_, index, what));
  ++round_->left;
  return Pending(std::move(submission), until_);
}

// What a server before 7.0 did not know of, nor will it know later.
void ClusterDiscovery::ask_for_slots(TimePoint now) {
  const auto lacks = [](const ClusterView& view) { return view.lacks_shards; };
  if (!std::all_of(round_->views.begin(), round_->views.end(), lacks)) return;
  asks_for_slots_ = true;
  round_.reset();
  begin(now);
}

void ClusterDiscovery::judge(TimePoint now) {
  const auto round = std::exchange(round_, nullptr);
  const auto best = choose_view(round->views, fleet_.shards());
  if (best) {
    note(*round->views[*best].shards);
    fleet_.adopt(*std::move(round->views[*best].shards), now);
  } else {
    if (fleet_.shards().empty()) fleet_.cannot_tell(trouble(*round));
    asks_for_slots_ = false;
    call_all();
  }
  pace_.on_ended(now, fleet_.is_well());
}

Error ClusterDiscovery::trouble(const Round& round) const {
  for (const ClusterView& view : round.views) {
    if (view.error) return Error(view.error->code(), std::string(view.error->message()));
  }
  return Error(Errc::kUnavailable, "no node says who has which slots");
}

void ClusterDiscovery::call_all() {
  for (const Endpoint& seed : fleet_.options().seeds) fleet_.need(seed);
  for (const Endpoint& endpoint : heard_of_) fleet_.need(endpoint);
}

void ClusterDiscovery::note(const Shards& shards) {
  heard_of_.clear();
  for (const Shard& shard : shards) {
    heard_of_.push_back(shard.primary);
    heard_of_.insert(heard_of_.end(), shard.replicas.begin(), shard.replicas.end());
  }
  if (heard_of_.size() > kMaxHeardOf) heard_of_.resize(kMaxHeardOf);
}

}  // namespace envoyou::redis
