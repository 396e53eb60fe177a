// Goal: no bytes that lie in Redis make the reading of an envelope, or of the response in it, crash or allocate without
// bound; and what is read writes to the same again. Method: libFuzzer. The input is tried as it is, and as the inside
// of an envelope with the right key and checksum, so that the fuzzer gets behind both.
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "cache/codec.hpp"
#include "cache/response_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace envoyou;

constexpr std::size_t kMaxPayload = 1u << 20;
constexpr std::size_t kKeyAt = 16;
const base::Digest256 kKey = base::sha256("key");

void must(bool holds) {
  if (!holds) std::abort();
}

void try_envelope(std::string_view bytes) {
  const auto envelope = cache::decode_envelope(bytes, kKey, kMaxPayload);
  (void)cache::may_restate(bytes, 0);
  if (!envelope) return;
  must(envelope->payload.size() <= kMaxPayload);
  const std::string again = cache::encode_envelope(*envelope, envelope->payload, kMaxPayload + 1);
  must(cache::decode_envelope(again, kKey, kMaxPayload)->payload == envelope->payload);
  if (const auto response = cache::decode_response(envelope->payload)) {
    must(cache::encode_response(*response) == envelope->payload);
  }
}

std::string with_key_and_checksum(std::string bytes) {
  bytes.resize(std::max(bytes.size(), cache::kEnvelopeHeaderBytes));
  bytes.replace(0, cache::kEnvelopeBegins.size(), cache::kEnvelopeBegins);
  bytes.replace(kKeyAt, kKey.size(), base::as_bytes(kKey));
  base::append_u64(bytes, base::hash64(bytes));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_envelope(bytes);
  try_envelope(with_key_and_checksum(std::string(bytes)));
  (void)cache::decode_response(bytes);
  return 0;
}
