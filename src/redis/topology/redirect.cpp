#include "redis/topology/redirect.hpp"

#include "redis/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace envoyou::redis {

namespace {

constexpr std::array<std::string_view, 5> kLater{"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"};

std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view text) noexcept {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = number<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const bool graphic = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!port || *port == 0 || host.size() > kMaxHost || !graphic) return std::nullopt;
  return Endpoint{std::string(host == "?" ? std::string_view() : host), *port};
}

Redirect parse_redirect(std::string_view error) {
  const std::string_view code = take_word(error);
  if (std::find(kLater.begin(), kLater.end(), code) != kLater.end()) return {Redirect::Kind::kLater, kNoSlot, {}};
  if (code != "MOVED" && code != "ASK") return {};
  const auto slot = number<Slot>(take_word(error));
  auto to = parse_endpoint(take_word(error));
  if (!slot || *slot >= kSlots || !to) return {};
  return {code == "MOVED" ? Redirect::Kind::kMoved : Redirect::Kind::kAsk, *slot, *std::move(to)};
}

}  // namespace envoyou::redis
