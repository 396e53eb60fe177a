// Sessions in an SQLite file that survives the process. The schema is in docs/session.md, Formats.
#pragma once

#include "session/rows.hpp"

#include <envoyou/result.hpp>

#include <memory>
#include <string>

namespace envoyou::session {

// Errors: kStorage.
Result<std::unique_ptr<Rows>> open_sqlite_rows(const std::string& file);

}  // namespace envoyou::session
