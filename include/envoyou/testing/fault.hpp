// What can go wrong with a reply, as a value: what happens to it, to which command's, and how often. For FakeRedis
// (fake_redis.hpp), which looks through its faults in the order in which they were added and applies the first that
// fits:
//
//   redis.add(Fault::error("LOADING Redis is loading").on("GET").times(3));
//   redis.add(Fault::cut(2, CloseHow::kReset));         // every reply ends after its second byte
//   redis.clear_faults();
//
// The handshake (HELLO, AUTH, CLIENT, SELECT) is spoiled only by a fault that names it, and the questions by which a
// client learns what a server can only by one for "*".
//
// Thread-compatible values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::testing {

// How a connection ends: kFin as by close(), kReset as by a host that forgot about it (RST).
enum class CloseHow : std::uint8_t { kFin, kReset };

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

  static Fault delay(std::chrono::milliseconds by);
  static Fault hold();
  static Fault split(std::size_t bytes, std::chrono::microseconds pause);  // a drip, where the pause is long
  static Fault cut(std::size_t bytes, CloseHow how);
  static Fault duplicate(int more = 1);
  static Fault extra(std::string bytes);
  static Fault raw(std::string_view bytes);
  static Fault error(std::string_view text);  // "LOADING Redis is loading", without the minus sign

  Fault on(std::string_view name) &&;  // only replies to this command
  Fault times(int count) &&;           // only the next so many
};

}  // namespace envoyou::testing
