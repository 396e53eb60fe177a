// JSON, by nlohmann_json, whose types stay in json.cpp. A value that owns its content.
//
// Parsing is strict (RFC 8259, UTF-8) and bounded in size and depth. Duplicate member names: the last one counts.
// Numbers keep what they were: integers to 64 bits exactly, others as double.
//
// Thread-compatible. Copies are deep.
#pragma once

#include <envoyou/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::base {

inline constexpr std::size_t kMaxJsonDepth = 64;

class Json {
 public:
  Json();  // null
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(Json other) noexcept;
  ~Json();

  static Json object();
  static Json array();
  static Json string(std::string_view text);
  static Json integer(std::int64_t value);
  static Json number(double value);
  static Json boolean(bool value);

  // `field` names the input in the error: "user_data: not valid JSON at byte 17: …". Errors: kInvalidArgument,
  // kTooLarge.
  static Result<Json> parse(std::string_view field, std::string_view text, std::size_t max_bytes);

  bool is_null() const noexcept;
  bool is_object() const noexcept;
  bool is_array() const noexcept;
  std::optional<std::string> as_string() const;
  std::optional<std::int64_t> as_integer() const;  // only whole numbers that fit
  std::optional<double> as_number() const;
  std::optional<bool> as_boolean() const;

  std::size_t size() const noexcept;  // members or elements
  bool contains(std::string_view name) const;
  // A copy of the member or element; null if absent.
  Json member(std::string_view name) const;
  Json element(std::size_t index) const;
  void for_each_member(const std::function<void(std::string_view name, const Json& value)>& visit) const;

  Json& set(std::string_view name, Json value);  // REQUIRES: an object
  Json& push(Json value);                        // REQUIRES: an array

  // RFC 7396, in place.
  void merge_patch(const Json& patch);

  // Compact; members sorted by name; non-ASCII as UTF-8.
  std::string dump() const;

  friend bool operator==(const Json& a, const Json& b);

 private:
  struct Impl;
  explicit Json(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou::base
