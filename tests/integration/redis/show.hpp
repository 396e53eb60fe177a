// What commands are made of and what they answer, as short texts for tables: "SET k v", "[a, b]", "m:1.5", "null".
#pragma once

#include <envoyou/redis/commands.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis {

inline std::string show(const Words& words) {
  std::string text;
  std::string_view left = words.encoded();
  while (!left.empty()) {
    std::size_t size = 0;
    const auto parsed = std::from_chars(left.data() + 1, left.data() + left.size(), size);
    const auto at = static_cast<std::size_t>(parsed.ptr - left.data()) + 2;
    text += (text.empty() ? "" : " ") + std::string(left.substr(at, size));
    left.remove_prefix(at + size + 2);
  }
  return text;
}

inline std::string show(std::int64_t value) { return std::to_string(value); }
inline std::string show(bool value) { return value ? "true" : "false"; }
inline std::string show(const std::string& value) { return value; }
inline std::string show(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}
inline std::string show(const Reply& reply) {
  if (reply.type == ReplyType::kNull) return "null";
  if (reply.type == ReplyType::kInteger) return show(reply.integer);
  if (reply.type < ReplyType::kArray) return reply.text;
  std::string text;
  for (const Reply& element : reply.elements) text += (text.empty() ? "" : ", ") + show(element);
  return "[" + text + "]";
}
inline std::string show(const cmd::Scored& value) { return value.member + ":" + show(value.score); }
inline std::string show(const cmd::SetOutcome& value) {
  return std::string(value.stored ? "stored" : "not stored") + (value.previous ? ", was " + *value.previous : "");
}
inline std::string show(const cmd::GeoPosition& at) {
  return show(static_cast<std::int64_t>(at.longitude)) + "/" + show(static_cast<std::int64_t>(at.latitude));
}
inline std::string show(const cmd::GeoHit& hit) {
  return hit.member + "@" + show(hit.position) + "+" + show(static_cast<std::int64_t>(hit.distance));
}
inline std::string show(const cmd::LcsIndex& index) {
  std::string text = show(index.length);
  for (const auto& match : index.matches) {
    text += " " + show(match.first.first) + "-" + show(match.first.second) + "=" + show(match.second.first) + "-" +
            show(match.second.second) + "(" + show(match.length) + ")";
  }
  return text;
}

inline std::string show(const cmd::PendingEntry& entry) {
  return entry.id + " " + entry.consumer + " x" + show(entry.deliveries);
}

template <class T>
std::string show(const std::optional<T>& value);
template <class A, class B>
std::string show(const std::pair<A, B>& value);
template <class T>
std::string show(const std::vector<T>& values);
inline std::string show(const cmd::StreamEntry& entry);

template <class T>
std::string show(const std::optional<T>& value) {
  return value ? show(*value) : "null";
}
template <class A, class B>
std::string show(const std::pair<A, B>& value) {
  return show(value.first) + "=" + show(value.second);
}
template <class T>
std::string show(const std::vector<T>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + show(static_cast<const T&>(value));
  return "[" + text + "]";
}
template <class T>
std::string show(const cmd::Page<T>& page) {
  return page.cursor + " " + show(page.items);
}
inline std::string show(const cmd::StreamEntry& entry) { return entry.id + show(entry.fields); }
inline std::string show(const cmd::Autoclaimed& claimed) {
  return claimed.cursor + " " + show(claimed.entries) + " " + show(claimed.deleted);
}
inline std::string show(const cmd::PendingSummary& summary) {
  return show(summary.count) + " " + show(summary.first) + " " + show(summary.last) + " " + show(summary.consumers);
}

template <class R>
std::string show(const Result<R>& result) {
  return result ? show(*result) : std::string(to_string(result.error().code()));
}
inline std::string show(const Result<void>& result) {
  return result ? "OK" : std::string(to_string(result.error().code()));
}

}  // namespace envoyou::redis
