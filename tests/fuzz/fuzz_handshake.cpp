// Goal: whatever a server answers to a greeting, the handshake ends in a few steps, and nothing that it says holds the
// password, also where the server repeats it. Method: libFuzzer. The first byte chooses the options, the rest is what
// the server sends; each 0xff in it stands for the password.
#include "redis/error_reply.hpp"
#include "redis/handshake_fsm.hpp"
#include "wire/decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace envoyou::redis;
using envoyou::Error;
using envoyou::TimePoint;
using Kind = HandshakeFsm::Action::Kind;

constexpr std::string_view kPassword =
    "correct horse\x01"
    "battery";
constexpr int kMaxQuestions = 6;  // HELLO, AUTH, CLIENT, SELECT, PING, and none after it

void require(bool condition) {
  if (!condition) std::abort();
}

ClientOptions options_from(std::uint8_t bits) {
  ClientOptions options;
  if ((bits & 1) != 0) options.password = kPassword;
  if ((bits & 2) != 0) options.username = "someone";
  if ((bits & 4) != 0) options.database = 3;
  if ((bits & 8) != 0) options.client_name.clear();
  return options;
}

std::string stream_from(const std::uint8_t* data, std::size_t size) {
  std::string stream;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0xff) {
      stream += kPassword;
    } else {
      stream += static_cast<char>(data[i]);
    }
  }
  return stream;
}

void require_no_secret(const Error& error) { require(error.message().find(kPassword) == std::string_view::npos); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ClientOptions options = options_from(data[0]);
  envoyou::wire::Decoder decoder({.max_bytes = 1u << 16});
  decoder.feed(stream_from(data + 1, size - 1));
  HandshakeFsm handshake(options);
  require(handshake.start().words.count() >= 2);
  int questions = 1;
  for (;;) {
    const auto next = decoder.next();
    if (!next || !*next) return 0;
    if ((*next)->is_error()) require_no_secret(error_from_reply((*next)->text, kPassword));
    const auto action = handshake.on_reply(**next, TimePoint());
    if (action.kind == Kind::kRefused) {
      require_no_secret(action.error);
      require(action.error.code() != envoyou::Errc::kOk);
      return 0;
    }
    if (action.kind == Kind::kReady) return 0;
    require(action.words.count() > 0 && ++questions <= kMaxQuestions);
  }
}
