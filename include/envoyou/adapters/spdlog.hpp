// The library's log lines through spdlog. Opt-in: link envoyou::spdlog. This header includes nothing of spdlog.
//
//   envoyou::Runtime runtime;
//   runtime.logger = envoyou::spdlog_logger(spdlog::default_logger());
//
// A line becomes "component: message name=value name=\"two words\"". The logger's own level decides, at each line, what
// is written; what it would drop is dropped before it is formatted. A failing spdlog sink loses the line and nothing
// else.
//
// Thread-safe if the spdlog logger is (a name ending in _mt).
#pragma once

#include <envoyou/log.hpp>

#include <memory>

namespace spdlog {
class logger;
}

namespace envoyou {

// REQUIRES: `to` is not null.
std::shared_ptr<LogSink> spdlog_sink(std::shared_ptr<spdlog::logger> to);

// A Logger over that sink, which builds lines from `least` on.
Logger spdlog_logger(std::shared_ptr<spdlog::logger> to, LogLevel least = LogLevel::kTrace);

}  // namespace envoyou
