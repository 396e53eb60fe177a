#include "callers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace envoyou::simulation {

using redis::ReplyView;
using redis::Verdict;

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kKeys = 6;

bool was_never_executed(Errc code) noexcept {
  return code == Errc::kNotSent || code == Errc::kUnavailable || code == Errc::kQueueFull;
}

std::string key_name(std::uint64_t key) { return "key-" + std::to_string(key); }

}  // namespace

// Tells the judge everything that is done to it; does nothing by itself.
class Callers::Reader final : public redis::ReplyReader {
 public:
  Reader(Callers& callers, std::uint64_t id) : callers_(callers), id_(id) {}
  Verdict on_reply(const ReplyView& reply) noexcept override { return callers_.on_reply(id_, reply); }
  void on_error(Error error) noexcept override { callers_.end(id_, error.code()); }
  void release() noexcept override {
    callers_.released(id_);
    delete this;
  }

 private:
  ~Reader() override = default;
  Callers& callers_;
  const std::uint64_t id_;
};

void Callers::begin(TimePoint at, TimePoint end, Nanos pause) {
  next_ = at;
  end_ = end;
  pause_ = pause;
  probing_ = false;
}

void Callers::probe(TimePoint at, TimePoint end, Nanos pause) {
  begin(at, end, pause);
  probing_ = true;
}

void Callers::act() {
  const TimePoint now = world_.now();
  if (probing_) {
    submit(1, true, now + 100ms);
    next_ += pause_;
  } else {
    submit_some();
    // Now and then several at the very same moment.
    if (!world_.random().chance(20)) next_ = now + world_.random().time_between(1us, 2 * pause_);
  }
  if (next_ >= end_) next_ = TimePoint::max();
}

void Callers::submit_some() {
  constexpr std::array<Nanos, 10> kPatience{1ms, 5ms, 20ms, 50ms, 100ms, 100ms, 100ms, 300ms, 1000ms, 0ms};
  Random& random = world_.random();
  const Nanos patience = random.pick(kPatience);
  const bool is_burst = random.chance(3);
  const std::size_t count = is_burst ? random.between(10, 60) : random.chance(30) ? random.between(2, 6) : 1;
  submit(count, false, patience == 0ms ? TimePoint::max() : world_.now() + patience);
}

void Callers::submit(std::size_t count, bool is_probe, TimePoint deadline) {
  constexpr std::array<Kind, 6> kKinds{Kind::kEcho, Kind::kGet, Kind::kTaggedGet,
                                       Kind::kSet,  Kind::kAdd, Kind::kScript};
  std::vector<redis::Submission> group;
  for (std::size_t i = 0; i < count; ++i) {
    const Kind of_probe = probes_read_ ? Kind::kTaggedGet : Kind::kEcho;
    const Kind kind = is_probe ? of_probe : world_.random().pick(kKinds);
    const bool may_be_safe = kind != Kind::kAdd;
    const bool is_safe = is_probe || (may_be_safe && world_.random().chance(60));
    group.push_back(submission(add_call(kind, is_safe, is_probe, deadline)));
  }
  client_->submit(std::move(group), world_.now(), deadline);
}

std::uint64_t Callers::add_call(Kind kind, bool is_safe, bool is_probe, TimePoint deadline) {
  const std::uint64_t id = calls_.size();
  const auto key = static_cast<std::uint8_t>(world_.random().below(kKeys));
  calls_.push_back({.kind = kind, .is_safe = is_safe, .is_probe = is_probe, .key = key, .deadline = deadline});
  if (deadline != TimePoint::max()) due_.emplace(deadline, id);
  world_.journal().note("call submits", id, static_cast<std::uint64_t>(kind), is_safe ? "safe" : "");
  return id;
}

redis::Submission Callers::submission(std::uint64_t id) {
  const Call& call = calls_[id];
  redis::Submission made;
  made.words = words(id);
  made.reader = redis::ReaderHandle(new Reader(*this, id));
  made.repeat = call.is_safe ? redis::Repeat::kIsSafe : redis::Repeat::kNever;
  made.script = call.kind == Kind::kScript ? &script_ : nullptr;
  return made;
}

redis::Words Callers::words(std::uint64_t id) const {
  const Call& call = calls_[id];
  const std::string key = key_name(call.key);
  switch (call.kind) {
    case Kind::kEcho: return redis::Words("ECHO", id);
    case Kind::kGet:
    case Kind::kTaggedGet: return redis::Words("GET", std::string_view(key));
    case Kind::kSet:
      return redis::Words("SET", std::string_view(key), std::string_view(std::to_string(id) + "=" + key));
    case Kind::kAdd: return redis::Words("INCRBY", std::string_view("sum-" + std::to_string(id)), id);
    case Kind::kScript: break;
  }
  redis::Words made = script_.words(1);
  return made.add("count-" + key).add(id);
}

// "17=key-3": written by SET 17, which was to key-3.
Callers::Match Callers::match_value(const Call& call, std::string_view value) const {
  std::uint64_t writer = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), writer);
  const std::string_view rest(end, static_cast<std::size_t>(value.data() + value.size() - end));
  const bool restates = problem == std::errc() && rest == "=" + key_name(call.key);
  if (!restates) return call.kind == Kind::kTaggedGet ? Match::kForeign : Match::kWrong;
  const bool was_written = writer < calls_.size() && calls_[writer].kind == Kind::kSet &&
                           calls_[writer].key == call.key && calls_[writer].executed > 0;
  return was_written ? Match::kRight : Match::kWrong;
}

// As the decoders of command.hpp: what has not even the shape is foreign.
Callers::Match Callers::match(std::uint64_t id, const ReplyView& reply) const {
  const Call& call = calls_[id];
  const auto right_if = [](bool right) { return right ? Match::kRight : Match::kWrong; };
  switch (call.kind) {
    case Kind::kEcho: return reply.is_string() ? right_if(reply.text == std::to_string(id)) : Match::kForeign;
    case Kind::kGet:
    case Kind::kTaggedGet:
      if (reply.is_null()) return Match::kRight;
      return reply.is_string() ? match_value(call, reply.text) : Match::kForeign;
    case Kind::kSet: return reply.is_string() && reply.text == "OK" ? Match::kRight : Match::kForeign;
    case Kind::kAdd:
      return reply.is_integer() ? right_if(reply.integer == static_cast<std::int64_t>(id)) : Match::kForeign;
    case Kind::kScript: break;
  }
  const bool restates = reply.is_aggregate() && reply.elements.size() == 2 &&
                        reply.elements[0].integer == static_cast<std::int64_t>(id) &&
                        reply.elements[1].text == "count-" + key_name(call.key);
  return restates ? Match::kRight : Match::kForeign;
}

Verdict Callers::on_reply(std::uint64_t id, const ReplyView& reply) {
  const Call& call = calls_[id];
  const Match matched = match(id, reply);
  if (matched == Match::kForeign) {
    if (!world_.misleads()) world_.journal().violate("a foreign reply came out of nowhere to " + name(id));
    end(id, Errc::kForeignReply);
    return Verdict::kForeign;
  }
  if (matched == Match::kWrong && !world_.misleads()) {
    world_.journal().violate("a wrong answer to " + name(id) + ": " + std::string(reply.text));
  }
  const bool reads = call.kind == Kind::kGet || call.kind == Kind::kTaggedGet;
  if (matched == Match::kRight && !reads && call.executed == 0 && !world_.misleads()) {
    world_.journal().violate("an answer without execution to " + name(id));
  }
  if (call.is_probe && matched == Match::kRight) first_right_ = std::min(first_right_, world_.now());
  if (call.is_probe && matched == Match::kWrong) last_wrong_ = world_.now();
  end(id, Errc::kOk);
  return Verdict::kMine;
}

void Callers::end(std::uint64_t id, Errc code) {
  Call& call = calls_[id];
  world_.journal().note("call ends", id, 0, to_string(code));
  if (call.ended++ != 0) return world_.journal().violate("ended twice: " + name(id));
  call.code = code;
  if (call.is_probe && code != Errc::kOk) last_wrong_ = world_.now();
  if (was_never_executed(code) && call.executed > 0) {
    world_.journal().violate("executed, and told that it was not: " + name(id));
  }
  judge_time(id, code);
  // Callers that go on from within their callback.
  if (!probing_ && next_ != TimePoint::max() && world_.random().chance(5)) {
    submit(1, false, world_.now() + world_.random().time_between(1ms, 100ms));
  }
}

void Callers::judge_time(std::uint64_t id, Errc code) {
  const Call& call = calls_[id];
  const TimePoint now = world_.now();
  if (now > call.deadline && !held_up_) world_.journal().violate("ended after its deadline: " + name(id));
  const bool is_expiry = code == Errc::kTimeout || code == Errc::kNotSent;
  if (is_expiry && now < call.deadline) world_.journal().violate("given up before its deadline: " + name(id));
}

void Callers::released(std::uint64_t id) {
  Call& call = calls_[id];
  if (call.released++ != 0 || call.ended != 1) world_.journal().violate("let go of without an end: " + name(id));
}

void Callers::on_executed(std::uint64_t id) {
  if (id == 0 || id >= calls_.size()) return world_.journal().violate("a command that nobody submitted was executed");
  Call& call = calls_[id];
  world_.journal().note("redis executes", id, call.executed);
  ++call.executed;
  if (call.executed > (call.is_safe ? 2 : 1)) world_.journal().violate("executed too often: " + name(id));
  if (call.ended != 0 && was_never_executed(call.code)) {
    world_.journal().violate("executed after the caller was told that it was not: " + name(id));
  }
}

void Callers::check_deadlines() {
  while (!due_.empty() && (due_.top().first <= world_.now() || calls_[due_.top().second].ended != 0)) {
    const std::uint64_t id = due_.top().second;
    if (calls_[id].ended == 0) return world_.journal().violate("not ended at its deadline: " + name(id));
    due_.pop();
  }
}

void Callers::expect_all_ended(std::string_view when) {
  for (std::uint64_t id = 1; id < calls_.size(); ++id) {
    if (calls_[id].ended == 1 && calls_[id].released == 1) continue;
    return world_.journal().violate("lost, " + std::string(when) + ": " + name(id));
  }
}

void Callers::count_ends(std::map<std::string_view, std::uint64_t>& ends, std::uint64_t& executed_twice) const {
  for (std::size_t id = 1; id < calls_.size(); ++id) {
    ++ends[to_string(calls_[id].code)];
    if (calls_[id].executed > 1) ++executed_twice;
  }
}

std::string Callers::name(std::uint64_t id) const {
  constexpr std::array<std::string_view, 6> kNames{"ECHO", "GET", "tagged GET", "SET", "INCRBY", "script"};
  const Call& call = calls_[id];
  return "command " + std::to_string(id) + " (" + std::string(kNames[static_cast<std::size_t>(call.kind)]) +
         (call.is_safe ? ", safe to repeat" : ", not to be repeated") + ")";
}

}  // namespace envoyou::simulation
