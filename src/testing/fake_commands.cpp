#include "testing/fake_commands.hpp"

#include <envoyou/redis/script.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::string_view kInfo =
    "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nused_memory:1048576\r\nmaxmemory:0\r\n"
    "# Stats\r\nevicted_keys:0\r\nkeyspace_hits:0\r\nkeyspace_misses:0\r\n";

std::string null_of(const FakePeer& peer) { return peer.protocol == 3 ? "_\r\n" : "$-1\r\n"; }

std::string wrong_arguments(const std::string& name) {
  return error("ERR wrong number of arguments for '" + name + "' command");
}

std::string client(const FakePeer& peer, const Words& words) {
  const std::string verb = words.size() > 1 ? upper_case(words[1]) : "";
  if (verb == "ID") return integer(static_cast<std::int64_t>(peer.id));
  if (verb == "GETNAME") return null_of(peer);
  return simple("OK");
}

std::string script(const Words& words) {
  const std::string verb = words.size() > 1 ? upper_case(words[1]) : "";
  if (verb == "LOAD" && words.size() == 3) return bulk(redis::Script(words[2]).sha1());
  return simple("OK");
}

}  // namespace

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::string FakeCommands::answer(FakePeer& peer, const Words& words) {
  const std::string name = words.empty() ? "" : upper_case(words.front());
  if (name == "HELLO" && !account_.no_hello) return hello(peer, words);
  if (name == "AUTH") return auth(peer, words);
  if (!account_.password.empty() && !peer.authenticated) {
    return error("NOAUTH Authentication required.");
  }
  const std::size_t count = words.size();
  if (name == "PING") return count > 1 ? bulk(words[1]) : simple("PONG");
  if (name == "ECHO" && count == 2) return bulk(words[1]);
  if (name == "SELECT" || name == "READONLY" || name == "QUIT") return simple("OK");
  if (name == "CLIENT") return client(peer, words);
  if (name == "SCRIPT") return script(words);
  if (name == "EVALSHA") return error("NOSCRIPT No matching script. Please use EVAL.");
  if (name == "INFO") return bulk(kInfo);
  if (name == "TIME") return array_header(2) + bulk("1700000000") + bulk("0");
  if (name == "DBSIZE") return integer(static_cast<std::int64_t>(data_.size()));
  if (name == "GET") return count == 2 ? value_of(peer, words[1]) : wrong_arguments("get");
  if (name == "MGET") return get_many(peer, words);
  if (name == "SET" || name == "SETEX") return set(words);
  if (name == "INCR" || name == "INCRBY") return add(words);
  if (name == "DEL" || name == "UNLINK") return remove(words);
  if (name == "EXISTS") return integer(count == 2 ? static_cast<std::int64_t>(data_.count(words[1])) : 0);
  if (name == "STRLEN" && count == 2) {
    const auto found = data_.find(words[1]);
    return integer(found == data_.end() ? 0 : static_cast<std::int64_t>(found->second.size()));
  }
  return error("ERR unknown command '" + (words.empty() ? "" : words.front()) + "'");
}

std::string FakeCommands::login(FakePeer& peer, const std::string& user, const std::string& password) const {
  if (user != account_.username || password != account_.password) {
    return error("WRONGPASS invalid username-password pair or user is disabled.");
  }
  peer.authenticated = true;
  return simple("OK");
}

std::string FakeCommands::auth(FakePeer& peer, const Words& words) {
  if (words.size() == 2) return login(peer, account_.username, words[1]);
  if (words.size() == 3) return login(peer, words[1], words[2]);
  return wrong_arguments("auth");
}

// HELLO [protocol [AUTH user password] [SETNAME name]]
std::string FakeCommands::hello(FakePeer& peer, const Words& words) {
  if (words.size() > 1 && words[1] != "2" && words[1] != "3") {
    return error("NOPROTO unsupported protocol version");
  }
  for (std::size_t index = 2; index < words.size(); ++index) {
    if (upper_case(words[index]) != "AUTH" || index + 2 >= words.size()) continue;
    std::string outcome = login(peer, words[index + 1], words[index + 2]);
    if (outcome.front() == '-') return outcome;
  }
  if (!account_.password.empty() && !peer.authenticated) {
    return error("NOAUTH HELLO must be called with the client already authenticated");
  }
  if (words.size() > 1) peer.protocol = words[1] == "3" ? 3 : 2;
  const std::string header = peer.protocol == 3 ? "%7\r\n" : array_header(14);
  return header + bulk("server") + bulk("redis") + bulk("version") + bulk("7.0.15") + bulk("proto") +
         integer(peer.protocol) + bulk("id") + integer(static_cast<std::int64_t>(peer.id)) + bulk("mode") +
         bulk("standalone") + bulk("role") + bulk("master") + bulk("modules") + array_header(0);
}

std::string FakeCommands::set(const Words& words) {
  const bool with_time = upper_case(words.front()) == "SETEX";
  if (words.size() < (with_time ? 4U : 3U)) return wrong_arguments("set");
  data_[words[1]] = with_time ? words[3] : words[2];
  return simple("OK");
}

// INCR key, INCRBY key number
std::string FakeCommands::add(const Words& words) {
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    return problem == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
  };
  const bool with_number = upper_case(words.front()) == "INCRBY";
  if (words.size() != (with_number ? 3U : 2U)) return wrong_arguments("incr");
  std::string& stored = data_[words[1]];
  const auto before = stored.empty() ? std::optional<std::int64_t>(0) : number(stored);
  const auto step = with_number ? number(words[2]) : std::optional<std::int64_t>(1);
  if (!before || !step) return error("ERR value is not an integer or out of range");
  stored = std::to_string(*before + *step);
  return integer(*before + *step);
}

std::string FakeCommands::remove(const Words& words) {
  std::int64_t removed = 0;
  for (std::size_t index = 1; index < words.size(); ++index) {
    removed += static_cast<std::int64_t>(data_.erase(words[index]));
  }
  return integer(removed);
}

std::string FakeCommands::get_many(const FakePeer& peer, const Words& words) const {
  std::string result = array_header(words.size() - 1);
  for (std::size_t index = 1; index < words.size(); ++index) result += value_of(peer, words[index]);
  return result;
}

std::string FakeCommands::value_of(const FakePeer& peer, const std::string& key) const {
  const auto found = data_.find(key);
  return found == data_.end() ? null_of(peer) : bulk(found->second);
}

}  // namespace envoyou::testing
