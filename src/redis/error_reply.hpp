// What an error reply of the server means.
//
// The text goes on to the caller, for people, with what might be secret taken out: the arguments that Redis repeats
// of a command it does not know, the password wherever it stands, control characters, and all beyond kMaxErrorText.
//
// Pure; thread-safe.
#pragma once

#include <envoyou/result.hpp>

#include <cstddef>
#include <string_view>

namespace envoyou::redis {

inline constexpr std::size_t kMaxErrorText = 256;

Errc classify_error(std::string_view text) noexcept;

// The first word of an error reply, if it is a code ("WRONGPASS") and not free text; else "an error".
std::string_view code_word(std::string_view text) noexcept;

// Whether the server does not know the command `name` (lower case), or does not let this user call it: the command
// itself, and not what a script does in it.
bool is_command_refused(std::string_view text, std::string_view name) noexcept;

// `password` may be empty.
Error error_from_reply(std::string_view text, std::string_view password);

}  // namespace envoyou::redis
