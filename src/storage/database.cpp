#include "storage/database.hpp"

#include <sqlite3.h>

#include <utility>

namespace envoyou::storage {
namespace {

Error storage_failure(const std::string& path, std::string_view doing, sqlite3* connection, int code) {
  std::string text = "database file '" + path + "': " + std::string(doing) + ": ";
  // The general text, not the connection's: that one may quote what was being stored.
  text += sqlite3_errstr(code);
  const int system_code = connection != nullptr ? sqlite3_extended_errcode(connection) : code;
  if (system_code != code) text += " (" + std::to_string(system_code) + ")";
  return Error(Errc::kStorage, std::move(text));
}

}  // namespace

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) noexcept {
  if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Query& Query::bind(std::string_view text) noexcept {
  // A null pointer would bind NULL; the destructor argument null is SQLITE_STATIC: not copied.
  const char* data = text.data() != nullptr ? text.data() : "";
  if (code_ == SQLITE_OK) code_ = sqlite3_bind_text64(statement_, ++bound_, data, text.size(), nullptr, SQLITE_UTF8);
  return *this;
}

Result<bool> Query::next() {
  if (code_ != SQLITE_OK) return storage_failure(path_, "can not prepare", nullptr, code_);
  const int stepped = sqlite3_step(statement_);
  if (stepped == SQLITE_ROW) return true;
  if (stepped == SQLITE_DONE) return false;
  return storage_failure(path_, "can not read or write", sqlite3_db_handle(statement_), stepped);
}

Result<void> Query::run() {
  const Result<bool> stepped = next();
  if (!stepped) return stepped.error();
  return {};
}

std::int64_t Query::integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }

std::string Query::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

Database::Database(std::string path, std::unique_ptr<LockFile> lock) : path_(std::move(path)), lock_(std::move(lock)) {}

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  if (options.path.empty() || options.path.find('\0') != std::string::npos)
    return Error(Errc::kStorage, "database file: the path is empty or holds a NUL byte");
  auto lock = LockFile::acquire(options.path);
  if (!lock) return lock.error();
  if (auto made = make_private_file(options.path); !made) return made.error();
  std::unique_ptr<Database> database(new Database(options.path, std::move(*lock)));
  if (auto done = database->connect(options); !done) return done.error();
  if (auto done = database->configure(options); !done) return done.error();
  if (auto done = database->migrate(options); !done) return done.error();
  if (auto done = database->open_log(); !done) return done.error();
  return database;
}

// A child of fork() shares the file with its parent: closing here would write the parent's log into the file under its
// feet.
Database::~Database() {
  if (fork_guard_.forked()) return;
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(connection_);
}

Result<void> Database::connect(const DatabaseOptions& options) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(options.path.c_str(), &connection_, kFlags, nullptr);
  if (code != SQLITE_OK) return storage_failure(path_, "can not be opened", connection_, code);
  sqlite3_extended_result_codes(connection_, 0);
  sqlite3_busy_timeout(connection_, static_cast<int>(kMaxBusyWait.count()));
  return {};
}

// EXCLUSIVE before the first access: no shared memory file, and no other SQLite reads half of what belongs together.
// NORMAL: SQLite puts on the disk what it needs to stay whole, and `flush` the rest.
Result<void> Database::configure(const DatabaseOptions& options) {
  constexpr std::int64_t kPageBytes = 4096;
  const auto max_pages = static_cast<std::int64_t>(options.max_bytes) / kPageBytes;
  return execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF;"
      "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;"
      "PRAGMA max_page_count=" +
      std::to_string(max_pages > 0 ? max_pages : 1));
}

Result<void> Database::migrate(const DatabaseOptions& options) {
  const auto version = pragma("PRAGMA user_version");
  if (!version) return version.error();
  const auto application = pragma("PRAGMA application_id");
  if (!application) return application.error();
  const auto tables = pragma("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*tables > 0 && *application != options.application_id)
    return Error(Errc::kStorage, "database file '" + path_ + "': belongs to another program");
  const auto known = static_cast<std::int64_t>(options.migrations.size());
  if (*version > known)
    return Error(Errc::kStorage, "database file '" + path_ + "': was made by a newer release (format " +
                                     std::to_string(*version) + ", this one knows " + std::to_string(known) + ")");
  if (*version == known) return {};
  return transact([&]() -> Result<void> {
    for (auto next = *version; next < known; ++next)
      if (auto done = execute(std::string(options.migrations[static_cast<std::size_t>(next)])); !done) return done;
    return execute("PRAGMA application_id=" + std::to_string(options.application_id) +
                   "; PRAGMA user_version=" + std::to_string(known));
  });
}

Query Database::query(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return Query(known->second, path_, SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code == SQLITE_OK) statements_.emplace(sql, statement);
  return Query(statement, path_, code);
}

Result<void> Database::transact(const std::function<Result<void>()>& work) {
  if (auto begun = query("BEGIN IMMEDIATE").run(); !begun) return begun;
  Result<void> done = work();
  if (done) done = query("COMMIT").run();
  flushes_.wrote();
  // SQLite has undone a failed transaction by itself in some cases, and not in others.
  if (!done && sqlite3_get_autocommit(connection_) == 0) (void)query("ROLLBACK").run();
  return done;
}

Result<void> Database::flush() { return flushes_.flush(); }

std::int64_t Database::changes() const noexcept { return sqlite3_changes64(connection_); }

// Commits are in the log; under the exclusive lock it stays the same file until the connection is closed.
Result<void> Database::open_log() { return flushes_.open(path_ + "-wal"); }

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return storage_failure(path_, "can not be set up", connection_, code);
  return {};
}

Result<std::int64_t> Database::pragma(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  const std::int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW) return storage_failure(path_, "can not be read", connection_, code);
  return value;
}

}  // namespace envoyou::storage
