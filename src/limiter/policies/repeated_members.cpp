#include "limiter/policies/repeated_members.hpp"

#include "base/json.hpp"
#include "limiter/policies/place.hpp"

#include <set>
#include <string>
#include <vector>

namespace envoyou::limiter::policies {

namespace {

// An object or array that is open.
struct Level {
  bool is_object = false;
  bool name_is_next = false;  // of an object: the next text is a member's name
  std::size_t index = 0;      // of an array: the element
  std::string name = {};      // of an object: the member
  std::set<std::string> names = {};
};

// Where the text that begins at `begin` with a quote ends: behind its closing quote.
std::size_t end_of_text(std::string_view json, std::size_t begin) noexcept {
  std::size_t at = begin + 1;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2u : 1u;
  return at + 1;
}

std::string decoded(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos) return std::string(quoted.substr(1, quoted.size() - 2));
  const auto text = base::Json::parse("name", quoted, quoted.size());
  return text ? text->as_string().value_or("") : "";
}

std::string place_of(const std::vector<Level>& levels) {
  std::string place;
  for (const Level& level : levels) {
    place = level.is_object ? place_of_member(place, level.name) : place_of_element(place, level.index);
  }
  return place;
}

void meet_text(std::vector<Level>& levels, std::string_view quoted, Faults& faults) {
  if (levels.empty() || !levels.back().name_is_next) return;
  Level& object = levels.back();
  object.name_is_next = false;
  object.name = decoded(quoted);
  if (!object.names.insert(object.name).second) faults.add(place_of(levels), "stands there twice");
}

void meet_structure(std::vector<Level>& levels, char c) {
  if (c == '{' || c == '[') return levels.push_back({.is_object = c == '{', .name_is_next = c == '{'});
  if (levels.empty()) return;
  if (c == '}' || c == ']') return levels.pop_back();
  if (c != ',') return;
  levels.back().name_is_next = levels.back().is_object;
  ++levels.back().index;
}

}  // namespace

void tell_repeated_members(std::string_view json, Faults& faults) {
  std::vector<Level> levels;
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] != '"') {
      meet_structure(levels, json[at++]);
      continue;
    }
    const std::size_t end = end_of_text(json, at);
    meet_text(levels, json.substr(at, end - at), faults);
    at = end;
  }
}

}  // namespace envoyou::limiter::policies
