// What goes wrong in one run: a few episodes, each of one kind, that begin and (where they last) end at times drawn
// from the seed, and may overlap. `heal` ends all of them.
// Confined to one thread.
#pragma once

#include "world.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::simulation {

class Faults final : public Actor {
 public:
  Faults(World& world, Host& host) : world_(world), host_(host) {}

  // What the host is like now is what it is like when it is well.
  void remember_health();
  // Draws the episodes of a run.
  void plan(TimePoint begin, TimePoint end);
  void heal();

  TimePoint next() const override { return due_.empty() ? TimePoint::max() : due_.back().at; }
  void act() override;

 private:
  using Begin = void (Faults::*)();
  struct Step {
    TimePoint at;
    int kind;     // of kKinds
    bool begins;  // else the episode ends
  };
  struct Kind {
    std::string_view name;
    Begin begin;
    bool lasts;  // has an end, at which what it changed is as it was
  };
  static const std::vector<Kind>& kinds();

  void add(int kind, TimePoint begin, TimePoint end);
  void restore();
  Wire* random_wire();

  void refuse();
  void leave_unanswered();
  void freeze();
  void kill_links();
  void lose_links();
  void hold_links();
  void cut_reply();
  void cut_request();
  void restart();
  void lose_data();
  void forget_scripts();
  void answer_errors();
  void change_password();
  void send_unasked();
  void repeat_reply();
  void send_garbage();
  void send_push();
  void slow_down();
  void drip();
  void narrow();
  void move_little();
  void hang_lookups();
  void admit_no_more();
  void wake_for_nothing();
  void flap();

  World& world_;
  Host& host_;
  Conditions healthy_;
  std::string right_password_;
  std::vector<Step> due_;  // latest first
};

}  // namespace envoyou::simulation
