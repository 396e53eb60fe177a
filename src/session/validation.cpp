#include "session/validation.hpp"

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/name.hpp"
#include "base/problems.hpp"
#include "session/naming.hpp"

#include <arpa/inet.h>  // inet_pton, a parser; nothing here opens a socket

#include <array>
#include <chrono>
#include <string>

namespace envoyou::session {
namespace {

using std::chrono::hours;

constexpr Milliseconds kMaxTimeout = hours(24 * 400);
constexpr Milliseconds kMaxLastKnown = hours(24);
constexpr std::size_t kMaxLocalSessions = 10'000'000;
constexpr std::size_t kMaxCopyBytes = 64ULL << 30;
constexpr std::size_t kMaxPathBytes = 4'096;

Error too_large(std::string_view field, std::size_t size, std::size_t most) {
  return Error(Errc::kTooLarge, std::string(field) + ": " + std::to_string(size) + " bytes, at most " +
                                    std::to_string(most) + " are allowed");
}

void require_between(base::Problems& problems, std::string_view field, Milliseconds value, Milliseconds least,
                     Milliseconds most) {
  if (value >= least && value <= most) return;
  problems.add(field, "must be " + std::to_string(least.count()) + " to " + std::to_string(most.count()) + " ms, got " +
                          std::to_string(value.count()));
}

void require_between(base::Problems& problems, std::string_view field, std::size_t value, std::size_t least,
                     std::size_t most) {
  if (value >= least && value <= most) return;
  problems.add(field,
               "must be " + std::to_string(least) + " to " + std::to_string(most) + ", got " + std::to_string(value));
}

}  // namespace

Result<void> check_options(const SessionOptions& options) {
  base::Problems problems;
  problems.add(base::validate_prefix("prefix", options.prefix));
  require_between(problems, "idle_timeout", options.idle_timeout, Milliseconds(1), kMaxTimeout);
  require_between(problems, "absolute_timeout", options.absolute_timeout, Milliseconds(1), kMaxTimeout);
  require_between(problems, "touch_interval", options.touch_interval, Milliseconds(0), kMaxTimeout);
  require_between(problems, "last_known_for", options.last_known_for, Milliseconds(0), kMaxLastKnown);
  require_between(problems, "max_copies", options.max_copies, 0, kMaxLocalSessions);
  require_between(problems, "max_copy_bytes", options.max_copy_bytes, 0, kMaxCopyBytes);
  require_between(problems, "max_local_sessions", options.max_local_sessions, 1, kMaxLocalSessions);
  const bool has_nul = options.database_file.find('\0') != std::string::npos;
  problems.require(!has_nul && options.database_file.size() <= kMaxPathBytes, "database_file",
                   "must be a path of at most 4096 bytes");
  return problems.result();
}

Result<void> check_user_id(std::string_view user_id) {
  if (user_id.empty()) return invalid_argument("user_id", "must not be empty");
  if (user_id.size() > kMaxUserIdBytes) return too_large("user_id", user_id.size(), kMaxUserIdBytes);
  if (!base::is_valid_utf8(user_id)) return invalid_argument("user_id", "is not UTF-8: " + base::printable(user_id));
  if (base::has_control_characters(user_id))
    return invalid_argument("user_id", "holds control characters: " + base::printable(user_id));
  return {};
}

Result<void> check_ip_address(std::string_view address) {
  if (address.empty()) return {};
  if (address.size() > kMaxIpAddressBytes) return too_large("ip_address", address.size(), kMaxIpAddressBytes);
  // inet_pton would stop at a NUL and accept what is before it.
  const std::string text(address);
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  const bool whole = text.find('\0') == std::string::npos;
  const bool known = whole && (inet_pton(AF_INET, text.c_str(), parsed.data()) == 1 ||
                               inet_pton(AF_INET6, text.c_str(), parsed.data()) == 1);
  if (!known) return invalid_argument("ip_address", "is neither IPv4 nor IPv6: " + base::printable(address));
  return {};
}

Result<void> check_object(std::string_view field, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) return too_large(field, text.size(), max_bytes);
  const auto json = base::Json::parse(field, text, max_bytes);
  if (!json) return json.error();
  if (!json->is_object()) return invalid_argument(field, "must be a JSON object");
  return {};
}

Result<void> check_new(const NewSession& session) {
  if (auto checked = check_user_id(session.user_id); !checked) return checked;
  if (auto checked = check_object("user_data", session.user_data, kMaxUserDataBytes); !checked) return checked;
  if (auto checked = check_object("device_info", session.device_info, kMaxDeviceInfoBytes); !checked) return checked;
  return check_ip_address(session.ip_address);
}

bool is_handle(std::string_view handle) {
  return handle.size() == kHandleLength && base::from_base64url(handle).has_value();
}

}  // namespace envoyou::session
