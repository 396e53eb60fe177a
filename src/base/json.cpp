#include "base/json.hpp"

#include "base/bytes.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace envoyou::base {
namespace {

using Value = nlohmann::json;

// Refuses depth before the tree is built: nlohmann's parser has no limit of its own, and its destructor recurses.
std::optional<std::size_t> first_too_deep(std::string_view text) noexcept {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kMaxJsonDepth) return i;
  }
  return std::nullopt;
}

// nlohmann's messages quote the input; ours say where and leave the content out, since it may be a user's data.
Error not_json(std::string_view field, std::size_t byte) {
  return invalid_argument(field, "not valid JSON at byte " + std::to_string(byte));
}

}  // namespace

struct Json::Impl {
  Value value;
};

Json::Json() : impl_(std::make_unique<Impl>()) {}
Json::Json(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Json::Json(const Json& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Json::Json(Json&& other) noexcept : impl_(std::move(other.impl_)) {}
Json& Json::operator=(Json other) noexcept {
  impl_ = std::move(other.impl_);
  return *this;
}
Json::~Json() = default;

Json Json::object() { return Json(std::make_unique<Impl>(Impl{Value::object()})); }
Json Json::array() { return Json(std::make_unique<Impl>(Impl{Value::array()})); }
Json Json::string(std::string_view text) { return Json(std::make_unique<Impl>(Impl{Value(text)})); }
Json Json::integer(std::int64_t value) { return Json(std::make_unique<Impl>(Impl{Value(value)})); }
Json Json::number(double value) { return Json(std::make_unique<Impl>(Impl{Value(value)})); }
Json Json::boolean(bool value) { return Json(std::make_unique<Impl>(Impl{Value(value)})); }

Result<Json> Json::parse(std::string_view field, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Error(Errc::kTooLarge, std::string(field) + ": " + std::to_string(text.size()) + " bytes, at most " +
                                      std::to_string(max_bytes));
  }
  if (!is_valid_utf8(text)) return invalid_argument(field, "not valid UTF-8");
  if (const auto deep = first_too_deep(text)) {
    return invalid_argument(
        field, "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels at byte " + std::to_string(*deep));
  }
  try {
    return Json(std::make_unique<Impl>(Impl{Value::parse(text)}));
  } catch (const nlohmann::json::parse_error& error) {
    return not_json(field, error.byte);
  } catch (const nlohmann::json::exception&) {
    return invalid_argument(field, "holds a number that does not fit");
  }
}

bool Json::is_null() const noexcept { return impl_->value.is_null(); }
bool Json::is_object() const noexcept { return impl_->value.is_object(); }
bool Json::is_array() const noexcept { return impl_->value.is_array(); }

std::optional<std::string> Json::as_string() const {
  if (!impl_->value.is_string()) return std::nullopt;
  return impl_->value.get_ref<const std::string&>();
}

std::optional<std::int64_t> Json::as_integer() const {
  const Value& value = impl_->value;
  if (value.is_number_unsigned()) {
    const auto wide = value.get<std::uint64_t>();
    if (wide > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(wide);
  }
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<double> Json::as_number() const {
  if (!impl_->value.is_number()) return std::nullopt;
  return impl_->value.get<double>();
}

std::optional<bool> Json::as_boolean() const {
  if (!impl_->value.is_boolean()) return std::nullopt;
  return impl_->value.get<bool>();
}

std::size_t Json::size() const noexcept { return is_object() || is_array() ? impl_->value.size() : 0; }

bool Json::contains(std::string_view name) const { return impl_->value.contains(std::string(name)); }

Json Json::member(std::string_view name) const {
  if (!is_object()) return {};
  const auto found = impl_->value.find(std::string(name));
  if (found == impl_->value.end()) return {};
  return Json(std::make_unique<Impl>(Impl{*found}));
}

Json Json::element(std::size_t index) const {
  if (!is_array() || index >= impl_->value.size()) return {};
  return Json(std::make_unique<Impl>(Impl{impl_->value[index]}));
}

void Json::for_each_member(const std::function<void(std::string_view name, const Json& value)>& visit) const {
  if (!is_object()) return;
  for (const auto& [name, value] : impl_->value.items()) {
    visit(name, Json(std::make_unique<Impl>(Impl{value})));
  }
}

Json& Json::set(std::string_view name, Json value) {
  if (!is_object()) detail::misuse("Json::set", "not an object");
  impl_->value[std::string(name)] = std::move(value.impl_->value);
  return *this;
}

Json& Json::push(Json value) {
  if (!is_array()) detail::misuse("Json::push", "not an array");
  impl_->value.push_back(std::move(value.impl_->value));
  return *this;
}

void Json::merge_patch(const Json& patch) { impl_->value.merge_patch(patch.impl_->value); }

std::string Json::dump() const { return impl_->value.dump(-1, ' ', false, Value::error_handler_t::replace); }

bool operator==(const Json& a, const Json& b) { return a.impl_->value == b.impl_->value; }

}  // namespace envoyou::base
