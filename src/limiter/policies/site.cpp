#include "limiter/policies/site.hpp"

#include "base/bytes.hpp"
#include "limiter/policies/duration_text.hpp"
#include "limiter/policies/place.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace envoyou::limiter::policies {

namespace {

constexpr std::size_t kMaxComparedBytes = 32;

// How many letters must be changed, added or left out (Levenshtein). REQUIRES: b is at most kMaxComparedBytes long.
std::size_t distance(std::string_view a, std::string_view b) noexcept {
  std::array<std::size_t, kMaxComparedBytes + 1> row{};
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

// What the writer may have meant; empty: nothing is near. Nearer than half of it, so that nothing becomes something.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kMaxComparedBytes) return {};
  const auto found = std::ranges::min_element(known, {}, [&](std::string_view each) { return distance(each, name); });
  return found != known.end() && 2 * distance(*found, name) <= found->size() ? *found : std::string_view();
}

std::string fault_of_unknown(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view meant = nearest(name, known);
  if (meant.empty()) return "unknown member; known are " + listed(known);
  return "unknown member; did you mean " + base::printable(meant) + "?";
}

std::string shown(const base::Json& json) {
  if (const auto text = json.as_string()) return base::printable(*text);
  if (json.is_object()) return "an object";
  if (json.is_array()) return "a list";
  return json.dump();
}

std::string from_to(std::string_view least, std::string_view most) {
  return "from " + std::string(least) + " to " + std::string(most);
}

std::string short_number(double value) { return base::Json::number(value).dump(); }

// Whole seconds that do not fit are as many as fit: out of any range.
Milliseconds from_seconds(std::int64_t seconds) noexcept {
  constexpr std::int64_t kMost = Milliseconds::max().count() / 1000;
  return Milliseconds(std::clamp(seconds, -kMost, kMost) * 1000);
}

}  // namespace

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

Site::Site(base::Json json, std::string place, Faults& faults)
    : json_(std::move(json)), place_(std::move(place)), faults_(&faults) {}

void Site::fault(std::string_view problem) const { faults_->add(place_.empty() ? "document" : place_, problem); }

void Site::fault_got(std::string_view problem) const { fault(std::string(problem) + ", got " + shown(json_)); }

bool Site::is_object_of(std::span<const std::string_view> known) const {
  const auto all = members();
  if (!all) return false;
  for (const Member& member : *all) {
    const bool is_known = std::ranges::find(known, member.name) != known.end();
    if (!is_known) member.value.fault(fault_of_unknown(member.name, known));
  }
  return true;
}

std::optional<Site> Site::find(std::string_view member) const {
  if (!json_.contains(member)) return std::nullopt;
  return Site(json_.member(member), place_of_member(place_, member), *faults_);
}

std::optional<Site> Site::need(std::string_view member) const {
  auto found = find(member);
  if (!found) faults_->add(place_of_member(place_, member), "is missing");
  return found;
}

std::optional<std::vector<Site::Member>> Site::members() const {
  if (!json_.is_object()) {
    fault_got("must be an object");
    return std::nullopt;
  }
  std::vector<Member> all;
  all.reserve(json_.size());
  json_.for_each_member([&](std::string_view name, const base::Json& value) {
    all.push_back({std::string(name), Site(value, place_of_member(place_, name), *faults_)});
  });
  return all;
}

std::optional<std::vector<Site>> Site::elements() const {
  if (!json_.is_array()) {
    fault_got("must be a list");
    return std::nullopt;
  }
  std::vector<Site> all;
  all.reserve(json_.size());
  for (std::size_t i = 0; i < json_.size(); ++i) {
    all.emplace_back(json_.element(i), place_of_element(place_, i), *faults_);
  }
  return all;
}

std::optional<std::int64_t> Site::integer(std::int64_t least, std::int64_t most) const {
  const auto value = json_.as_integer();
  if (value && *value >= least && *value <= most) return value;
  const std::string only = std::to_string(least);
  fault_got("must be " + (least == most ? only : "a whole number " + from_to(only, std::to_string(most))));
  return std::nullopt;
}

std::optional<double> Site::number(double least, double most) const {
  const auto value = json_.as_number();
  if (value && *value >= least && *value <= most) return value;
  fault_got("must be a number " + from_to(short_number(least), short_number(most)));
  return std::nullopt;
}

std::optional<bool> Site::boolean() const {
  const auto value = json_.as_boolean();
  if (!value) fault_got("must be true or false");
  return value;
}

std::optional<std::string> Site::text() const {
  auto value = json_.as_string();
  if (!value) fault_got("must be text");
  return value;
}

std::optional<Milliseconds> Site::duration(Milliseconds least, Milliseconds most) const {
  std::optional<Milliseconds> value;
  if (const auto text = json_.as_string()) value = parse_duration(*text);
  if (const auto seconds = json_.as_integer()) value = from_seconds(*seconds);
  if (!value) {
    fault_got(R"(must be a duration ("500ms", "10s", "5m", "1h", "30d") or whole seconds)");
    return std::nullopt;
  }
  if (*value >= least && *value <= most) return value;
  fault_got("must be " + from_to(duration_text(least), duration_text(most)));
  return std::nullopt;
}

std::optional<std::size_t> Site::one_of(std::span<const std::string_view> names) const {
  const auto value = json_.as_string();
  const auto found = value ? std::ranges::find(names, *value) : names.end();
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  fault_got("must be one of " + listed(names));
  return std::nullopt;
}

}  // namespace envoyou::limiter::policies
