// GET /health, /live, /ready, /metrics.
#include "responses.hpp"
#include "router.hpp"

#include <envoyou/adapters/prometheus.hpp>

namespace api {

void add_health_routes(Router& router) {
  router.add("GET", "/health", [](Call& call) {
    const envoyou::Health health = call.app.services.health(call.deadline);
    return Response{200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}, health.to_json()};
  });
  router.add("GET", "/live", [](Call&) { return json_response(200, {{"status", "alive"}}); });
  router.add("GET", "/ready", [](Call&) { return json_response(200, {{"status", "ready"}}); });
  router.add("GET", "/metrics", [](Call& call) {
    return Response{200,
                    {{"Content-Type", std::string(envoyou::kPrometheusContentType)}},
                    envoyou::to_prometheus_text(*call.app.services.runtime().metrics)};
  });
}

}  // namespace api
