// What every part of the library needs from its host: the time, a place for log lines, a place for counters.
// A value that is copied around; the members are shared.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/log.hpp>
#include <envoyou/metrics.hpp>

#include <memory>

namespace envoyou {

struct Runtime {
  std::shared_ptr<Clock> clock = system_clock();
  Logger logger;
  std::shared_ptr<MetricsRegistry> metrics = std::make_shared<MetricsRegistry>();
};

}  // namespace envoyou
