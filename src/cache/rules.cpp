#include "cache/rules.hpp"

#include "base/bytes.hpp"
#include "base/problems.hpp"
#include "cache/headers.hpp"

#include <algorithm>

namespace envoyou::cache {
namespace {

// The next segment of "/a/b": takes "/a" off and gives "a".
std::string_view take_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) segments.emplace_back(take_segment(path));
  return segments;
}

std::string_view problem_of_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern.front() != '/') return "must begin with '/'";
  if (pattern.size() > kMaxPatternBytes) return "is over 512 bytes";
  if (pattern.find_first_of("?# ") != std::string_view::npos || base::has_control_characters(pattern)) {
    return "must not hold '?', '#', spaces or control characters";
  }
  for (std::string_view rest = pattern; !rest.empty();) {
    const std::string_view segment = take_segment(rest);
    if (segment == "**" && !rest.empty()) return "has '**' before its end";
    if (segment.find('*') != std::string_view::npos && segment != "*" && segment != "**") {
      return "has a '*' that is not a whole segment";
    }
    if (segment.empty() && pattern != "/") return "has an empty segment";
  }
  return {};
}

std::string_view problem_of_vary(const std::vector<std::string>& names) {
  if (names.size() > kMaxVaryHeaders) return "has over 16 names";
  const bool all_tokens = std::ranges::all_of(names, [](const std::string& name) { return is_token(name); });
  return all_tokens ? std::string_view() : "holds what is not the name of a header";
}

void check(const EndpointRule& rule, const std::string& field, base::Problems& problems) {
  if (const auto problem = problem_of_pattern(rule.pattern); !problem.empty()) {
    problems.add(field + ".pattern", std::string(problem) + ", got " + base::printable(rule.pattern));
  }
  if (rule.ttl < Milliseconds(0) || rule.ttl > kMaxCacheTtl) {
    problems.add(field + ".ttl", "must be 0 to 30 days, got " + std::to_string(rule.ttl.count()) + " ms");
  }
  if (const auto problem = problem_of_vary(rule.vary_headers); !problem.empty()) {
    problems.add(field + ".vary_headers", problem);
  }
}

// In the key, the order and the case in which a rule names its headers make no difference.
void normalise(std::vector<std::string>& names) {
  for (std::string& name : names) name = to_lower(name);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

Result<Rules> Rules::from(const ResponseCacheOptions& options) {
  base::Problems problems;
  problems.require(options.rules.size() <= kMaxRules, "rules", "are over 1024");
  for (std::size_t i = 0; i < options.rules.size(); ++i) {
    check(options.rules[i], "rules[" + std::to_string(i) + "]", problems);
  }
  Rules made;
  made.rules_ = options.rules;
  made.default_ = options.default_rule;
  if (made.default_) {
    if (made.default_->pattern.empty()) made.default_->pattern = kDefaultPattern;
    check(*made.default_, "default_rule", problems);
    normalise(made.default_->vary_headers);
  }
  if (!problems.empty()) return problems.result().error();
  for (EndpointRule& rule : made.rules_) {
    normalise(rule.vary_headers);
    Pattern pattern{.segments = segments_of(rule.pattern)};
    if (pattern.segments.back() == "**") {
      pattern.any_rest = true;
      pattern.segments.pop_back();
    }
    made.patterns_.push_back(std::move(pattern));
  }
  return made;
}

bool Rules::matches(const Pattern& pattern, std::string_view path) noexcept {
  for (const std::string& wanted : pattern.segments) {
    if (path.empty()) return false;
    const std::string_view segment = take_segment(path);
    if (wanted == "*" ? segment.empty() : segment != wanted) return false;
  }
  return pattern.any_rest ? path.size() > 1 : path.empty();
}

const EndpointRule* Rules::find(std::string_view path) const noexcept {
  if (path.empty() || path.front() != '/') return nullptr;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (matches(patterns_[i], path)) return &rules_[i];
  }
  return default_ ? &*default_ : nullptr;
}

std::vector<const EndpointRule*> Rules::all() const {
  std::vector<const EndpointRule*> rules;
  for (const EndpointRule& rule : rules_) rules.push_back(&rule);
  if (default_) rules.push_back(&*default_);
  return rules;
}

bool Rules::has_pattern(std::string_view pattern) const noexcept {
  const auto is_it = [&](const EndpointRule& rule) { return rule.pattern == pattern; };
  return std::ranges::any_of(rules_, is_it) || (default_ && is_it(*default_));
}

}  // namespace envoyou::cache
