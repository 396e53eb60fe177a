#include "redis/topology/sentinel_discovery.hpp"

#include "redis/topology/sentinel_replies.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

ClientOptions sentinel_options(const ClientOptions& all, const Endpoint& at) {
  ClientOptions one = all;
  one.topology = Topology::kStandalone;
  one.seeds.clear();
  one.read_from = ReadFrom::kPrimary;
  one.host = at.host;
  one.port = at.port;
  one.username = all.sentinel.username;
  one.password = all.sentinel.password;
  one.tls = all.sentinel.tls;
  one.credentials = nullptr;
  one.sentinel = {};
  one.database = 0;
  one.connections = 1;
  return one;
}

// Nobody waits for it.
class SubscribeReader final : public ReplyReader {
 public:
  bool is_answered_by(const ReplyView& push) const noexcept override {
    return !push.elements.empty() && push.elements[0].text == "subscribe";
  }
  Verdict on_reply(const ReplyView&) noexcept override { return Verdict::kMine; }
  void on_error(Error) noexcept override {}

 private:
  ~SubscribeReader() override = default;
};

}  // namespace

// Listens to one sentinel. Only where pushes are told from answers: with RESP2 a link that listens can not ask.
class SentinelDiscovery::Ears final : public PushSink {
 public:
  Ears(std::string master, std::shared_ptr<bool> called) : master_(std::move(master)), called_(std::move(called)) {}

  void listen_on(const std::shared_ptr<Node>& node) { node_ = node; }

  void on_link_up(const ServerInfo& server, TimePoint now) override {
    *called_ = true;
    const auto node = node_.lock();
    if (server.protocol != 3 || node == nullptr) return;
    Submission submission;
    submission.words = Words("SUBSCRIBE", "+switch-master");
    submission.reader = ReaderHandle(new SubscribeReader);
    Pending pending(std::move(submission), now + kAnswerWithin);
    if (auto posted = node->inbox.post(std::span(&pending, 1)); !posted) pending.fail(posted.error());
  }
  void on_link_down(const Error&, TimePoint) override {}
  bool is_push(const ReplyView& reply) const noexcept override { return reply.type == ReplyType::kPush; }
  bool on_push(const ReplyView& push, TimePoint) override {
    const bool is_message = push.elements.size() == 3 && push.elements[0].text == "message";
    if (is_message && read_switch(push.elements[2].text, master_)) *called_ = true;
    return true;
  }
  void on_fence(TimePoint, TimePoint) override {}
  void on_turn(TimePoint) override {}
  TimePoint due() const noexcept override { return TimePoint::max(); }
  void on_end(const Error&) override {}

 private:
  const std::string master_;
  const std::shared_ptr<bool> called_;
  std::weak_ptr<Node> node_;
};

class SentinelDiscovery::AnswerReader final : public ReplyReader {
 public:
  AnswerReader(std::shared_ptr<Round> round, std::size_t index, What what)
      : round_(std::move(round)), index_(index), what_(what) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    switch (what_) {
      case What::kAddress: round_->answers[index_].primary = read_master_address(reply); break;
      case What::kReplicas: round_->answers[index_].replicas = read_servers(reply, kMaxReplicas); break;
      case What::kSentinels: round_->answers[index_].sentinels = read_servers(reply, kMaxSentinels); break;
      case What::kRole: round_->is_primary = is_primary_by_role(reply); break;
    }
    --round_->left;
    return Verdict::kMine;
  }
  // A server that forbids ROLE is believed to be what its sentinels call it.
  void on_error(Error error) noexcept override {
    if (what_ == What::kRole && !error.is_retryable()) round_->is_primary = true;
    --round_->left;
  }

 private:
  ~AnswerReader() override = default;

  const std::shared_ptr<Round> round_;
  const std::size_t index_;
  const What what_;
};

SentinelDiscovery::SentinelDiscovery(Fleet& fleet, Reactor& reactor, MakeNode make, std::uint64_t seed)
    : fleet_(fleet), reactor_(reactor), make_(std::move(make)), jitter_(seed), called_(std::make_shared<bool>(false)) {}

SentinelDiscovery::~SentinelDiscovery() = default;

TimePoint SentinelDiscovery::due() const {
  if (has_news()) return TimePoint::min();
  return state_ == State::kIdle ? pace_.due() : until_;
}

bool SentinelDiscovery::has_news() const {
  if (*called_) return true;
  return state_ != State::kIdle && round_->left == 0 && (state_ == State::kAsking || role_is_asked_);
}

void SentinelDiscovery::turn(TimePoint now) {
  if (std::exchange(*called_, false)) pace_.want(now);
  if (state_ == State::kIdle && now >= pace_.due()) begin(now);
  if (state_ == State::kAsking && (round_->left == 0 || now >= until_)) judge(now);
  if (state_ == State::kVerifying) verify(now);
}

void SentinelDiscovery::know(const Endpoint& sentinel) {
  if (sentinels_.size() == kMaxSentinels) return;
  for (const auto& [endpoint, node] : sentinels_) {
    if (endpoint == sentinel) return;
  }
  auto ears = std::make_shared<Ears>(fleet_.options().sentinel.master_name, called_);
  auto node = make_(sentinel_options(fleet_.options(), sentinel), nullptr, ears, nullptr);
  if (!node) return;
  ears->listen_on(*node);
  reactor_.add(*node);
  sentinels_.emplace_back(sentinel, *std::move(node));
}

void SentinelDiscovery::begin(TimePoint now) {
  for (const Endpoint& seed : fleet_.options().seeds) know(seed);
  round_ = std::make_shared<Round>();
  for (const auto& [endpoint, node] : sentinels_) {
    if (node->board.is_up() && round_->answers.size() < kAsked) ask(*node, round_->answers.size());
  }
  const bool all_are_away =
      std::all_of(sentinels_.begin(), sentinels_.end(), [](const auto& each) { return each.second->board.is_away(); });
  if (round_->answers.empty()) {
    if (all_are_away && fleet_.shards().empty()) fleet_.cannot_tell(why_nobody());
    return pace_.put_off(now);
  }
  pace_.on_asked(now);
  state_ = State::kAsking;
  until_ = now + kAnswerWithin;
}

void SentinelDiscovery::ask(Node& node, std::size_t index) {
  round_->answers.emplace_back();
  const std::string& name = fleet_.options().sentinel.master_name;
  std::vector<Pending> group;
  group.push_back(question(Words("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), index, What::kAddress));
  group.push_back(question(Words("SENTINEL", "SENTINELS", name), index, What::kSentinels));
  if (fleet_.options().read_from == ReadFrom::kNearestReplica) {
    group.push_back(question(Words("SENTINEL", "REPLICAS", name), index, What::kReplicas));
  }
  if (node.inbox.post(group)) return;
  for (Pending& pending : group) pending.fail(Error(Errc::kUnavailable));
}

Pending SentinelDiscovery::question(Words words, std::size_t index, What what) {
  Submission submission;
  submission.words = std::move(words);
  submission.reader = ReaderHandle(new AnswerReader(round_, index, what));
  ++round_->left;
  return Pending(std::move(submission), until_ = std::max(until_, fleet_.now() + kAnswerWithin));
}

// The address that most name; among equals the one that the first names.
void SentinelDiscovery::judge(TimePoint now) {
  const auto& answers = round_->answers;
  const Answer* best = nullptr;
  std::ptrdiff_t votes = 0;
  for (const Answer& answer : answers) {
    if (!answer.primary) continue;
    const auto same = std::count_if(answers.begin(), answers.end(),
                                    [&](const Answer& other) { return other.primary == answer.primary; });
    if (same <= votes) continue;
    best = &answer;
    votes = same;
  }
  for (const Answer& answer : answers) {
    for (const Endpoint& sentinel : answer.sentinels) know(sentinel);
  }
  if (best == nullptr) {
    return end(now,
               Error(Errc::kUnavailable, "no sentinel knows a primary named " + fleet_.options().sentinel.master_name));
  }
  candidate_ = {*best->primary, best->replicas, {{0, static_cast<Slot>(kSlots - 1)}}};
  std::erase(candidate_.replicas, candidate_.primary);
  std::sort(candidate_.replicas.begin(), candidate_.replicas.end());
  state_ = State::kVerifying;
  role_is_asked_ = false;
  until_ = now + fleet_.options().connect_timeout + kAnswerWithin;
  round_->answers.clear();
  round_->left = 0;
}

void SentinelDiscovery::verify(TimePoint now) {
  if (role_is_asked_ && round_->left == 0) return conclude(now);
  Member* const member = fleet_.need(candidate_.primary);
  const std::string name = to_string(candidate_.primary);
  if (member == nullptr || member->node->board.is_away() || now >= until_) {
    return end(now, Error(Errc::kUnavailable, "the primary " + name + " can not be reached"));
  }
  if (role_is_asked_ || !member->is_up()) return;
  role_is_asked_ = true;
  Pending pending = question(Words("ROLE"), 0, What::kRole);
  if (auto posted = member->node->inbox.post(std::span(&pending, 1)); !posted) pending.fail(posted.error());
}

void SentinelDiscovery::conclude(TimePoint now) {
  if (round_->is_primary == true) {
    fleet_.adopt({candidate_}, now);
    return end(now, std::nullopt);
  }
  if (round_->is_primary == false) fleet_.withdraw();
  end(now, Error(Errc::kUnavailable,
                 "the sentinels name " + to_string(candidate_.primary) + ", which does not say that it is a primary"));
}

void SentinelDiscovery::end(TimePoint now, const std::optional<Error>& trouble) {
  if (trouble && fleet_.shards().empty()) fleet_.cannot_tell(*trouble);
  state_ = State::kIdle;
  round_.reset();
  pace_.on_ended(now, !trouble && fleet_.is_well());
}

Error SentinelDiscovery::why_nobody() const {
  for (const auto& [endpoint, node] : sentinels_) {
    if (node->board.is_away()) return Error(node->board.cause_away(), std::string(node->board.why_away().message()));
  }
  return Error(Errc::kUnavailable, "no sentinel can be dialled");
}

}  // namespace envoyou::redis
