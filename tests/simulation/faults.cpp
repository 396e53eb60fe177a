#include "faults.hpp"

#include <algorithm>
#include <array>

namespace envoyou::simulation {

namespace {

using namespace std::chrono_literals;

constexpr Nanos kShort = 1ms;
constexpr Nanos kLong = 700ms;

Ending random_ending(Random& random) { return random.chance(50) ? Ending::kFin : Ending::kReset; }

}  // namespace

const std::vector<Faults::Kind>& Faults::kinds() {
  static const std::vector<Kind> kAll{
      {"connects are refused", &Faults::refuse, true},
      {"connects stay unanswered", &Faults::leave_unanswered, true},
      {"the server is frozen", &Faults::freeze, true},
      {"links are cut", &Faults::kill_links, false},
      {"links are dead and nobody says so", &Faults::lose_links, false},
      {"links are held up", &Faults::hold_links, false},
      {"a reply is cut", &Faults::cut_reply, false},
      {"a request is cut", &Faults::cut_request, false},
      {"the server restarts", &Faults::restart, true},
      {"the server restarts without its data", &Faults::lose_data, true},
      {"scripts are forgotten", &Faults::forget_scripts, false},
      {"commands are answered with errors", &Faults::answer_errors, true},
      {"the password is changed", &Faults::change_password, true},
      {"a reply that nobody asked for", &Faults::send_unasked, false},
      {"a reply comes twice", &Faults::repeat_reply, false},
      {"garbage comes", &Faults::send_garbage, false},
      {"a push comes", &Faults::send_push, false},
      {"the network is slow", &Faults::slow_down, true},
      {"replies drip", &Faults::drip, true},
      {"sockets have little room", &Faults::narrow, true},
      {"reads and writes move little", &Faults::move_little, true},
      {"name look-ups hang", &Faults::hang_lookups, true},
      {"the server has enough clients", &Faults::admit_no_more, true},
      {"the loop is woken for nothing", &Faults::wake_for_nothing, false},
      {"the server flaps", &Faults::flap, false},
  };
  return kAll;
}

void Faults::remember_health() {
  healthy_ = host_.conditions;
  right_password_ = host_.redis().password;
}

void Faults::plan(TimePoint begin, TimePoint end) {
  Random& random = world_.random();
  const auto episodes = random.below(7);
  for (std::uint64_t i = 0; i < episodes; ++i) {
    const auto kind = static_cast<int>(random.below(kinds().size()));
    const TimePoint at = begin + random.time_between(0ms, end - begin);
    add(kind, at, std::min(at + random.time_between(kShort, kLong), end));
  }
}

void Faults::add(int kind, TimePoint begin, TimePoint end) {
  due_.push_back({begin, kind, true});
  if (kinds()[static_cast<std::size_t>(kind)].lasts) due_.push_back({end, kind, false});
  std::stable_sort(due_.begin(), due_.end(), [](const Step& a, const Step& b) { return a.at > b.at; });
}

void Faults::act() {
  const Step step = due_.back();
  due_.pop_back();
  const Kind& kind = kinds()[static_cast<std::size_t>(step.kind)];
  world_.journal().note(step.begins ? "FAULT" : "fault ends", 0, 0, kind.name);
  if (step.begins) {
    (this->*kind.begin)();
  } else {
    // The others' lasting conditions with it: their own ends find nothing to do.
    restore();
  }
}

void Faults::heal() {
  due_.clear();
  restore();
  for (const auto& wire : host_.wires()) {
    wire->cut_after.reset();
    wire->cut_request.reset();
    // What dripped out of the server for a long time comes at once.
    for (Wire::Leaving& part : wire->leaving) part.at = std::min(part.at, world_.now());
  }
  world_.journal().note("HEALED");
}

void Faults::restore() {
  host_.conditions = healthy_;
  host_.redis().trouble = {};
  host_.redis().password = right_password_;
  for (const auto& wire : host_.wires()) {
    wire->end->room = healthy_.room;
    wire->end->most = healthy_.most;
  }
}

Wire* Faults::random_wire() {
  const auto live = host_.live_wires();
  return live.empty() ? nullptr : world_.random().pick(live);
}

void Faults::refuse() { host_.conditions.refuses = true; }

void Faults::leave_unanswered() {
  host_.conditions.silent = true;
  if (world_.random().chance(50)) host_.end_all(random_ending(world_.random()));
}

void Faults::freeze() { host_.conditions.frozen = true; }

void Faults::kill_links() {
  const Ending how = random_ending(world_.random());
  if (world_.random().chance(60)) return host_.end_all(how);
  if (Wire* wire = random_wire()) host_.end(*wire, how);
}

void Faults::lose_links() {
  for (Wire* wire : host_.live_wires()) wire->dead = true;
}

// Late, and perhaps after the client has turned away.
void Faults::hold_links() {
  const TimePoint until = world_.now() + world_.random().time_between(kShort, kLong);
  for (Wire* wire : host_.live_wires()) wire->held_until = until;
}

void Faults::cut_reply() {
  Wire* const wire = random_wire();
  if (wire == nullptr) return;
  wire->cut_after = world_.random().between(1, 40);
  wire->ending = random_ending(world_.random());
}

void Faults::cut_request() {
  Wire* const wire = random_wire();
  if (wire == nullptr) return;
  wire->cut_request = world_.random().between(1, 120);
  wire->ending = random_ending(world_.random());
}

void Faults::restart() {
  host_.conditions.refuses = true;
  host_.redis().forget_scripts();
  host_.end_all(random_ending(world_.random()));
}

void Faults::lose_data() {
  restart();
  host_.redis().lose_data();
}

void Faults::forget_scripts() { host_.redis().forget_scripts(); }

void Faults::answer_errors() {
  static const std::array<ModelTrouble, 12> kTroubles{{
      {"LOADING Redis is loading the dataset in memory", false, true},
      {"LOADING Redis is loading the dataset in memory", false, false},
      {"OOM command not allowed when used memory > 'maxmemory'.", true, true},
      {"MISCONF Errors writing to the AOF file", true, true},
      {"BUSY Redis is busy running a script.", false, true},
      {"READONLY You can't write against a read only replica.", true, true},
      {"MASTERDOWN Link with MASTER is down", false, true},
      {"CLUSTERDOWN The cluster is down", false, true},
      {"TRYAGAIN Multiple keys request during rehashing of slot", true, true},
      {"NOPERM this user has no permissions to run the command", true, true},
      {"MOVED 1234 127.0.0.1:7001", false, true},
      {"ERR something else", true, true},
  }};
  host_.redis().trouble = world_.random().pick(kTroubles);
}

void Faults::change_password() {
  host_.redis().password = "another";
  host_.end_all(Ending::kFin);
}

void Faults::send_unasked() {
  constexpr std::array<std::string_view, 8> kReplies{
      "$7\r\nforeign\r\n", "$7\r\n1=key-1\r\n", "+OK\r\n", ":17\r\n", "$-1\r\n", "*2\r\n:3\r\n$11\r\ncount-key-2\r\n",
      "-ERR unasked\r\n",  "$5\r\nab",
  };
  for (auto replies = world_.random().between(1, 3); replies > 0; --replies) {
    Wire* const wire = random_wire();
    if (wire != nullptr) host_.mislead(*wire, std::string(world_.random().pick(kReplies)));
  }
}

void Faults::repeat_reply() {
  Wire* const wire = random_wire();
  if (wire != nullptr && !wire->last_reply.empty()) host_.mislead(*wire, wire->last_reply);
}

void Faults::send_garbage() {
  constexpr std::array<std::string_view, 6> kGarbage{
      "\x01\xfe?not a reply\r\n", "*2147483647\r\n", "%536870912\r\n",
      "$9223372036854775807\r\n", ":twelve\r\n",     "$-7\r\n",
  };
  Wire* const wire = random_wire();
  if (wire != nullptr) host_.mislead(*wire, std::string(world_.random().pick(kGarbage)));
}

void Faults::send_push() {
  Wire* const wire = random_wire();
  if (wire == nullptr || !wire->peer.speaks_resp3) return;
  host_.send(*wire, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\nkey-1\r\n");
}

void Faults::slow_down() {
  constexpr std::array<Nanos, 5> kSlow{2ms, 12ms, 25ms, 80ms, 300ms};
  host_.conditions.delay_most = world_.random().pick(kSlow);
  host_.conditions.delay_least = host_.conditions.delay_most / 2;
}

void Faults::drip() {
  host_.conditions.drip = world_.random().between(1, 4);
  host_.conditions.drip_gap = world_.random().time_between(100us, 30ms);
}

void Faults::narrow() {
  host_.conditions.room = world_.random().between(1, 200);
  for (const auto& wire : host_.wires()) wire->end->room = host_.conditions.room;
}

void Faults::move_little() {
  host_.conditions.most = world_.random().between(1, 9);
  for (const auto& wire : host_.wires()) wire->end->most = host_.conditions.most;
}

void Faults::hang_lookups() {
  host_.conditions.lookup = world_.random().time_between(kShort, 2 * kLong);
  if (world_.random().chance(50)) host_.end_all(random_ending(world_.random()));
}

void Faults::admit_no_more() {
  host_.conditions.too_many = true;
  if (world_.random().chance(50)) host_.end_all(random_ending(world_.random()));
}

void Faults::wake_for_nothing() { world_.wake(); }

void Faults::flap() {
  constexpr int kLinksAreCut = 3;  // of kinds()
  TimePoint at = world_.now();
  for (auto times = world_.random().between(2, 12); times > 0; --times) {
    at += world_.random().time_between(1ms, 60ms);
    add(kLinksAreCut, at, at);
  }
}

}  // namespace envoyou::simulation
