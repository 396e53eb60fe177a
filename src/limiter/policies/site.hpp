// A value of a JSON document, the place where it stands, and where its faults are told. A reader asks for what it
// expects; a site that holds something else tells so and gives nothing, and the reader goes on to the next.
//
// Thread-compatible.
#pragma once

#include <envoyou/clock.hpp>

#include "base/json.hpp"
#include "limiter/policies/faults.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter::policies {

class Site {
 public:
  Site(base::Json json, std::string place, Faults& faults);

  const std::string& place() const noexcept { return place_; }
  Faults& faults() const noexcept { return *faults_; }
  void fault(std::string_view problem) const;
  // The problem, and what stands there instead.
  void fault_got(std::string_view problem) const;

  // Is it an object? Members that are not among `known` are told besides.
  bool is_object_of(std::span<const std::string_view> known) const;
  std::optional<Site> find(std::string_view member) const;  // nullopt: absent, which is no fault
  std::optional<Site> need(std::string_view member) const;  // nullopt: absent, which is one

  struct Member;
  std::optional<std::vector<Member>> members() const;  // of an object with any names
  std::optional<std::vector<Site>> elements() const;   // of a list

  std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  std::optional<double> number(double least, double most) const;
  std::optional<bool> boolean() const;
  std::optional<std::string> text() const;
  std::optional<Milliseconds> duration(Milliseconds least, Milliseconds most) const;  // text, or whole seconds
  // The index of the text among `names`.
  std::optional<std::size_t> one_of(std::span<const std::string_view> names) const;

 private:
  base::Json json_;
  std::string place_;
  Faults* faults_;
};

struct Site::Member {
  std::string name;
  Site value;
};

// "a, b, c"
std::string listed(std::span<const std::string_view> names);

}  // namespace envoyou::limiter::policies
