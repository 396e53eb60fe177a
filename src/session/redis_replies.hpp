// How replies of Redis are read. Each names its question: a session restates its name, a script repeats the tag that it
// was given; what does not match is Errc::kForeignReply, and the client closes the link.
//
// Pure functions; the decoders run on the I/O thread.
#pragma once

#include "session/record.hpp"

#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::session {

using Fields = std::vector<std::string>;  // name, value, name, value

// { tag, status, server time, lists of texts … }
struct Told {
  std::string status;
  std::int64_t now_ms = 0;
  std::vector<Fields> lists;
};

std::uint64_t tag_of_name(std::string_view name) noexcept;
std::string tag_text(std::uint64_t tag);

// HGETALL of a session; empty where there is none. The tag is tag_of_name.
Result<Fields> decode_session(const redis::ReplyView& reply, std::uint64_t tag);
// HGETALL of anything else.
Result<Fields> decode_fields(const redis::ReplyView& reply, std::uint64_t tag);
Result<Told> decode_told(const redis::ReplyView& reply, std::uint64_t tag);
// TIME, in milliseconds.
Result<std::int64_t> decode_time(const redis::ReplyView& reply, std::uint64_t tag);

// Errors: kIncoherent where a field is missing or the format is not known; kForeignReply where it restates another
// name.
Result<Record> parse_record(const Fields& fields, const Address& expected);
// The same for one of a list, whose name is not known before. Without user_data.
Result<Record> parse_listed(const Fields& fields, const std::string& tag);
// The number in a user's epoch ("number:revoked at:change"); 0: there is none.
std::int64_t epoch_in(const Fields& epochs, std::string_view user_part);

}  // namespace envoyou::session
