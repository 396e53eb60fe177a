// The one time scale of a session store: Redis' TIME, as well as this process knows it. Several servers write the same
// sessions, and their calendars differ; so the calendar of the one thing that they share decides.
//
//   now = calendar when the store was opened + time passed since on the monotonic clock + offset
//
// A step of this machine's calendar changes nothing. Without a Redis the offset stays 0. It is measured from the
// server's TIME in replies (half of the round trip is the error) and remembered in the embedded database, for a restart
// in mid-outage.
//
// The nodes of a cluster have calendars of their own. A user's sessions have a tag in common and lie on one node, whose
// calendar is theirs: so each node has an offset, and "now" is asked for with a tag. A node that was not measured yet
// is believed to be as the first one. At most kMaxNodes are kept.
//
// Thread-safe.
#pragma once

#include <envoyou/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace envoyou::session {

class ServerTime {
 public:
  static constexpr std::size_t kMaxNodes = 1'024;
  // The node that has the keys with this tag; empty: not known. Thread-safe.
  using NodeOf = std::function<std::string(std::string_view tag)>;

  // `node_of` empty: there is one server, whose name is empty.
  explicit ServerTime(std::shared_ptr<Clock> clock, NodeOf node_of = {});

  std::string node_of(std::string_view tag) const { return node_of_ ? node_of_(tag) : std::string(); }
  bool has_many_nodes() const noexcept { return node_of_ != nullptr; }

  // On the calendar of whoever has the tag.
  std::int64_t now_ms(std::string_view tag) const;
  // For what has no tag: on the calendar that is last of all. It is now everywhere that this says has come.
  std::int64_t now_ms() const;
  std::int64_t offset_ms() const noexcept { return first_.offset_ms.load(std::memory_order_relaxed); }

  // From an earlier run; does not count as measured.
  void assume_offset(std::int64_t offset_ms) noexcept { first_.offset_ms.store(offset_ms, std::memory_order_relaxed); }
  // The server said `server_ms` between these two moments. A difference within the error changes nothing.
  void measured(std::int64_t server_ms, TimePoint sent, TimePoint received, const std::string& node = {});
  // Never measured, or not for a minute.
  bool wants_measuring(const std::string& node = {}) const;
  bool was_measured(const std::string& node = {}) const;

  const Clock& clock() const noexcept { return *clock_; }

 private:
  static constexpr std::int64_t kNever = INT64_MIN;
  struct Calendar {
    std::atomic<std::int64_t> offset_ms{0};
    std::atomic<std::int64_t> measured_at_ms{kNever};
  };

  std::int64_t local_ms(TimePoint at) const noexcept;
  std::int64_t offset_of(const std::string& node) const;
  std::int64_t measured_at(const std::string& node) const;
  static void set(Calendar& calendar, std::int64_t offset, std::int64_t error, std::int64_t at_ms);

  const std::shared_ptr<Clock> clock_;
  const NodeOf node_of_;
  const TimePoint opened_;
  const std::int64_t opened_wall_ms_;
  Calendar first_;  // of the only server, or of the first of several in the order of their names
  mutable std::mutex mutex_;
  std::map<std::string, Calendar> nodes_;  // guarded by mutex_; empty with one server
};

}  // namespace envoyou::session
