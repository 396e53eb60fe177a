#include <envoyou/adapters/spdlog.hpp>

#include <spdlog/logger.h>

#include <string>
#include <string_view>
#include <utility>

namespace envoyou {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: return spdlog::level::off;
  }
  return spdlog::level::off;
}

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == '\x7F') return false;
  }
  return true;
}

// A value can hold what a server sent: quoted, so that it can not forge a line.
void append_value(std::string& line, std::string_view value) {
  if (is_plain(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    const bool is_control = (c >= '\0' && c < ' ') || c == '\x7F';
    line += is_control ? '?' : c;
  }
  line += '"';
}

std::string to_line(const LogRecord& record) {
  std::string line(record.component);
  line += ": ";
  line += record.message;
  for (const LogField& field : record.fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_value(line, field.value);
  }
  return line;
}

class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(std::shared_ptr<spdlog::logger> to) : to_(std::move(to)) {}

  void write(const LogRecord& record) noexcept override {
    const auto level = level_of(record.level);
    if (!to_->should_log(level)) return;
    try {
      to_->log(level, spdlog::string_view_t(to_line(record)));
    } catch (...) {
      // A log line must never cost a request.
    }
  }

 private:
  std::shared_ptr<spdlog::logger> to_;
};

}  // namespace

std::shared_ptr<LogSink> spdlog_sink(std::shared_ptr<spdlog::logger> to) {
  return std::make_shared<SpdlogSink>(std::move(to));
}

Logger spdlog_logger(std::shared_ptr<spdlog::logger> to, LogLevel least) {
  return Logger(spdlog_sink(std::move(to)), least);
}

}  // namespace envoyou
