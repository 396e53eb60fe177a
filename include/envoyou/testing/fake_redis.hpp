// A Redis on a loopback socket that speaks real replies and fails as it is told to: late, held, split, cut, garbage,
// unasked and hostile replies, errors by command, connects that are refused, not answered, or accepted and never
// served. For tests of what a server does while its Redis is in trouble (docs/testing.md); the library's own tests use
// it first. In a library of its own, envoyou::testing, so that no production binary carries it.
//
//   envoyou::testing::FakeRedis redis;
//   auto services = Services::open({.redis = redis::parse_url(redis.url()).value()}).value();
//   redis.add(Fault::error("OOM command not allowed").on("SET"));
//
// Without a fault it answers like a small Redis 7 (HELLO 2 and 3, AUTH, PING, ECHO, SELECT, CLIENT, INFO, GET, SET,
// MGET, DEL, EXISTS, STRLEN, INCR, INCRBY, TIME, SCRIPT LOAD; scripts it does not know: -NOSCRIPT) from a map that all
// connections share; databases and expiry are accepted and ignored. It records every command.
//
// Listens on 127.0.0.1, in clear, one thread a connection. Does not: run scripts (on_command can answer for one),
// expire, evict, or speak pub/sub.
// Throws std::runtime_error where it can not listen. Needs exceptions. Thread-safe. Destroyed in a few milliseconds
// whatever its peers do.
#pragma once

#include <envoyou/testing/fault.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::testing {

using Words = std::vector<std::string>;

struct FakeRedisOptions {
  bool no_hello = false;  // HELLO is an unknown command, as before Redis 6
  std::string username = "default";
  std::string password{};  // asked for before anything else, where set
  std::uint16_t port = 0;  // 0: a free one
};

struct RecordedCommand {
  std::size_t connection;  // 0 for the first that was ever accepted
  Words words;
};

class FakeRedis {
 public:
  using Options = FakeRedisOptions;
  // Raw bytes of a reply, or nothing to let the fake answer by itself.
  using Handler = std::function<std::optional<std::string>(const Words& argv)>;

  explicit FakeRedis(Options options = {});
  ~FakeRedis();
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  std::uint16_t port() const noexcept;
  std::string url() const;

  void add(Fault fault);
  void clear_faults();
  // Called before the fake's own answers, on a connection's thread, one call at a time. It may use get() and set(), and
  // must not drop connections.
  void on_command(Handler handler);

  void release_held();
  void drop_held();
  // Sends bytes that nobody asked for, now, on every connection. Returns on how many.
  std::size_t push(std::string_view bytes);
  // Returns when they are closed.
  void drop_connections(CloseHow how);

  // Closes the listening socket, so that connects are refused. Connections that are there stay.
  void refuse();
  // From now on connects get no answer at all, as behind a firewall that drops them.
  void leave_unanswered();
  // Ends both: listens on the same port again.
  void accept_again();
  // While on, connections are accepted and nothing is ever read from any; off: what came meanwhile is answered, late.
  void blackhole(bool on);
  // The connections that are there now are never served again, and nobody says so; new ones are.
  void lose_connections();
  // For connections from now on; "" asks for none.
  void change_password(std::string password);

  std::vector<RecordedCommand> commands() const;
  std::size_t count_of(std::string_view command) const;  // upper case
  void forget_commands();
  std::size_t connections_accepted() const;
  std::size_t connections_open() const;

  void set(const std::string& key, std::string value);
  std::optional<std::string> get(const std::string& key) const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace envoyou::testing
