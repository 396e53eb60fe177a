// Goal: bad options are refused with every problem at once and by name, and no description shows a password.
// Method: spoil options one by one and together.
#include <envoyou/redis/options.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace envoyou::redis::options_test {
namespace {

struct Spoiled {
  const char* field;
  std::function<void(ClientOptions&)> spoil;
};

const std::vector<Spoiled>& all_spoiled() {
  static const std::vector<Spoiled> kAll = {
      {"host", [](ClientOptions& o) { o.host = ""; }},
      {"host", [](ClientOptions& o) { o.host = "a b"; }},
      {"host", [](ClientOptions& o) { o.host = std::string(254, 'h'); }},
      {"port", [](ClientOptions& o) { o.port = 0; }},
      {"unix_socket", [](ClientOptions& o) { o.unix_socket = std::string(108, 'p'); }},
      {"username", [](ClientOptions& o) { o.username = std::string(4097, 'u'); }},
      {"password", [](ClientOptions& o) { o.username = "u"; }},
      {"password", [](ClientOptions& o) { o.password = std::string(4097, 'p'); }},
      {"client_name", [](ClientOptions& o) { o.client_name = "two words"; }},
      {"client_name", [](ClientOptions& o) { o.client_name = std::string(65, 'n'); }},
      {"database", [](ClientOptions& o) { o.database = 0x80000000u; }},
      {"tls.key_file", [](ClientOptions& o) { o.tls.certificate_file = "cert.pem"; }},
      {"tls.server_name",
       [](ClientOptions& o) {
         o.tls.enabled = true;
         o.unix_socket = "/s";
       }},
      {"connections", [](ClientOptions& o) { o.connections = 0; }},
      {"connections", [](ClientOptions& o) { o.connections = 17; }},
      {"command_timeout", [](ClientOptions& o) { o.command_timeout = Milliseconds(0); }},
      {"connect_timeout", [](ClientOptions& o) { o.connect_timeout = Milliseconds(-1); }},
      {"stall_limit", [](ClientOptions& o) { o.stall_limit = Milliseconds::max(); }},
      {"idle_ping", [](ClientOptions& o) { o.idle_ping = Milliseconds(0); }},
      {"reconnect_first", [](ClientOptions& o) { o.reconnect_first = Milliseconds(0); }},
      {"reconnect_most", [](ClientOptions& o) { o.reconnect_most = Milliseconds(10); }},
      {"max_in_flight", [](ClientOptions& o) { o.max_in_flight = 0; }},
      {"max_queued", [](ClientOptions& o) { o.max_queued = 0; }},
      {"max_queued_bytes", [](ClientOptions& o) { o.max_queued_bytes = 0; }},
      {"max_request_bytes", [](ClientOptions& o) { o.max_request_bytes = (512u << 20) + 1; }},
      {"reply.max_bytes", [](ClientOptions& o) { o.reply.max_bytes = 1; }},
      {"reply.max_elements", [](ClientOptions& o) { o.reply.max_elements = 0; }},
      {"reply.max_depth", [](ClientOptions& o) { o.reply.max_depth = 129; }},
  };
  return kAll;
}

TEST(ClientOptions, AreGoodAsTheyAre) { EXPECT_TRUE(validate({})); }

TEST(ClientOptions, AreRefusedByTheNameOfTheField) {
  for (const Spoiled& spoiled : all_spoiled()) {
    ClientOptions options;
    spoiled.spoil(options);
    const auto valid = validate(options);
    ASSERT_FALSE(valid) << spoiled.field;
    EXPECT_EQ(valid.error().code(), Errc::kInvalidArgument);
    EXPECT_TRUE(valid.error().message().starts_with(std::string(spoiled.field) + ": ")) << valid.error().message();
  }
}

TEST(ClientOptions, AreToldAllProblemsAtOnceAndNoPassword) {
  ClientOptions options;
  options.port = 0;
  options.connections = 99;
  options.password = "hunter2" + std::string(5000, 'x');
  const std::string message(validate(options).error().message());
  for (const char* field : {"port: ", "connections: ", "password: ", "got 99"}) {
    EXPECT_NE(message.find(field), std::string::npos) << message;
  }
  EXPECT_EQ(message.find("hunter2"), std::string::npos);
}

TEST(ClientOptions, AreDescribedWithoutUserAndPassword) {
  EXPECT_EQ(describe(parse_url("rediss://joe:hunter2@cache.example:6380/2").value()), "rediss://cache.example:6380/2");
  EXPECT_EQ(describe(parse_url("redis://:hunter2@[::1]").value()), "redis://[::1]:6379");
  EXPECT_EQ(describe(parse_url("unix://:hunter2@/run/redis.sock?db=4").value()), "unix:///run/redis.sock?db=4");
}

}  // namespace
}  // namespace envoyou::redis::options_test
