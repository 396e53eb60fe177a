// What Redis last said of the sessions that this process made or served: the least recently served leave first. Read
// only while Redis is away.
//
// A reply can arrive after the session's end was acknowledged: it was on its way. So whoever asks Redis takes a ticket
// before, and a reply whose ticket is older than the session's end (or than a newer copy) is not believed. Ends are
// remembered in a bounded list; when one must leave it, all tickets older than it are void.
//
// Thread-safe: one mutex, held for a few lookups.
#pragma once

#include "session/local_backend.hpp"
#include "session/record.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace envoyou::session {

inline constexpr std::size_t kMaxRememberedEnds = 16'384;

struct CopyLimits {
  std::size_t max_copies = 100'000;
  std::size_t max_bytes = 64U << 20U;
};

class Copies {
 public:
  using Ticket = std::uint64_t;

  explicit Copies(CopyLimits limits) : limits_(limits) {}

  Ticket ticket() const;
  void put(const Record& record, std::int64_t confirmed_ms, Ticket ticket);
  std::optional<Known> find(std::string_view name) const;
  std::vector<Known> of_user(const UserKey& user) const;
  // What was known of it holds no longer.
  void drop(const std::string& name);
  // It has ended, by the word of this process.
  void end(const std::string& name);
  void end_user(const UserKey& user);
  bool has_ended(const std::string& name) const;

  // True once in `interval_ms` for a session that is here, and always for one that is not. What is claimed counts as
  // its activity.
  bool claim_note(std::string_view name, std::int64_t now_ms, std::int64_t interval_ms);

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  struct Entry {
    std::shared_ptr<const Record> record;
    std::int64_t confirmed_ms = 0;
    std::int64_t noted_ms = 0;
    std::size_t weight = 0;
    Ticket put_at = 0;
  };
  using Order = std::list<Entry>;
  struct End {
    Ticket at = 0;
    bool acknowledged = false;
  };

  static Known known_of(const Entry& entry);
  bool is_void(const Record& record, Ticket ticket) const;
  void insert(const Record& record, std::int64_t confirmed_ms);
  void erase(Order::iterator entry);
  void erase(const std::string& name);
  void remember(std::string key, bool acknowledged);
  static std::string key_of(const UserKey& user);
  static std::size_t weight_of(const Record& record);

  const CopyLimits limits_;
  mutable std::mutex mutex_;
  Order order_;                                                    // the most recently served first
  std::unordered_map<std::string_view, Order::iterator> by_name_;  // looks into the records
  std::unordered_map<std::string, std::unordered_set<const Record*>> by_user_;
  std::unordered_map<std::string, End> ends_;
  std::deque<std::pair<std::string, Ticket>> end_order_;
  Ticket void_below_ = 0;
  Ticket now_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace envoyou::session
