#include "session/sqlite_backend.hpp"

#include "storage/database.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::session {
namespace {

using storage::Database;
using storage::Query;

constexpr std::int32_t kApplicationId = 0x656e7673;  // "envs"
constexpr std::int64_t kPurgeEveryMs = 1'000;
constexpr std::int64_t kMaxPurgedAtOnce = 1'000;

// Names are hashes; neither ids nor secrets are ever in the file.
constexpr std::string_view kSchema = R"(
CREATE TABLE sessions (
  name TEXT PRIMARY KEY, tag TEXT NOT NULL, user_part TEXT NOT NULL,
  user_id TEXT NOT NULL, user_data TEXT NOT NULL, device_info TEXT NOT NULL, ip_address TEXT NOT NULL,
  created_ms INTEGER NOT NULL, last_active_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL,
  absolute_end_ms INTEGER NOT NULL, idle_ms INTEGER NOT NULL, version INTEGER NOT NULL,
  change TEXT NOT NULL, epoch INTEGER NOT NULL,
  confirmed_ms INTEGER NOT NULL, base_version INTEGER NOT NULL, parent TEXT NOT NULL, after TEXT NOT NULL,
  stamp INTEGER NOT NULL, ends_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_part, tag);
CREATE INDEX sessions_by_end ON sessions (ends_ms);
CREATE TABLE tombstones (
  name TEXT PRIMARY KEY, tag TEXT NOT NULL, successor TEXT NOT NULL,
  until_ms INTEGER NOT NULL, stamp INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE revocations (
  user_part TEXT NOT NULL, tag TEXT NOT NULL, change TEXT NOT NULL, at_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (user_part, tag)) WITHOUT ROWID;
CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
)";

Row row_of(const Query& found) {
  Row row;
  int column = 0;
  const auto text = [&] { return found.text(column++); };
  const auto integer = [&] { return found.integer(column++); };
  row.record.address.name = text();
  row.record.address.tag = text();
  row.record.user_part = text();
  row.record.user_id = text();
  row.record.user_data = text();
  row.record.device_info = text();
  row.record.ip_address = text();
  row.record.created_ms = integer();
  row.record.last_active_ms = integer();
  row.record.modified_ms = integer();
  row.record.absolute_end_ms = integer();
  row.record.idle_ms = integer();
  row.record.version = static_cast<std::uint64_t>(integer());
  row.record.change = text();
  row.record.epoch = integer();
  row.confirmed_ms = integer();
  row.base_version = static_cast<std::uint64_t>(integer());
  row.parent = text();
  row.after = text();
  row.stamp = integer();
  return row;
}

Tombstone tombstone_of(const Query& found) {
  return {{found.text(0), found.text(1)}, found.text(2), found.integer(3), found.integer(4)};
}

Revocation revocation_of(const Query& found) {
  return {{found.text(0), found.text(1)}, found.text(2), found.integer(3), found.integer(4), found.integer(5)};
}

template <class T, class Read>
Result<std::vector<T>> all_of(Query& query, Read read) {
  std::vector<T> all;
  for (;;) {
    const auto more = query.next();
    if (!more) return more.error();
    if (!*more) return all;
    all.push_back(read(query));
  }
}

// The second column is the tag, in all tables.
template <class T, class Read>
Result<std::vector<T>> some_of(Query& query, std::size_t most, const Tags& held, Read read) {
  std::vector<T> some;
  while (some.size() < most) {
    const auto more = query.next();
    if (!more) return more.error();
    if (!*more) break;
    if (held.empty() || !held.contains(query.text(1))) some.push_back(read(query));
  }
  return some;
}

template <class T, class Read>
Result<std::optional<T>> one_of(Query& query, Read read) {
  const auto found = query.next();
  if (!found) return found.error();
  if (!*found) return std::optional<T>();
  return std::optional<T>(read(query));
}

class SqliteRows final : public Rows {
 public:
  explicit SqliteRows(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  // How much the file holds from an earlier run.
  Result<void> count() {
    const auto number = [this](std::string_view sql) -> Result<std::int64_t> {
      Query query = database_->query(sql);
      if (auto found = query.next(); !found) return found.error();
      return query.integer(0);
    };
    const auto rows = number("SELECT count(*) FROM sessions");
    const auto marks = number("SELECT (SELECT count(*) FROM tombstones) + (SELECT count(*) FROM revocations)");
    const auto stamp = number(
        "SELECT max((SELECT ifnull(max(stamp), 0) FROM sessions), (SELECT ifnull(max(stamp), 0) FROM tombstones),"
        " (SELECT ifnull(max(stamp), 0) FROM revocations))");
    if (!rows || !marks || !stamp) return !rows ? rows.error() : !marks ? marks.error() : stamp.error();
    rows_ = *rows;
    marks_ = *marks;
    last_stamp_ = *stamp;
    return {};
  }

  // What a failed transaction counted is taken back with it.
  Result<void> transact(const std::function<Result<void>()>& work) override {
    const auto rows = rows_;
    const auto marks = marks_;
    Result<void> done = database_->transact(work);
    if (!done) {
      rows_ = rows;
      marks_ = marks;
    }
    return done;
  }

  Result<void> flush() override { return database_->flush(); }

  Result<std::optional<Row>> find(std::string_view name) override {
    Query query = database_->query("SELECT * FROM sessions WHERE name = ?1");
    return one_of<Row>(query.bind(name), row_of);
  }

  Result<void> put(const Row& row) override {
    saw(row.stamp);
    const auto known = has("SELECT 1 FROM sessions WHERE name = ?1", row.record.address.name);
    if (!known) return known.error();
    auto done = write(row);
    if (done && !*known) ++rows_;
    return done;
  }

  Result<void> erase(std::string_view name) override {
    return erase_from("DELETE FROM sessions WHERE name = ?1", name, rows_);
  }

  Result<std::size_t> count_of(const UserKey& user) override {
    Query query = database_->query("SELECT count(*) FROM sessions WHERE user_part = ?1 AND tag = ?2");
    const auto counted = query.bind(user.part).bind(user.tag).next();
    if (!counted) return counted.error();
    return static_cast<std::size_t>(query.integer(0));
  }

  Result<std::vector<Row>> of_user(const UserKey& user) override {
    Query query = database_->query(
        "SELECT name, tag, user_part, user_id, '', device_info, ip_address, created_ms, last_active_ms, modified_ms,"
        " absolute_end_ms, idle_ms, version, change, epoch, confirmed_ms, base_version, parent, after, stamp"
        " FROM sessions WHERE user_part = ?1 AND tag = ?2");
    return all_of<Row>(query.bind(user.part).bind(user.tag), row_of);
  }

  Result<std::optional<Tombstone>> find_tombstone(std::string_view name) override {
    Query query = database_->query("SELECT * FROM tombstones WHERE name = ?1");
    return one_of<Tombstone>(query.bind(name), tombstone_of);
  }

  Result<void> put(const Tombstone& it) override {
    saw(it.stamp);
    const auto known = has("SELECT 1 FROM tombstones WHERE name = ?1", it.address.name);
    if (!known) return known.error();
    Query query = database_->query("INSERT OR REPLACE INTO tombstones VALUES (?1, ?2, ?3, ?4, ?5)");
    query.bind(it.address.name).bind(it.address.tag).bind(it.successor).bind(it.until_ms).bind(it.stamp);
    auto done = query.run();
    if (done && !*known) ++marks_;
    return done;
  }

  Result<void> erase_tombstone(std::string_view name) override {
    return erase_from("DELETE FROM tombstones WHERE name = ?1", name, marks_);
  }

  Result<std::optional<Revocation>> find_revocation(const UserKey& user) override {
    Query query = database_->query("SELECT * FROM revocations WHERE user_part = ?1 AND tag = ?2");
    return one_of<Revocation>(query.bind(user.part).bind(user.tag), revocation_of);
  }

  Result<void> put(const Revocation& it) override {
    saw(it.stamp);
    const auto known = find_revocation(it.user);
    if (!known) return known.error();
    Query query = database_->query("INSERT OR REPLACE INTO revocations VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query.bind(it.user.part).bind(it.user.tag).bind(it.change).bind(it.at_ms).bind(it.until_ms).bind(it.stamp);
    auto done = query.run();
    if (done && !known->has_value()) ++marks_;
    return done;
  }

  Result<void> erase_revocation(const UserKey& user) override {
    Query query = database_->query("DELETE FROM revocations WHERE user_part = ?1 AND tag = ?2");
    auto done = query.bind(user.part).bind(user.tag).run();
    if (done) marks_ -= database_->changes();
    return done;
  }

  Result<std::vector<Row>> some_rows(std::size_t most, const Tags& held) override {
    Query query = database_->query("SELECT * FROM sessions");
    return some_of<Row>(query, most, held, row_of);
  }

  Result<std::vector<Tombstone>> some_tombstones(std::size_t most, const Tags& held) override {
    Query query = database_->query(
        "SELECT * FROM tombstones AS t WHERE t.successor = ''"
        " OR NOT EXISTS (SELECT 1 FROM sessions AS s WHERE s.name = t.successor)");
    return some_of<Tombstone>(query, most, held, tombstone_of);
  }

  Result<std::vector<Revocation>> some_revocations(std::size_t most, const Tags& held) override {
    Query query = database_->query("SELECT * FROM revocations");
    return some_of<Revocation>(query, most, held, revocation_of);
  }

  Result<void> purge(std::int64_t now_ms, bool all) override {
    if (!all && now_ms < next_purge_ms_) return {};
    next_purge_ms_ = now_ms + kPurgeEveryMs;
    const std::int64_t most = all ? -1 : kMaxPurgedAtOnce;
    auto done =
        purge_from("DELETE FROM sessions WHERE name IN (SELECT name FROM sessions WHERE ends_ms <= ?1 LIMIT ?2)",
                   now_ms, most, rows_);
    if (done)
      done =
          purge_from("DELETE FROM tombstones WHERE name IN (SELECT name FROM tombstones WHERE until_ms <= ?1 LIMIT ?2)",
                     now_ms, most, marks_);
    if (done)
      done = purge_from(
          "DELETE FROM revocations WHERE (user_part, tag) IN"
          " (SELECT user_part, tag FROM revocations WHERE until_ms <= ?1 LIMIT ?2)",
          now_ms, most, marks_);
    return done;
  }

  std::size_t rows() const noexcept override { return static_cast<std::size_t>(std::max<std::int64_t>(rows_, 0)); }
  std::size_t marks() const noexcept override { return static_cast<std::size_t>(std::max<std::int64_t>(marks_, 0)); }
  std::int64_t last_stamp() const noexcept override { return last_stamp_; }

  Result<std::int64_t> remembered(std::string_view name) override {
    Query query = database_->query("SELECT value FROM numbers WHERE name = ?1");
    const auto found = query.bind(name).next();
    if (!found) return found.error();
    return *found ? query.integer(0) : 0;
  }

  Result<void> remember(std::string_view name, std::int64_t value) override {
    return database_->query("INSERT OR REPLACE INTO numbers VALUES (?1, ?2)").bind(name).bind(value).run();
  }

 private:
  void saw(std::int64_t stamp) noexcept { last_stamp_ = std::max(last_stamp_, stamp); }

  Result<bool> has(std::string_view sql, std::string_view name) {
    Query query = database_->query(sql);
    return query.bind(name).next();
  }

  Result<void> write(const Row& row) {
    const Record& it = row.record;
    Query query = database_->query(
        "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
        " ?16, ?17, ?18, ?19, ?20, ?21)");
    query.bind(it.address.name).bind(it.address.tag).bind(it.user_part).bind(it.user_id);
    query.bind(it.user_data).bind(it.device_info).bind(it.ip_address);
    query.bind(it.created_ms).bind(it.last_active_ms).bind(it.modified_ms).bind(it.absolute_end_ms).bind(it.idle_ms);
    query.bind(static_cast<std::int64_t>(it.version)).bind(it.change).bind(it.epoch);
    query.bind(row.confirmed_ms).bind(static_cast<std::int64_t>(row.base_version)).bind(row.parent).bind(row.after);
    return query.bind(row.stamp).bind(it.ends_ms()).run();
  }

  Result<void> erase_from(std::string_view sql, std::string_view name, std::int64_t& count) {
    auto done = database_->query(sql).bind(name).run();
    if (done) count -= database_->changes();
    return done;
  }

  Result<void> purge_from(std::string_view sql, std::int64_t now_ms, std::int64_t most, std::int64_t& count) {
    auto done = database_->query(sql).bind(now_ms).bind(most).run();
    if (done) count -= database_->changes();
    return done;
  }

  std::unique_ptr<Database> database_;
  std::int64_t rows_ = 0;
  std::int64_t marks_ = 0;
  std::int64_t last_stamp_ = 0;
  std::int64_t next_purge_ms_ = 0;
};

}  // namespace

Result<std::unique_ptr<Rows>> open_sqlite_rows(const std::string& file) {
  auto database = Database::open({file, kApplicationId, {kSchema}});
  if (!database) return database.error();
  auto rows = std::make_unique<SqliteRows>(std::move(*database));
  if (auto counted = rows->count(); !counted) return counted.error();
  return std::unique_ptr<Rows>(std::move(rows));
}

}  // namespace envoyou::session
