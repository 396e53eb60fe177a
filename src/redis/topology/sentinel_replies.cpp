#include "redis/topology/sentinel_replies.hpp"

#include "base/bytes.hpp"
#include "redis/url.hpp"

#include <algorithm>
#include <array>

namespace envoyou::redis {

namespace {

std::optional<Endpoint> endpoint(std::string_view host, std::string_view port) {
  const auto number = base::parse_int64(port);
  const bool graphic = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (host.empty() || host.size() > kMaxHost || !graphic || !number || *number < 1 || *number > 65535) {
    return std::nullopt;
  }
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*number)};
}

std::string_view text_of(const ReplyView& map, std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].is_string() && map.elements[i].text == name) return map.elements[i + 1].text;
  }
  return {};
}

bool is_down(std::string_view flags) noexcept {
  return flags.find("down") != std::string_view::npos || flags.find("disconnected") != std::string_view::npos;
}

}  // namespace

std::optional<Endpoint> read_master_address(const ReplyView& reply) {
  if (!reply.is_aggregate() || reply.elements.size() != 2) return std::nullopt;
  return endpoint(reply.elements[0].text, reply.elements[1].text);
}

std::vector<Endpoint> read_servers(const ReplyView& reply, std::size_t most) {
  std::vector<Endpoint> servers;
  for (const ReplyView& each : reply.elements) {
    if (servers.size() == most) break;
    if (!each.is_aggregate() || is_down(text_of(each, "flags"))) continue;
    if (auto at = endpoint(text_of(each, "ip"), text_of(each, "port"))) servers.push_back(*std::move(at));
  }
  return servers;
}

std::optional<bool> is_primary_by_role(const ReplyView& reply) {
  if (!reply.is_aggregate() || reply.elements.empty() || !reply.elements[0].is_string()) return std::nullopt;
  return reply.elements[0].text == "master";
}

std::optional<Endpoint> read_switch(std::string_view text, std::string_view name) {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const std::size_t end = std::min(text.find(' '), text.size());
    word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words[0] == name ? endpoint(words[3], words[4]) : std::nullopt;
}

}  // namespace envoyou::redis
