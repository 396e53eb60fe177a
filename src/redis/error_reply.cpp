#include "redis/error_reply.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::array<std::pair<std::string_view, Errc>, 18> kCodes{{
    {"WRONGTYPE", Errc::kWrongType},
    {"NOSCRIPT", Errc::kNoScript},
    {"LOADING", Errc::kLoading},
    {"MASTERDOWN", Errc::kLoading},
    {"CLUSTERDOWN", Errc::kLoading},
    {"TRYAGAIN", Errc::kLoading},
    {"BUSY", Errc::kLoading},
    {"READONLY", Errc::kReadOnly},
    {"OOM", Errc::kServerMemory},
    {"MISCONF", Errc::kMisconfigured},
    {"MOVED", Errc::kRedirect},
    {"ASK", Errc::kRedirect},
    {"CROSSSLOT", Errc::kCrossSlot},
    {"NOAUTH", Errc::kAuthentication},
    {"WRONGPASS", Errc::kAuthentication},
    {"DENIED", Errc::kAuthentication},
    {"NOPERM", Errc::kPermission},
    {"NOREPLICAS", Errc::kLoading},
}};

// "-ERR max number of clients reached": has no code of its own.
constexpr std::string_view kMaxClients = "ERR max number of clients";
// "-ERR unknown command 'x', with args beginning with: 'secret' …"
constexpr std::string_view kArguments = ", with args beginning with";

// An error inside a script carries the code of what went wrong in it behind the script's name in Redis 6 and earlier
// only; from 7 on it comes first, as everywhere.
std::string_view code_of(std::string_view text) noexcept { return text.substr(0, text.find(' ')); }

void blot_out(std::string& text, std::string_view secret) {
  if (secret.empty()) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
}

}  // namespace

Errc classify_error(std::string_view text) noexcept {
  const std::string_view code = code_of(text);
  for (const auto& [name, errc] : kCodes) {
    if (code == name) return errc;
  }
  return text.starts_with(kMaxClients) ? Errc::kLoading : Errc::kServerError;
}

std::string_view code_word(std::string_view text) noexcept {
  constexpr std::size_t kMaxCode = 20;
  const std::string_view word = text.substr(0, text.find(' '));
  const bool is_code = !word.empty() && word.size() <= kMaxCode &&
                       std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_code ? word : "an error";
}

bool is_command_refused(std::string_view text, std::string_view name) noexcept {
  const bool is_about_commands =
      text.starts_with("NOPERM ") || text.starts_with("ERR unknown command") || text.starts_with("ERR Unknown command");
  if (!is_about_commands) return false;
  // "… to run the 'evalsha' command", "… command 'EVALSHA'", "… command `EVALSHA`, with args beginning with …"
  const std::string_view before = text.starts_with("NOPERM ") ? "to run the " : " command ";
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos || text.size() < at + before.size() + name.size() + 2) return false;
  const std::string_view named = text.substr(at + before.size() + 1, name.size());
  const char after = text[at + before.size() + 1 + name.size()];
  const bool is_it = std::equal(named.begin(), named.end(), name.begin(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
  return is_it && (after == '\'' || after == '`');
}

Error error_from_reply(std::string_view text, std::string_view password) {
  std::string shown(text.substr(0, text.find(kArguments)));
  blot_out(shown, password);
  if (shown.size() > kMaxErrorText) shown.resize(kMaxErrorText);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return Error(classify_error(text), "the server answered: " + shown);
}

}  // namespace envoyou::redis
