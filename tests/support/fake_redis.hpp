// A scripted Redis for faults at the level of bytes: late, held, split, cut, garbage, unasked and hostile replies.
//
// Without a fault it answers like a small Redis 7 (HELLO 2 and 3, AUTH, PING, ECHO, SELECT, CLIENT, INFO, GET, SET,
// MGET, DEL, EXISTS, STRLEN, TIME, SCRIPT LOAD; scripts it does not know: -NOSCRIPT) from a map that all connections
// share; databases and expiry are accepted and ignored. It records every command.
//
// A fault is a value: what happens to a reply, to which command's, and how often. Faults are looked through in the
// order in which they were added, and the first that fits is applied:
//
//     redis.add(Fault::error("LOADING Redis is loading").on("GET").times(3));
//     redis.add(Fault::cut(2, CloseHow::kReset));         // every reply ends after its second byte
//     redis.clear_faults();
//
// The handshake (HELLO, AUTH, CLIENT, SELECT) is spoiled only by a fault that names it.
//
// Listens on 127.0.0.1, in clear, one thread a connection. Does not: run scripts, expire, evict, or speak pub/sub.
// Thread-safe. Destroyed in a few milliseconds whatever its peers do.
#pragma once

#include "support/resp.hpp"
#include "support/sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::testing {

// Replies that a client must refuse without allocating what they announce.
namespace hostile {
inline constexpr std::string_view kArrayBomb = "*2147483647\r\n";
inline constexpr std::string_view kMapBomb = "%536870912\r\n";
inline constexpr std::string_view kBulkBomb = "$9223372036854775807\r\n";
inline constexpr std::string_view kGarbage = "\x01\xfe?not a reply\r\n";
std::string deep_nesting(std::size_t depth = 100'000);
std::string endless_line(std::size_t size = 16U << 20U);  // a simple string whose end does not come
}  // namespace hostile

struct Fault {
  std::string command{};                   // upper case; empty: any but the handshake's; "*": any
  int remaining = -1;                      // how many replies it still spoils; -1: until cleared
  std::chrono::milliseconds late{0};       // waits before the reply, and so before all that follow it
  bool held = false;                       // kept back until release_held() or drop_held()
  std::size_t piece = 0;                   // sent in pieces of so many bytes …
  std::chrono::microseconds gap{0};        // … with this long between them
  std::optional<std::size_t> cut_after{};  // ends the connection after so many bytes of the reply
  CloseHow cut_how = CloseHow::kFin;
  int copies = 0;                            // sent so many times more than asked
  std::string appended{};                    // sent after the reply, unasked
  std::optional<std::string> replacement{};  // sent instead

  static Fault delay(std::chrono::milliseconds by) { return {.late = by}; }
  static Fault hold() { return {.held = true}; }
  static Fault split(std::size_t bytes, std::chrono::microseconds pause) { return {.piece = bytes, .gap = pause}; }
  static Fault cut(std::size_t bytes, CloseHow how) { return {.cut_after = bytes, .cut_how = how}; }
  static Fault duplicate(int more = 1) { return {.copies = more}; }
  static Fault extra(std::string bytes) { return {.appended = std::move(bytes)}; }
  static Fault raw(std::string_view bytes) { return {.replacement = std::string(bytes)}; }
  static Fault error(std::string_view text) { return raw(envoyou::testing::error(text)); }

  Fault on(std::string_view name) &&;  // only replies to this command
  Fault times(int count) &&;           // only the next so many
};

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

  // Closes the listening socket, so that connects are refused; listens on the same port again.
  void refuse();
  void accept_again();
  // While on, connections are accepted and nothing is ever read from any.
  void blackhole(bool on);

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
