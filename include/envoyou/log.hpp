// Where the library's log lines go: to a function of the host's choice, and nowhere by default. The library never
// prints. envoyou/adapters/spdlog.hpp is a ready-made sink.
//
// A line is a level, the component that speaks, a fixed text, and fields. Session ids, secrets, passwords and request
// parameters of users are never in a line.
//
// A sink must be thread-safe, must not throw and should not block: it is called on callers' threads and on the I/O
// thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace envoyou {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kOff };

std::string_view to_string(LogLevel level) noexcept;

struct LogField {
  std::string_view name;
  std::string_view value;
};

// Views into the caller's memory: valid during `write` only.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string_view component;  // "redis", "fallback", "limiter", "session", "cache", "services"
  std::string_view message;
  std::span<const LogField> fields;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) noexcept = 0;
};

// A cheap handle: a sink and the least level it wants. Copies share the sink. An empty one drops everything.
class Logger {
 public:
  Logger() = default;
  Logger(std::shared_ptr<LogSink> sink, LogLevel least) : sink_(std::move(sink)), least_(least) {}

  bool wants(LogLevel level) const noexcept { return sink_ != nullptr && level >= least_; }

  void log(LogLevel level, std::string_view component, std::string_view message,
           std::initializer_list<LogField> fields = {}) const noexcept {
    if (!wants(level)) return;
    sink_->write({level, component, message, std::span(fields.begin(), fields.size())});
  }
  void debug(std::string_view component, std::string_view message,
             std::initializer_list<LogField> fields = {}) const noexcept {
    log(LogLevel::kDebug, component, message, fields);
  }
  void info(std::string_view component, std::string_view message,
            std::initializer_list<LogField> fields = {}) const noexcept {
    log(LogLevel::kInfo, component, message, fields);
  }
  void warning(std::string_view component, std::string_view message,
               std::initializer_list<LogField> fields = {}) const noexcept {
    log(LogLevel::kWarning, component, message, fields);
  }
  void error(std::string_view component, std::string_view message,
             std::initializer_list<LogField> fields = {}) const noexcept {
    log(LogLevel::kError, component, message, fields);
  }

 private:
  std::shared_ptr<LogSink> sink_;
  LogLevel least_ = LogLevel::kInfo;
};

}  // namespace envoyou
