// Encodings of bytes as text, and the canonical way to join parts into one key: each part behind its length, so that no
// two lists of parts give the same bytes.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::base {

std::string to_hex(std::string_view bytes);

// RFC 4648 section 5, without padding. Decoding is strict: another alphabet, padding, or spare bits that are not zero
// is nullopt, so that one value has one spelling.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// Percent-encodes all but A-Z a-z 0-9 - _ . ~ (RFC 3986 unreserved).
std::string percent_encode(std::string_view bytes);
// Errors as nullopt: '%' without two hex digits. '+' stays '+'.
std::optional<std::string> percent_decode(std::string_view text);

// Appends the length of `part` in decimal, ':', and the part.
void append_length_prefixed(std::string& to, std::string_view part);

// Little-endian, fixed width.
void append_u32(std::string& to, std::uint32_t value);
void append_u64(std::string& to, std::uint64_t value);
std::uint32_t read_u32(std::string_view bytes) noexcept;  // REQUIRES: bytes.size() >= 4
std::uint64_t read_u64(std::string_view bytes) noexcept;  // REQUIRES: bytes.size() >= 8

bool is_valid_utf8(std::string_view text) noexcept;
// C0, DEL, and C1 as UTF-8.
bool has_control_characters(std::string_view text) noexcept;
// For an error message: quoted, cut at 64 bytes, control and non-ASCII bytes as \xNN.
std::string printable(std::string_view text);

// A decimal integer and nothing else; nullopt for anything else, also for one that does not fit.
std::optional<std::int64_t> parse_int64(std::string_view text) noexcept;

}  // namespace envoyou::base
