// A running API server, in process or with a real Redis behind it, and a client that keeps its session cookie.
#pragma once

#include "support/api_server.hpp"
#include "support/http_client.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace envoyou::testing {

using Json = nlohmann::json;

inline Json parse(const HttpResponse& response) { return Json::parse(response.body, nullptr, false); }

enum class Behind { kNothing, kRedis };

class ApiTest : public ::testing::TestWithParam<Behind> {
 protected:
  void SetUp() override { start({}); }

  void start(std::vector<std::string> env) {
    server_.reset();
    std::string url;
    if (GetParam() == Behind::kRedis) {
      if (!redis_) redis_.emplace(RedisServer::start());
      url = redis_->url();
    }
    server_.emplace(ApiServer::start({.program = ENVOYOU_API_SERVER, .redis_url = url, .env = std::move(env)}));
    client_.emplace(server_->port());
    EXPECT_TRUE(eventually([&] { return client_->get("/live").header("X-Envoyou-Source") == source(); }))
        << server_->log();
  }

  std::string_view source() const { return GetParam() == Behind::kRedis ? "redis" : "local"; }

  HttpResponse send(std::string_view method, std::string_view target, std::string_view body = {},
                    const std::string& session = {}) {
    HttpHeaders headers;
    if (!session.empty()) headers.emplace_back("Cookie", "other=1; __Host-session=" + session + "; more=2");
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    return client_->request(method, target, headers, body);
  }

  // The id of a new session.
  std::string login(const std::string& user, const Json& data = Json::object()) {
    const Json body = {{"user_id", user}, {"user_data", data}, {"device_info", {{"device", "test"}}}};
    const HttpResponse response = send("POST", "/auth/login", body.dump());
    EXPECT_EQ(response.status, 201) << response.body;
    return response.cookie("__Host-session").value_or("");
  }

  std::optional<RedisServer> redis_;
  std::optional<ApiServer> server_;
  std::optional<HttpClient> client_;
};

inline std::string behind_name(const ::testing::TestParamInfo<Behind>& info) {
  return info.param == Behind::kRedis ? "Redis" : "InProcess";
}

}  // namespace envoyou::testing
