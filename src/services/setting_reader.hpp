// Reads settings by name from wherever texts have names, and collects every problem instead of stopping at the first.
//
// Strict: a number is decimal digits and nothing else, a flag is one of six words. A variable that is empty counts as
// unset, since that is how compose files and shells write "not this one". Names are in capitals, as in the environment;
// problems show them as the user wrote them (in JSON: in lower case).
//
// Confined to one thread.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/config.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/problems.hpp"

namespace envoyou::services {

enum class NameStyle : std::uint8_t { kCapitals, kLowerCase };

class SettingReader {
 public:
  SettingReader(const Config::Lookup& lookup, NameStyle style) : lookup_(lookup), style_(style) {}

  struct Found {
    std::string_view name;
    std::string value;
  };
  // The first of `names` that is set.
  std::optional<Found> find(std::initializer_list<std::string_view> names) const;
  std::optional<Found> find(std::string_view name) const { return find({name}); }

  // Each leaves `into` alone if the setting is absent or wrong.
  void seconds(std::string_view name, std::int64_t least, Milliseconds most, Milliseconds& into);
  void prefix(std::initializer_list<std::string_view> names, std::string& into);
  std::optional<bool> flag(std::string_view name);

  // `value` is shown; leave it empty for secrets.
  void problem(std::string_view name, std::string_view text, std::string_view value = {});
  Result<void> result() const { return problems_.result(); }

 private:
  std::string shown(std::string_view name) const;

  const Config::Lookup& lookup_;
  NameStyle style_;
  base::Problems problems_;
};

}  // namespace envoyou::services
