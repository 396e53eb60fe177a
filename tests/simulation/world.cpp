#include "world.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::simulation {

using redis::SimLink;

// ---- Host ----

std::shared_ptr<SimLink> Host::accept(std::uint16_t) {
  world_.count_dial();
  if (conditions.refuses && conditions.lookup == Nanos(0) && world_.random().chance(50)) {
    world_.journal().note("net  refuses at once");
    return nullptr;
  }
  auto wire = std::make_unique<Wire>();
  wire->end = world_.new_link();
  wire->end->room = conditions.room;
  wire->end->most = conditions.most;
  wire->end->resolving = conditions.lookup > Nanos(0);
  wire->resolves_at = world_.now() + conditions.lookup;
  wire->connects_at =
      wire->resolves_at + 2 * world_.random().time_between(conditions.delay_least, conditions.delay_most);
  world_.journal().note("net  dials", static_cast<std::uint64_t>(wire->end->descriptor), conditions.silent ? 1 : 0);
  auto link = wire->end;
  wires_.push_back(std::move(wire));
  return link;
}

std::vector<Wire*> Host::live_wires() {
  std::vector<Wire*> live;
  for (const auto& wire : wires_) {
    const SimLink& end = *wire->end;
    if (end.connected && !end.closed_by_client && !end.closed_by_server && !end.reset) live.push_back(wire.get());
  }
  return live;
}

void Host::end(Wire& wire, Ending how) {
  if (wire.end->closed_by_server || wire.end->reset || wire.end->refused || wire.end->resolving) return;
  world_.journal().note("net  ends", static_cast<std::uint64_t>(wire.end->descriptor), how == Ending::kReset ? 1 : 0);
  wire.end->to_server.clear();
  wire.arriving.clear();
  wire.marked = 0;
  wire.input.clear();
  wire.leaving.clear();
  if (!wire.end->connected) {
    wire.end->refused = true;
  } else if (how == Ending::kReset) {
    wire.end->reset = true;
  } else {
    wire.end->closed_by_server = true;
  }
}

void Host::end_all(Ending how) {
  for (const auto& wire : wires_) end(*wire, how);
}

bool Host::pump() {
  bool moved = false;
  for (std::size_t i = 0; i < wires_.size(); ++i) moved = pump(*wires_[i]) || moved;
  bury();
  return moved;
}

bool Host::pump(Wire& wire) {
  bool moved = connect(wire);
  if (wire.dead || world_.now() < wire.held_until) return moved;
  moved = receive(wire) || moved;
  moved = execute(wire) || moved;
  return deliver(wire) || moved;
}

bool Host::connect(Wire& wire) {
  SimLink& end = *wire.end;
  if (end.connected || end.closed_by_client || end.refused) return false;
  if (end.resolving && world_.now() >= wire.resolves_at) {
    end.resolving = false;
    world_.wake();
  }
  if (end.resolving || conditions.silent || world_.now() < wire.connects_at) return false;
  if (conditions.refuses) {
    end.refused = true;
    return true;
  }
  end.connected = true;
  if (conditions.too_many) {
    wire.serves = false;
    wire.finishing = true;
    send(wire, "-ERR max number of clients reached\r\n");
  }
  return true;
}

bool Host::receive(Wire& wire) {
  SimLink& end = *wire.end;
  bool moved = false;
  if (end.to_server.size() > wire.marked) {
    const TimePoint least = wire.arriving.empty() ? world_.now() : wire.arriving.back().at;
    const Nanos delay = world_.random().time_between(conditions.delay_least, conditions.delay_most);
    wire.arriving.push_back({std::max(least, world_.now() + delay), end.to_server.size() - wire.marked});
    wire.marked = end.to_server.size();
  }
  while (!wire.arriving.empty() && wire.arriving.front().at <= world_.now() && !conditions.frozen) {
    std::size_t bytes = std::exchange(wire.arriving.front().bytes, 0);
    wire.arriving.pop_front();
    if (wire.cut_request) bytes = std::min(bytes, *wire.cut_request);
    wire.input.append(end.to_server, 0, bytes);
    if (wire.cut_request && (*wire.cut_request -= bytes) == 0) {
      execute(wire);
      this->end(wire, wire.ending);
      return true;
    }
    end.to_server.erase(0, bytes);
    wire.marked -= bytes;
    moved = true;
  }
  return moved;
}

bool Host::execute(Wire& wire) {
  if (conditions.frozen || wire.input.empty()) return false;
  bool moved = false;
  while (auto argv = redis::take_command(wire.input)) {
    if (!wire.serves) continue;
    std::string reply = redis_.execute(wire.peer, *argv);
    wire.last_reply = reply;
    send(wire, std::move(reply));
    moved = true;
  }
  return moved;
}

void Host::send(Wire& wire, std::string bytes) {
  const TimePoint least = wire.leaving.empty() ? world_.now() : wire.leaving.back().at;
  TimePoint at =
      std::max(least, world_.now() + world_.random().time_between(conditions.delay_least, conditions.delay_most));
  if (conditions.drip == 0) {
    wire.leaving.push_back({at, std::move(bytes)});
    return;
  }
  for (std::size_t sent = 0; sent < bytes.size(); sent += conditions.drip, at += conditions.drip_gap) {
    wire.leaving.push_back({at, bytes.substr(sent, conditions.drip)});
  }
}

void Host::mislead(Wire& wire, std::string bytes) {
  wire.is_misled = true;
  world_.journal().note("net  misleads", static_cast<std::uint64_t>(wire.end->descriptor), 0, bytes);
  send(wire, std::move(bytes));
}

bool Host::misleads() const {
  return std::any_of(wires_.begin(), wires_.end(),
                     [](const auto& wire) { return wire->is_misled && !wire->end->closed_by_client; });
}

bool Host::deliver(Wire& wire) {
  SimLink& end = *wire.end;
  bool moved = false;
  while (!wire.leaving.empty() && wire.leaving.front().at <= world_.now()) {
    std::string bytes = std::move(wire.leaving.front().bytes);
    wire.leaving.pop_front();
    moved = true;
    if (wire.cut_after) bytes.resize(std::min(bytes.size(), *wire.cut_after));
    end.to_client += bytes;
    if (wire.cut_after && (*wire.cut_after -= bytes.size()) == 0) {
      this->end(wire, wire.ending);
      return true;
    }
  }
  if (wire.finishing && wire.leaving.empty() && !end.closed_by_server) {
    this->end(wire, Ending::kFin);
    return true;
  }
  return moved;
}

TimePoint Host::next_due() const {
  TimePoint due = TimePoint::max();
  for (const auto& wire : wires_) due = std::min(due, next_due(*wire));
  return due;
}

TimePoint Host::next_due(const Wire& wire) const {
  const SimLink& end = *wire.end;
  TimePoint due = TimePoint::max();
  if (!end.connected && !end.refused && !end.closed_by_client) {
    if (end.resolving) {
      due = wire.resolves_at;
    } else if (!conditions.silent) {
      due = wire.connects_at;
    }
  }
  if (wire.dead) return due;
  if (!wire.leaving.empty()) due = std::min(due, std::max(wire.leaving.front().at, wire.held_until));
  if (!wire.arriving.empty() && !conditions.frozen) {
    due = std::min(due, std::max(wire.arriving.front().at, wire.held_until));
  } else if (end.to_server.size() > wire.marked && world_.now() < wire.held_until) {
    due = std::min(due, wire.held_until);
  }
  return due;
}

// Lets go of wires in which nothing can happen any more.
void Host::bury() {
  std::erase_if(wires_, [this](const std::unique_ptr<Wire>& wire) {
    const SimLink& end = *wire->end;
    if (!end.closed_by_client) return false;
    const bool over = wire->dead || end.reset || end.closed_by_server || !end.connected;
    const bool done = over || (end.to_server.empty() && wire->input.find('\n') == std::string::npos);
    if (done) world_.forget_link(wire->end);
    return done;
  });
}

// ---- World ----

Host& World::add_host(ModelRedis redis) {
  hosts_.push_back(std::make_unique<Host>(*this, std::move(redis)));
  return *hosts_.back();
}

bool World::misleads() const {
  return std::any_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->misleads(); });
}

bool World::pump() {
  bool moved = false;
  for (Actor* actor : actors_) {
    while (actor->next() <= now()) {
      actor->act();
      moved = true;
    }
  }
  for (const auto& host : hosts_) moved = host->pump() || moved;
  return moved;
}

TimePoint World::next_due() {
  if (may_sleep_ && !may_sleep_()) journal_.violate("a wake-up was lost: the loop sleeps while commands wait");
  TimePoint due = TimePoint::max();
  for (const auto& host : hosts_) due = std::min(due, host->next_due());
  for (const Actor* actor : actors_) due = std::min(due, actor->next());
  return std::max(due, now());
}

std::shared_ptr<SimLink> World::new_link() {
  auto link = std::make_shared<SimLink>();
  link->descriptor = next_descriptor_++;
  links_.push_back(link);
  return link;
}

void World::forget_link(const std::shared_ptr<SimLink>& link) { std::erase(links_, link); }

}  // namespace envoyou::simulation
