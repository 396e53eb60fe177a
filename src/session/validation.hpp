// Is what a caller gave acceptable? Each check names the field and the value, and nothing has been stored or sent when
// it fails. User data is never repeated in a message.
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/session.hpp>

#include <string_view>

namespace envoyou::session {

Result<void> check_options(const SessionOptions& options);
// Errors of all: kInvalidArgument, kTooLarge.
Result<void> check_user_id(std::string_view user_id);
Result<void> check_ip_address(std::string_view address);
// A JSON object of at most `max_bytes`.
Result<void> check_object(std::string_view field, std::string_view text, std::size_t max_bytes);
Result<void> check_new(const NewSession& session);
bool is_handle(std::string_view handle);

}  // namespace envoyou::session
