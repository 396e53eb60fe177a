// The library's counters and gauges as Prometheus text (exposition format 0.0.4), for a host's GET /metrics.
//
//   response.headers = {{"Content-Type", envoyou::kPrometheusContentType}};
//   response.body = envoyou::to_prometheus_text(*services.runtime().metrics);
//
// Needs no third-party library. Thread-safe.
#pragma once

#include <envoyou/metrics.hpp>

#include <string>
#include <string_view>

namespace envoyou {

inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

// HELP and TYPE once a family, then its samples, ordered by name and labels.
std::string to_prometheus_text(const MetricsRegistry& metrics);

// `name="value"` with the value escaped: for the `labels` of MetricsRegistry::counter and gauge.
// REQUIRES: `name` is a label name: letters, digits and '_', no digit first.
std::string prometheus_label(std::string_view name, std::string_view value);

}  // namespace envoyou
