// PUT, GET, DELETE /cache/{key}: the general cache, bytes in and the same bytes out.
#include "responses.hpp"
#include "router.hpp"
#include "text.hpp"

#include <charconv>

namespace api {
namespace {

struct Ttl {
  std::optional<envoyou::Milliseconds> value;
  std::optional<Response> refusal;
};

Ttl read_ttl(const Request& request) {
  const auto text = query_parameter(request.query, "ttl");
  if (!text) return {};
  std::int64_t seconds = 0;
  const char* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, seconds);
  const std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(envoyou::kMaxCacheTtl).count();
  if (failure != std::errc() || stop != end || seconds < 1 || seconds > most) {
    return {{}, problem(400, "ttl: must be a whole number of seconds from 1 to " + std::to_string(most), "ttl")};
  }
  return {std::chrono::seconds(seconds), {}};
}

Response put(Call& call) {
  const Ttl ttl = read_ttl(call.request);
  if (ttl.refusal) return *ttl.refusal;
  const auto stored =
      call.app.services.cache().set(call.parameters[0], call.request.body, ttl.value, {.deadline = call.deadline});
  if (!stored) return to_problem(stored.error());
  call.note(*stored);
  return no_content();
}

Response get(Call& call) {
  const auto found = call.app.services.cache().get(call.parameters[0], {.deadline = call.deadline});
  if (!found) return to_problem(found.error());
  if (!found->has_value()) return problem(404, "key: not in the cache");
  call.note((*found)->source);
  return {200, {{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}}, (*found)->bytes};
}

Response remove(Call& call) {
  const auto removed = call.app.services.cache().remove(call.parameters[0], {.deadline = call.deadline});
  if (!removed) return to_problem(removed.error());
  call.note(*removed);
  return no_content();
}

}  // namespace

void add_cache_routes(Router& router) {
  router.add("PUT", "/cache/{key}", put);
  router.add("GET", "/cache/{key}", get);
  router.add("DELETE", "/cache/{key}", remove);
}

}  // namespace api
