// What the client's tests say to a Redis.
#pragma once

#include <envoyou/redis/client.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::redis {

using Clock_ = std::chrono::steady_clock;

inline Command<void> set(std::string_view key, std::string_view value) {
  return {Words("SET", key, value), decode_ok, Repeat::kIsSafe};
}

inline Command<std::optional<std::string>> get(std::string_view key) {
  return {Words("GET", key), decode_optional_string, Repeat::kIsSafe};
}

inline Command<std::int64_t> incr(std::string_view key) { return {Words("INCR", key), decode_integer}; }

inline Deadline within(std::chrono::milliseconds time) { return Deadline::after(*system_clock(), time); }

inline std::shared_ptr<Client> open_only(ClientOptions options, NodeListener* listener = nullptr) {
  return Client::open(std::move(options), {}, listener).value();
}

inline std::shared_ptr<Client> open_at(ClientOptions options) {
  auto client = open_only(std::move(options));
  EXPECT_TRUE(client->wait_until_connected(within(std::chrono::seconds(5))));
  return client;
}

inline std::shared_ptr<Client> open_at(const std::string& url) { return open_at(parse_url(url).value()); }

// How long `call` took.
template <class Call>
std::chrono::milliseconds time_of(Call&& call) {
  const auto begin = Clock_::now();
  call();
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock_::now() - begin);
}

}  // namespace envoyou::redis
