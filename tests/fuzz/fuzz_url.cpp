// Goal: no URL makes the parser crash, and no text that it makes holds the password, wherever in a URL that is written
// wrongly the password stands. Method: libFuzzer. The first two bytes choose a secret and where in the rest it is put;
// what the parser says of the whole must not hold the secret, unless it was taken for a host, a path, a master or a
// database.
#include <envoyou/redis/options.hpp>

#include <algorithm>
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

// Where the URL says that it is no secret.
bool is_address(const envoyou::redis::ClientOptions& options, std::size_t which) {
  if (holds(options.host, which) || holds(options.unix_socket, which)) return true;
  if (holds(options.sentinel.master_name, which) || holds(std::to_string(options.database), which)) return true;
  return std::any_of(options.seeds.begin(), options.seeds.end(),
                     [&](const envoyou::redis::Endpoint& seed) { return holds(seed.host, which); });
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
  require(is_address(*options, which) || !holds(envoyou::redis::describe(*options), which));
  return 0;
}
