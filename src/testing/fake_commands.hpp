// What the fake Redis answers when nothing is wrong: commands in, bytes out, over a map. No sockets, no time, no locks:
// fake_redis.cpp has those.
#pragma once

#include "testing/resp.hpp"

#include <map>
#include <string>

namespace envoyou::testing {

// What the handshake has settled on one connection.
struct FakePeer {
  std::size_t id = 0;
  int protocol = 2;
  bool authenticated = false;
};

// An account of the one user that the fake knows.
struct FakeAccount {
  bool no_hello = false;
  std::string username{};
  std::string password{};
};

class FakeCommands {
 public:
  explicit FakeCommands(FakeAccount account) : account_(std::move(account)) {}

  std::string answer(FakePeer& peer, const Words& words);

  const std::string& password() const noexcept { return account_.password; }
  void change_password(std::string password) { account_.password = std::move(password); }

  std::map<std::string, std::string>& data() noexcept { return data_; }
  const std::map<std::string, std::string>& data() const noexcept { return data_; }

 private:
  std::string hello(FakePeer& peer, const Words& words);
  std::string auth(FakePeer& peer, const Words& words);
  std::string login(FakePeer& peer, const std::string& user, const std::string& password) const;
  std::string set(const Words& words);
  std::string remove(const Words& words);
  std::string get_many(const FakePeer& peer, const Words& words) const;
  std::string add(const Words& words);
  std::string value_of(const FakePeer& peer, const std::string& key) const;

  FakeAccount account_;
  std::map<std::string, std::string> data_;
};

std::string upper_case(std::string text);

}  // namespace envoyou::testing
