// What a new link says before anyone's commands: who we are, which protocol, which database; and how far away the
// server is.
//
//   start --> HELLO 3 [AUTH user password] [SETNAME name]
//               | a map                              | not known, or not this protocol
//               v                                    v
//             (RESP3)                             [AUTH [user] password] --> [CLIENT SETNAME name]
//               |                                    |            (refused by an ACL: so be it)
//               '-----------------+------------------'
//                                 v
//                          [SELECT database] --> [READONLY] --> PING --> ready
//
//   any --(WRONGPASS, NOAUTH, NOPERM, LOADING, MASTERDOWN, max clients, ...)--> refused
//
// In brackets: only where configured. One question at a time; a second answer to one question refuses the link. The
// PING is alone on the link, so its time is the round trip.
//
// Texts of errors: what HELLO and AUTH are answered is never repeated but for its first word, since old servers and
// proxies echo the arguments, the password among them.
//
// Sans-I/O: fed with replies and times, says what to send. Confined to the I/O role.
#pragma once

#include "redis/credential_source.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/capabilities.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace envoyou::redis {

class HandshakeFsm {
 public:
  // With the user and password of the options. REQUIRES: `options` outlives it.
  explicit HandshakeFsm(const ClientOptions& options)
      : HandshakeFsm(options, std::make_shared<const Identity>(Identity{options.username, options.password})) {}
  HandshakeFsm(const ClientOptions& options, std::shared_ptr<const Identity> identity)
      : options_(&options), identity_(std::move(identity)) {}

  struct Action {
    enum class Kind : std::uint8_t { kSend, kReady, kRefused };
    Kind kind = Kind::kRefused;
    Words words{};                 // kSend
    Error error{Errc::kInternal};  // kRefused
  };

  Action start();
  Action on_reply(const ReplyView& reply, TimePoint now);

  // What was asked last, for "HELLO: no answer within 400 ms".
  std::string_view asked() const noexcept;
  const ServerInfo& server() const noexcept { return server_; }
  const std::shared_ptr<const Identity>& identity() const noexcept { return identity_; }
  // Whether the server has taken the client's name.
  Can client_name() const noexcept { return client_name_; }
  // REQUIRES: it said kReady.
  Microseconds round_trip() const noexcept { return round_trip_; }

 private:
  enum class State : std::uint8_t { kStart, kHello, kAuth, kSetName, kSelect, kReadOnly, kPing, kReady };

  Action send(State next, Words words);
  Action after_hello(const ReplyView& reply, TimePoint now);
  Action after_auth(const ReplyView& reply, TimePoint now);
  Action after_set_name(const ReplyView& reply, TimePoint now);
  Action after_select(const ReplyView& reply, TimePoint now);
  Action after_ping(const ReplyView& reply, TimePoint now);
  Action authenticate(TimePoint now);
  Action set_name(TimePoint now);
  Action select(TimePoint now);
  Action read_only(TimePoint now);
  Action ping(TimePoint now);
  Action refuse(std::string_view reply_text) const;
  Action refuse(Errc code, std::string_view why) const;
  void read_server(const ReplyView& reply);

  const ClientOptions* options_;
  State state_ = State::kStart;
  std::shared_ptr<const Identity> identity_;
  ServerInfo server_;
  Can client_name_ = Can::kUnknown;
  TimePoint ping_sent_{};
  Microseconds round_trip_{0};
};

}  // namespace envoyou::redis
