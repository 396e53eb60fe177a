#include "cache/codec.hpp"

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "cache/names.hpp"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace envoyou::cache {
namespace {

constexpr unsigned char kZstd = 1;
constexpr int kZstdLevel = 3;

constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kTagCountAt = 6;
constexpr std::size_t kReservedAt = 7;
constexpr std::size_t kWrittenAt = 8;
constexpr std::size_t kKeyAt = 16;
constexpr std::size_t kTtlAt = 48;
constexpr std::size_t kPayloadSizeAt = 56;
constexpr std::size_t kTagBytes = 8;

Error incoherent(std::string_view what) { return {Errc::kIncoherent, "cache envelope: " + std::string(what)}; }

unsigned char byte_at(std::string_view bytes, std::size_t at) noexcept { return static_cast<unsigned char>(bytes[at]); }

// nullopt where it does not pay.
std::optional<std::string> compressed(std::string_view payload) {
  std::string packed(ZSTD_compressBound(payload.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), payload.data(), payload.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0U || size >= payload.size()) return std::nullopt;
  packed.resize(size);
  return packed;
}

// REQUIRES: `size` is bounded by the caller.
Result<std::string> uncompressed(std::string_view packed, std::size_t size) {
  if (size / kMaxRatio > packed.size()) return incoherent("claims to unpack to more than it can");
  std::string payload(size, '\0');
  const std::size_t got = ZSTD_decompress(payload.data(), payload.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0U || got != size) return incoherent("does not unpack to its size");
  return payload;
}

bool has_header(std::string_view bytes) noexcept {
  return bytes.size() >= kEnvelopeHeaderBytes + kEnvelopeChecksumBytes && bytes.starts_with(kEnvelopeBegins);
}

bool is_intact(std::string_view bytes) noexcept {
  const std::size_t body = bytes.size() - kEnvelopeChecksumBytes;
  return base::read_u64(bytes.substr(body)) == base::hash64(bytes.substr(0, body));
}

std::string header_of(const Envelope& envelope, std::size_t payload_size, bool is_compressed) {
  std::string header(kEnvelopeBegins);
  header += static_cast<char>(is_compressed ? kZstd : 0);
  header += static_cast<char>(static_cast<unsigned char>(envelope.tags.size()));
  header += '\0';
  base::append_u64(header, static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(envelope.written), 0)));
  header += base::as_bytes(envelope.key);
  base::append_u64(header, static_cast<std::uint64_t>(envelope.ttl.count()));
  base::append_u64(header, payload_size);
  return header;
}

}  // namespace

std::string encode_envelope(const Envelope& envelope, std::string_view payload, std::size_t compress_from) {
  std::optional<std::string> packed;
  if (!payload.empty() && payload.size() >= compress_from) packed = compressed(payload);
  std::string bytes = header_of(envelope, payload.size(), packed.has_value());
  const std::string_view stored = packed ? std::string_view(*packed) : payload;
  bytes.reserve(bytes.size() + envelope.tags.size() * kTagBytes + stored.size() + kEnvelopeChecksumBytes);
  for (const std::uint64_t tag : envelope.tags) base::append_u64(bytes, tag);
  bytes += stored;
  base::append_u64(bytes, base::hash64(bytes));
  return bytes;
}

Result<Envelope> decode_envelope(std::string_view bytes, const base::Digest256& key, std::size_t max_payload) {
  if (!has_header(bytes)) return incoherent("no header of version 1");
  if (!is_intact(bytes)) return incoherent("checksum does not match");
  if (bytes.substr(kKeyAt, key.size()) != base::as_bytes(key)) {
    return Error(Errc::kForeignReply, "cache envelope: restates another key");
  }
  const unsigned char flags = byte_at(bytes, kFlagsAt);
  const std::size_t tags = byte_at(bytes, kTagCountAt);
  const std::size_t payload_at = kEnvelopeHeaderBytes + tags * kTagBytes;
  const std::uint64_t ttl = base::read_u64(bytes.substr(kTtlAt));
  const std::uint64_t size = base::read_u64(bytes.substr(kPayloadSizeAt));
  if ((flags & ~kZstd) != 0 || byte_at(bytes, kReservedAt) != 0) return incoherent("unknown flags");
  if (tags > kMaxEnvelopeTags || payload_at > bytes.size() - kEnvelopeChecksumBytes)
    return incoherent("tags do not fit");
  if (ttl > static_cast<std::uint64_t>(INT64_MAX) || size > max_payload) return incoherent("over a bound");

  Envelope envelope{
      .key = key,
      .written = from_unix_ms(static_cast<std::int64_t>(base::read_u64(bytes.substr(kWrittenAt)) & INT64_MAX)),
      .ttl = Milliseconds(static_cast<std::int64_t>(ttl))};
  for (std::size_t i = 0; i < tags; ++i) {
    envelope.tags.push_back(base::read_u64(bytes.substr(kEnvelopeHeaderBytes + i * kTagBytes)));
  }
  const std::string_view stored = bytes.substr(payload_at, bytes.size() - kEnvelopeChecksumBytes - payload_at);
  if ((flags & kZstd) == 0) {
    if (stored.size() != size) return incoherent("payload is not of its size");
    envelope.payload = stored;
    return envelope;
  }
  auto payload = uncompressed(stored, size);
  if (!payload) return payload.error();
  envelope.payload = std::move(*payload);
  return envelope;
}

bool may_restate(std::string_view bytes, std::uint64_t tag) noexcept {
  if (!has_header(bytes) || base::read_u64(bytes.substr(kKeyAt)) == tag) return true;
  return !is_intact(bytes);
}

}  // namespace envoyou::cache
