// One SQLite file that this process alone writes: what must outlive it. Knows nothing of what it keeps.
//
//   open      the file is made with mode 0600, and locked: a second opener, in this process or another, gets kStorage
//   schema    numbered migrations; a file of a newer version, or of another program, is refused
//   commits   survive the end of the process at once (WAL), and a loss of power once `flush` has returned: many threads
//   that
//             flush at the same time share one wait for the disk
//   bounds    the file may grow to `max_bytes`, a wait for SQLite's own lock to kMaxBusyWait
//
// A full disk, a read-only or a corrupt file is a kStorage error that names the file; what was committed before stays.
//
// Does not: wait for another holder of the file, vacuum, or back up.
//
// Thread-compatible but for `flush`: one thread at a time; whoever owns it brings the mutex. In a forked child nothing
// of it may be used; there its destructor leaves the file alone.
#pragma once

#include "base/fork_guard.hpp"
#include "storage/flush_group.hpp"
#include "storage/lock_file.hpp"

#include <envoyou/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace envoyou::storage {

inline constexpr std::uint64_t kMaxFileBytes = 4ULL << 30;
inline constexpr std::chrono::milliseconds kMaxBusyWait{100};

struct DatabaseOptions {
  std::string path;
  // Marks the file as ours, so that the file of another program is refused and not changed.
  std::int32_t application_id = 0;
  // migrations[i] is SQL that brings a file from version i to version i + 1.
  std::vector<std::string_view> migrations;
  std::uint64_t max_bytes = kMaxFileBytes;
};

// One use of a cached statement: bind from left to right, then step. Confined to the expression or block it is made in.
// Bound text is not copied: it must stay where it is until the query is gone.
class Query {
 public:
  Query(sqlite3_stmt* statement, const std::string& path, int prepared) noexcept
      : statement_(statement), path_(path), code_(prepared) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& bind(std::int64_t value) noexcept;
  Query& bind(std::string_view text) noexcept;

  // True: there is a row to read. False: the end. Errors: kStorage.
  Result<bool> next();
  // For statements without rows. Errors: kStorage.
  Result<void> run();

  // Of the current row. Columns count from 0.
  std::int64_t integer(int column) const noexcept;
  std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
  const std::string& path_;
  int code_;
  int bound_ = 0;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // `sql` is a literal: statements are kept by it. A text that SQLite does not accept is an error of the query's first
  // step.
  Query query(std::string_view sql);

  // Runs `work` in one transaction: committed when it succeeds, undone when it does not. Not to be nested.
  Result<void> transact(const std::function<Result<void>()>& work);

  // Returns when all that was committed before this call is on the disk. Thread-safe. Errors: kStorage; what was
  // committed may be lost with the machine then, and is there as long as it runs.
  Result<void> flush();

  // How many rows the last query inserted, changed or deleted.
  std::int64_t changes() const noexcept;
  const std::string& path() const noexcept { return path_; }

 private:
  Database(std::string path, std::unique_ptr<LockFile> lock);
  Result<void> connect(const DatabaseOptions& options);
  Result<void> configure(const DatabaseOptions& options);
  Result<void> migrate(const DatabaseOptions& options);
  Result<void> open_log();
  Result<void> execute(const std::string& sql);
  Result<std::int64_t> pragma(const std::string& sql);

  std::string path_;
  std::unique_ptr<LockFile> lock_;
  base::ForkGuard fork_guard_;
  sqlite3* connection_ = nullptr;
  std::map<std::string_view, sqlite3_stmt*> statements_;
  FlushGroup flushes_;
};

}  // namespace envoyou::storage
