// Finds the route of a request and wraps what every response needs: X-Envoyou-Source, the rate limit on /api/, errors.
#pragma once

#include "app.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace api {

class Router {
 public:
  using Handle = std::function<Response(Call&)>;

  explicit Router(App app) : app_(app) {}

  // `pattern`: "/auth/sessions/{handle}"; a parameter is one segment. HEAD goes where GET goes.
  void add(std::string_view method, std::string_view pattern, Handle handle);
  Response serve(const Request& request, bool body_too_large) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    Handle handle;
  };
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> parameters;
    std::string allow;        // the methods of the path, if it has any
    std::string bad_segment;  // a parameter that does not decode
  };

  Match find(const Request& request) const;
  Response answer(Call& call, const Match& match, bool body_too_large) const;

  App app_;
  std::vector<Route> routes_;
};

// The areas of the contract.
void add_health_routes(Router& router);
void add_session_routes(Router& router);
void add_thing_routes(Router& router);
void add_cache_routes(Router& router);
void add_limits_routes(Router& router);

// Counts a request to /api/. Nothing: go on; the headers for the response are in the call. Else the refusal.
std::optional<Response> limit_rate(Call& call);

}  // namespace api
