// Who the client is to its server, where that changes while it runs: tokens of a cloud that last an hour, passwords
// that are rotated.
//
//   options.credentials = [tokens]() -> Result<redis::Credentials> {           // owns what it uses
//     auto token = tokens->fetch();                                            // may take its time
//     if (!token) return Error(Errc::kAuthentication, "no token");
//     return redis::Credentials{"app", token->text, 15min};
//   };
//
// The client asks before it first connects, again when a fifth of `valid_for` is left (a minute at most), and when the
// server refuses what it has; at most once a second, and never twice at a time. New credentials reach links that are up
// with AUTH, in order with their commands, one link after the other.
//
// Nothing here prints or formats a password.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <functional>
#include <optional>
#include <string>

namespace envoyou::redis {

inline constexpr std::size_t kMaxCredentialBytes = 4096;

struct Credentials {
  std::string username = {};  // empty: the default user
  std::string password = {};  // empty: no AUTH
  // From when the provider was called. Nothing: until they are refused.
  std::optional<Milliseconds> valid_for = {};
};

// Called on a thread of its own, one call at a time, and so it may block: callers' commands and the client's sockets do
// not wait for it. The thread is never joined: a call that hangs outlives the client, so the function owns what it
// uses. The text of its error reaches logs and callers.
using CredentialsProvider = std::function<Result<Credentials>()>;

// Errors: kInvalidArgument, naming the field, never its content.
Result<void> validate_credentials(const Credentials& credentials);

}  // namespace envoyou::redis
