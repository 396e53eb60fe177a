#include <envoyou/metrics.hpp>
#include <envoyou/result.hpp>

namespace envoyou {
namespace {

// One object a label set, made on first use.
template <class T>
T& find_or_make(std::map<std::string, std::unique_ptr<T>, std::less<>>& among, std::string_view labels) {
  auto found = among.find(labels);
  if (found == among.end()) {
    found = among.emplace(std::string(labels), std::make_unique<T>()).first;
  }
  return *found->second;
}

}  // namespace

MetricsRegistry::Family& MetricsRegistry::family(std::string_view name, std::string_view help, bool is_counter) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{}).first;
    found->second.help = help;
    found->second.is_counter = is_counter;
  }
  if (found->second.is_counter != is_counter) {
    detail::misuse("MetricsRegistry", "one name used for a counter and a gauge");
  }
  return found->second;
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view labels, std::string_view help) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, true).counters, labels);
}

Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view labels, std::string_view help) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, false).gauges, labels);
}

void MetricsRegistry::visit(const std::function<void(const Sample&)>& visitor) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    for (const auto& [labels, counter] : family.counters) {
      visitor({name, labels, family.help, true, static_cast<double>(counter->value())});
    }
    for (const auto& [labels, gauge] : family.gauges) {
      visitor({name, labels, family.help, false, static_cast<double>(gauge->value())});
    }
  }
}

}  // namespace envoyou
