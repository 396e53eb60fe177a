// The rate limit of /api/: by API key if it is a known one, else by address.
#include "responses.hpp"
#include "router.hpp"

#include <algorithm>

namespace api {
namespace {

bool counts(const Settings& settings, const std::string& key) {
  const auto& known = settings.api_keys;
  return known.empty() || std::find(known.begin(), known.end(), key) != known.end();
}

// A key and an address never meet, whatever a client sends as its key.
std::string who_asks(const Call& call) {
  const auto key = call.request.header("X-API-Key");
  if (key && !key->empty() && counts(call.app.settings, *key)) return "key " + *key;
  return "address " + call.request.address;
}

Response refusal(const envoyou::Decision& decision) {
  nlohmann::json body = {{"type", "https://iana.org/assignments/http-problem-types#quota-exceeded"},
                         {"title", "Too Many Requests"},
                         {"status", 429},
                         {"detail", "the rate limit of this caller is spent"},
                         {"violated-policies", {"default"}}};
  if (decision.retry_after) body["retry_after_ms"] = decision.retry_after->count();
  return {429, {{"Content-Type", "application/problem+json"}}, body.dump()};
}

}  // namespace

std::optional<Response> limit_rate(Call& call) {
  const Settings& settings = call.app.settings;
  const envoyou::RateRule rule{.limit = settings.rate_limit, .window = settings.rate_window};
  const std::string who = who_asks(call);
  if (who.size() > envoyou::kMaxRateKeyBytes) return problem(400, "X-API-Key: longer than 1000 bytes", "X-API-Key");
  const auto decision = call.app.services.limiter().check(who, rule, {.deadline = call.deadline});
  if (!decision) return to_problem(decision.error());
  call.note(decision->source);
  for (auto& header : decision->headers()) call.headers.push_back(std::move(header));
  if (decision->allowed) return std::nullopt;
  return refusal(*decision);
}

}  // namespace api
