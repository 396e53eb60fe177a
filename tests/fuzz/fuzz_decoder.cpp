// Goal: no bytes of a server make the decoder crash, read beyond what it was given, or answer differently when they
// come in other pieces. Method: libFuzzer. The first two bytes of an input choose the limits and the pieces, the rest
// is the stream; it is decoded whole and in pieces, and the two must agree.
#include "wire/decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using envoyou::Errc;
using envoyou::redis::Reply;
using envoyou::wire::Decoder;
using envoyou::wire::DecoderLimits;

struct Outcome {
  std::vector<Reply> replies;
  Errc failed_with = Errc::kOk;
  std::size_t left = 0;
};

// A NaN is equal to nothing, and its text is compared with the rest.
void forget_nan(Reply& reply) {
  if (reply.number != reply.number) reply.number = 0;
  for (Reply& element : reply.elements) forget_nan(element);
}

Outcome decode(std::string_view bytes, const DecoderLimits& limits, std::size_t step) {
  Decoder decoder(limits);
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    decoder.feed(bytes.substr(at, step));
    for (;;) {
      const auto next = decoder.next();
      if (!next) {
        outcome.failed_with = next.error().code();
        return outcome;
      }
      if (!*next) break;
      outcome.replies.push_back(Reply::from(**next));
      forget_nan(outcome.replies.back());
    }
  }
  outcome.left = decoder.buffered();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t step = 1 + data[0] % 64u;
  const bool tight = data[1] % 2 == 1;
  const DecoderLimits limits = tight ? DecoderLimits{.max_bytes = 600u + data[1],
                                                     .max_elements = 1u + data[1] / 16u,
                                                     .max_depth = data[1] % 4u,
                                                     .max_line_bytes = 32u + data[1] / 4u}
                                     : DecoderLimits{};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = decode(bytes, limits, bytes.size());
  const Outcome pieces = decode(bytes, limits, step);
  if (whole.replies != pieces.replies || whole.failed_with != pieces.failed_with || whole.left != pieces.left) {
    std::abort();
  }
  return 0;
}
