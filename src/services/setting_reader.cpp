#include "services/setting_reader.hpp"

#include <chrono>
#include <utility>

#include "base/bytes.hpp"
#include "base/name.hpp"

namespace envoyou::services {

std::optional<SettingReader::Found> SettingReader::find(std::initializer_list<std::string_view> names) const {
  for (const auto name : names) {
    auto value = lookup_(name);
    if (value && !value->empty()) return Found{name, *std::move(value)};
  }
  return std::nullopt;
}

void SettingReader::seconds(std::string_view name, std::int64_t least, Milliseconds most, Milliseconds& into) {
  const auto found = find(name);
  if (!found) return;
  const auto most_seconds = std::chrono::duration_cast<std::chrono::seconds>(most).count();
  const auto number = base::parse_int64(found->value);
  if (!number || *number < least || *number > most_seconds) {
    problem(name,
            "must be a whole number of seconds from " + std::to_string(least) + " to " + std::to_string(most_seconds),
            found->value);
    return;
  }
  into = std::chrono::seconds(*number);
}

void SettingReader::prefix(std::initializer_list<std::string_view> names, std::string& into) {
  auto found = find(names);
  if (!found) return;
  if (auto checked = base::validate_prefix(shown(found->name), found->value); !checked) {
    problems_.add(checked);
    return;
  }
  into = std::move(found->value);
}

std::optional<bool> SettingReader::flag(std::string_view name) {
  const auto found = find(name);
  if (!found) return std::nullopt;
  for (const std::string_view yes : {"true", "1", "on"}) {
    if (found->value == yes) return true;
  }
  for (const std::string_view no : {"false", "0", "off"}) {
    if (found->value == no) return false;
  }
  problem(name, "must be one of true, false, 1, 0, on, off", found->value);
  return std::nullopt;
}

void SettingReader::problem(std::string_view name, std::string_view text, std::string_view value) {
  std::string whole(text);
  if (!value.empty()) whole += ", got " + base::printable(value);
  problems_.add(shown(name), whole);
}

std::string SettingReader::shown(std::string_view name) const {
  std::string text(name);
  if (style_ == NameStyle::kCapitals) return text;
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace envoyou::services
