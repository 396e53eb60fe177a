// What Redis answers. `ReplyView` looks into the client's own memory and is valid only while a decoder runs; `Reply`
// owns its content and can be kept.
//
// RESP2 and RESP3 differ in types: a map arrives as an array of pairs with RESP2. `as_pairs`-like reading (even number
// of elements, key then value) works for both, since a RESP3 map is presented flattened, too.
//
// Thread-compatible values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

enum class ReplyType : std::uint8_t {
  kNull,
  kString,  // simple, bulk, verbatim, big number
  kInteger,
  kDouble,
  kBoolean,
  kError,  // inside an array or a transaction; an error at the top is the call's Error
  kArray,
  kMap,  // flattened: key, value, key, value
  kSet,
  kPush,
};

struct ReplyView {
  ReplyType type = ReplyType::kNull;
  std::int64_t integer = 0;               // kInteger, kBoolean
  double number = 0;                      // kDouble
  std::string_view text{};                // kString, kError, and the text of kDouble
  std::span<const ReplyView> elements{};  // kArray, kMap, kSet, kPush

  bool is_null() const noexcept { return type == ReplyType::kNull; }
  bool is_string() const noexcept { return type == ReplyType::kString; }
  bool is_integer() const noexcept { return type == ReplyType::kInteger; }
  bool is_error() const noexcept { return type == ReplyType::kError; }
  bool is_aggregate() const noexcept { return type >= ReplyType::kArray; }
};

struct Reply {
  ReplyType type = ReplyType::kNull;
  std::int64_t integer = 0;
  double number = 0;
  std::string text{};
  std::vector<Reply> elements{};

  static Reply from(const ReplyView& view);

  friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace envoyou::redis
