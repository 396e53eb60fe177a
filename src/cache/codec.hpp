// The envelope in which a value lies in Redis, version 1. It restates its key and its tags and is checked as a whole,
// so that a value that is torn, foreign or outlived is a miss and never an answer. docs/cache.md, Formats, has the
// table.
//
//   0   magic "EYCE"            16  digest of the key, 32 bytes        64       tag generations, 8 bytes each
//   4   version 1               48  time to live, ms, u64              …        payload, perhaps compressed
//   5   flags: 1 = zstd         56  payload size uncompressed, u64     size-8   XXH3 of all before
//   6   number of tags, u8
//   7   0
//   8   written, Unix ms, u64
//
// Integers are little-endian. scripts/carry_over.lua reads the first 16 bytes, too.
//
// Decoding trusts nothing: sizes are checked before anything is allocated, what is unpacked may be at most kMaxRatio
// times as large as it was and never larger than `max_payload`.
//
// Pure functions; thread-safe.
#pragma once

#include "base/crypto.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::cache {

inline constexpr std::string_view kEnvelopeBegins{"EYCE\x01", 5};  // magic and version
inline constexpr std::size_t kEnvelopeHeaderBytes = 64;
inline constexpr std::size_t kEnvelopeChecksumBytes = 8;
inline constexpr std::size_t kMaxEnvelopeTags = 16;
// Uncompressed to compressed: more than zstd ever reaches (128 KiB in a block of four bytes), so only a forgery claims
// more.
inline constexpr std::size_t kMaxRatio = 65'536;

struct Envelope {
  base::Digest256 key{};
  WallTime written{};
  Milliseconds ttl{0};
  std::vector<std::uint64_t> tags{};  // at most kMaxEnvelopeTags
  std::string payload{};              // when decoded
};

// `compress_from`: payloads of at least so many bytes are compressed, if that makes them smaller.
std::string encode_envelope(const Envelope& envelope, std::string_view payload, std::size_t compress_from);

// Errors: kForeignReply (a sound envelope of another key), kIncoherent (anything else that it should not be).
Result<Envelope> decode_envelope(std::string_view bytes, const base::Digest256& key, std::size_t max_payload);

// False only for a sound envelope of a key whose digest begins otherwise: the reply to another question. What is no
// sound envelope tells nothing about whose it is.
bool may_restate(std::string_view bytes, std::uint64_t tag) noexcept;

}  // namespace envoyou::cache
