#include "redis/moved.hpp"

#include <charconv>

namespace envoyou::redis {

std::optional<MovedTo> read_moved(std::string_view text) {
  constexpr std::string_view kMoved = "MOVED ";
  const std::size_t begin = text.find(kMoved);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + kMoved.size());
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  text = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  MovedTo to{std::string(text.substr(0, colon))};
  const std::string_view port = text.substr(colon + 1);
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), to.port);
  if (failed != std::errc() || end != port.data() + port.size() || to.port == 0 || to.host == "?") return std::nullopt;
  return to;
}

}  // namespace envoyou::redis
