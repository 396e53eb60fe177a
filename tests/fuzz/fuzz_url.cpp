// Goal: no URL makes the parser crash, and no text that it makes holds the password, wherever in a URL that is written
// wrongly the password stands. Method: libFuzzer. The first two bytes choose a secret and where in the rest it is put;
// what the parser says of the whole must not hold the secret, unless it was taken for a host, a path or a database.
#include <envoyou/redis/options.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

// Letters, digits alone (which might be taken for a port), and one that is percent-encoded.
constexpr std::array<std::string_view, 3> kSecrets{"S3cretPassw0rd", "73556081", "s3%63retword"};
constexpr std::array<std::string_view, 3> kDecoded{"S3cretPassw0rd", "73556081", "s3cretword"};

bool holds(std::string_view text, std::size_t which) {
  return text.find(kSecrets[which]) != std::string_view::npos || text.find(kDecoded[which]) != std::string_view::npos;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t which = data[0] % kSecrets.size();
  std::string url(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] < 250) url.insert(data[1] % (url.size() + 1), kSecrets[which]);
  const auto options = envoyou::redis::parse_url(url);
  if (!options) {
    require(!holds(options.error().message(), which));
    return 0;
  }
  require(envoyou::redis::validate(*options).has_value());
  const bool is_address = holds(options->host, which) || holds(options->unix_socket, which) ||
                          std::to_string(options->database) == kSecrets[which];
  require(is_address || !holds(envoyou::redis::describe(*options), which));
  return 0;
}
