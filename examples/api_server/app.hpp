// What the routes share: the services, the settings, and one Call a request.
#pragma once

#include "ending.hpp"
#include "http_server.hpp"
#include "settings.hpp"

#include <envoyou/services.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace api {

struct App {
  envoyou::Services& services;
  const Settings& settings;
  Ending& ending;
};

// One request on its way through the routes: one deadline for all that serves it, and who answered what.
class Call {
 public:
  Call(App app_to_use, const Request& request_to_serve, std::vector<std::string> path_parameters)
      : app(app_to_use),
        request(request_to_serve),
        parameters(std::move(path_parameters)),
        deadline(app_to_use.services.request_deadline()) {}

  // A module answered. The response is `local` as soon as one answer was.
  template <class Answer>
  const Answer& noted(const Answer& answer) {
    note(answer.source);
    return answer;
  }
  void note(envoyou::Source source) {
    answered_ = true;
    local_ = local_ || source == envoyou::Source::kLocal;
  }
  std::string_view source() const {
    const bool redis = answered_ ? !local_ : app.services.fallback().uses_redis();
    return redis ? "redis" : "local";
  }

  App app;
  const Request& request;
  std::vector<std::string> parameters;  // of the path, decoded: {group}, {n}
  envoyou::Deadline deadline;
  Headers headers;  // for the response, whatever it will be

 private:
  bool answered_ = false;
  bool local_ = false;
};

}  // namespace api
