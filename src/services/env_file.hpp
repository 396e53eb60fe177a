// A .env file: settings beside a program, for development and small hosts. The real environment always comes first;
// this file only knows what the file says.
//
//   # a comment
//   NAME=value                 blanks around the value are dropped; " #" begins a comment
//   export NAME=value          as a shell would read it
//   NAME="line\nline \"x\""    \n \t \r \\ \" \$ are understood, nothing is expanded
//   NAME='as it is'            nothing is understood
//
// A later line for the same name counts. Does not: expand $OTHER, run commands, continue over lines.
//
// Errors name file and line, never the value: it may be a secret. Pure functions but for the reading; thread-safe.
#pragma once

#include <envoyou/result.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace envoyou::services {

inline constexpr std::size_t kMaxEnvFileBytes = 1u << 20;

using Variables = std::map<std::string, std::string, std::less<>>;

// Errors: kInvalidArgument with every bad line, each as "<file>:<line>: <problem>".
Result<Variables> parse_env_file(std::string_view file, std::string_view text);

// At most `max_bytes` of a file, whole. Errors: kInvalidArgument (not there, not readable), kTooLarge. Never the
// content.
Result<std::string> read_whole_file(std::string_view path, std::size_t max_bytes);

}  // namespace envoyou::services
