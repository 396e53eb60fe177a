// Goal: bad input at any route is refused with a problem that names the field, and nothing is stored.
// Method: a matrix of hostile values over every place that takes input; Redis is counted before and after.
#include "fixture.hpp"

namespace envoyou::testing::bad_input_test {
namespace {

class BadInput : public ApiTest {
 protected:
  // The keys in Redis; always none in process.
  std::string stored() { return GetParam() == Behind::kRedis ? redis_->cli({"DBSIZE"}) : "none"; }

  void expect_refused(const HttpResponse& response, int status, std::string_view field) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
    const Json problem = parse(response);
    ASSERT_TRUE(problem.is_object()) << response.body;
    EXPECT_EQ(problem.at("status"), status);
    EXPECT_FALSE(problem.at("detail").get<std::string>().empty());
    if (!field.empty()) {
      EXPECT_EQ(problem.value("field", ""), field) << response.body;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Behind, BadInput, ::testing::Values(Behind::kNothing, Behind::kRedis), behind_name);

TEST_P(BadInput, LoginRefusesWhatIsNotALogin) {
  const std::string before = stored();
  const struct {
    std::string body;
    int status;
    const char* field;
  } cases[] = {
      {"", 400, "body"},
      {"{", 400, "body"},
      {"[]", 400, "body"},
      {"\"x\"", 400, "body"},
      {"{}", 400, "user_id"},
      {R"({"user_id":""})", 400, "user_id"},
      {R"({"user_id":7})", 400, "user_id"},
      {R"({"user_id":null})", 400, "user_id"},
      {R"({"user_id":"a\u0000b"})", 400, "user_id"},
      {R"({"user_id":"a\nb"})", 400, "user_id"},
      {"{\"user_id\":\"\xFF\"}", 400, ""},
      {R"({"user_id":")" + std::string(257, 'u') + "\"}", 413, "user_id"},
      {R"({"user_id":"u","user_data":[]})", 400, "user_data"},
      {R"({"user_id":"u","user_data":"x"})", 400, "user_data"},
      {R"({"user_id":"u","user_data":{"x":")" + std::string(70'000, 'x') + "\"}}", 413, "user_data"},
      {R"({"user_id":"u","device_info":7})", 400, "device_info"},
      {R"({"user_id":"u","device_info":{"x":")" + std::string(5'000, 'x') + "\"}}", 413, "device_info"},
      {"{\"user_id\":\"u\",\"user_data\":{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}}", 400,
       "user_data"},
      {std::string(300'000, ' '), 413, "body"},
  };
  for (const auto& [body, status, field] : cases) {
    SCOPED_TRACE(body.substr(0, 60));
    expect_refused(send("POST", "/auth/login", body), status, field);
  }
  EXPECT_EQ(stored(), before);
}

TEST_P(BadInput, StructureInAUserIdIsJustText) {
  for (const char* user : {"a:b", "{x}", "}{", "*", "a/b", "..", "%2F", "user@example.com", "\xC3\xA9"}) {
    const std::string id = login(user);
    EXPECT_EQ(parse(send("GET", "/auth/session", {}, id)).at("user_id"), user);
    EXPECT_EQ(parse(send("GET", "/auth/sessions", {}, id)).at("sessions").size(), 1u) << user;
  }
}

TEST_P(BadInput, MalformedSessionIdsAreNobodys) {
  const std::string good = login("u");
  std::string other_case = good;
  for (char& c : other_case) c = static_cast<char>(std::isupper(c) ? std::tolower(c) : std::toupper(c));
  const std::string bad[] = {"x",
                             good + "A",
                             good.substr(1),
                             other_case,
                             good + "=",
                             "*",
                             std::string(7'000, 'A'),
                             "../../etc",
                             "%00",
                             good.substr(0, 47) + "!",
                             "{" + good.substr(2) + "}"};
  for (const std::string& id : bad) {
    SCOPED_TRACE(id.substr(0, 60));
    EXPECT_EQ(send("GET", "/auth/session", {}, id).status, 401);
    EXPECT_EQ(send("DELETE", "/auth/session", {}, id).status, 401);
  }
  EXPECT_EQ(send("GET", "/auth/session", {}, good).status, 200);
}

TEST_P(BadInput, PatchNamesWhatIsWrong) {
  const std::string id = login("u", {{"kept", 1}});
  const struct {
    const char* body;
    const char* field;
  } cases[] = {{"", "body"},
               {"{}", "user_data"},
               {R"({"user_data":[]})", "user_data"},
               {R"({"version":0,"user_data":{}})", "version"},
               {R"({"version":-1,"user_data":{}})", "version"},
               {R"({"version":1.5,"user_data":{}})", "version"},
               {R"({"version":"1","user_data":{}})", "version"},
               {R"({"version":99999999999999999999999,"user_data":{}})", "version"}};
  for (const auto& [body, field] : cases) {
    SCOPED_TRACE(body);
    expect_refused(send("PATCH", "/auth/session", body, id), 400, field);
  }
  EXPECT_EQ(send("PATCH", "/auth/session", R"({"version":18446744073709551615,"user_data":{}})", id).status, 409);
  EXPECT_EQ(parse(send("GET", "/auth/session", {}, id)).at("user_data"), Json({{"kept", 1}}));
}

TEST_P(BadInput, ThingsAreNamedPlainly) {
  for (const char* target : {"/api/things/%00/1", "/api/things/g/a%0ab", "/api/things/a%3Ab/1", "/api/things/%7Bx%7D/1",
                             "/api/things/%FF/1", "/api/things/g/", "/api/things/%zz/1", "/api/things/g/%"}) {
    SCOPED_TRACE(target);
    expect_refused(client_->get(target), 400, "");
  }
  expect_refused(client_->get("/api/things/" + std::string(65, 'g') + "/1"), 400, "group");
  expect_refused(client_->get("/api/things/g/" + std::string(65, 'n')), 400, "n");
}

TEST_P(BadInput, CacheKeysAndLifetimesAreChecked) {
  const std::string before = stored();
  for (const char* ttl : {"0", "-1", "x", "", "1.5", "99999999999999999999", "1e3", "%00"}) {
    SCOPED_TRACE(ttl);
    expect_refused(client_->request("PUT", std::string("/cache/k?ttl=") + ttl, {}, "x"), 400, "ttl");
  }
  expect_refused(client_->request("PUT", "/cache/", {}, "x"), 400, "key");
  expect_refused(client_->request("PUT", "/cache/%zz", {}, "x"), 400, "key");
  EXPECT_GE(client_->request("PUT", "/cache/" + std::string(1025, 'k'), {}, "x").status, 400);
  EXPECT_EQ(client_->request("PUT", "/cache/big", {}, std::string(9u << 20, 'x')).status, 413);
  EXPECT_EQ(stored(), before);
}

TEST_P(BadInput, AnyBytesAreAKey) {
  const char* keys[] = {"a%3Ab", "%7Bx%7D", "%00", "%FF%FE", "a%0D%0Ab", "*", "%20"};
  for (const char* key : keys) {
    EXPECT_EQ(client_->request("PUT", std::string("/cache/") + key, {}, key).status, 204) << key;
  }
  for (const char* key : keys) EXPECT_EQ(client_->get(std::string("/cache/") + key).body, key);
}

TEST_P(BadInput, AnApiKeyIsCountedWhateverItHoldsUpToABound) {
  EXPECT_EQ(client_->request("GET", "/api/things/g/1", {{"X-API-Key", "a:{b}*"}}).status, 200);
  EXPECT_EQ(client_->request("GET", "/api/things/g/1", {{"X-API-Key", std::string(4'000, 'k')}}).status, 400);
}

TEST_P(BadInput, HandlesOfAnotherFormAreUnknown) {
  const std::string id = login("u");
  for (const char* handle : {"x", "%00", "..", "AAAAAAAAAAAAAAAA", "%7B%7D"}) {
    const int status = send("DELETE", std::string("/auth/sessions/") + handle, {}, id).status;
    EXPECT_TRUE(status == 404 || status == 400) << handle << " gave " << status;
  }
}

}  // namespace
}  // namespace envoyou::testing::bad_input_test
