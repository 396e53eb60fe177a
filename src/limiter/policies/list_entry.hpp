// The entries of an allow or deny list: what each stands for, and what is wrong with it.
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/limiter/policy.hpp>

#include "limiter/policies/faults.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace envoyou::limiter::policies {

inline constexpr std::string_view kAddressSubject = "address";

struct ListEntry {
  enum class Kind : std::uint8_t { kValue, kPrefix, kNetwork };
  Kind kind = Kind::kValue;
  std::string text = {};   // of kValue, and of kPrefix without its star
  IpAddress network = {};  // of kNetwork, which an address is, too: the first one …
  int network_prefix = 0;  // … and how many bits all have in common with it
};

// The error's text is the problem alone.
Result<ListEntry> read_list_entry(std::string_view subject, std::string_view text);

// "10.0.0.0/8"; of an address without its prefix.
std::string network_text(const IpAddress& first, int prefix);

// What is wrong with a name of a subject, a policy or a tier; nullopt: nothing.
std::optional<std::string> fault_of_name(std::string_view name);

// Adds the faults that are not of one entry: names of subjects, and numbers. `place` ends where a subject is added.
void tell_list_faults(const SubjectList::Entries& entries, std::string_view place, Faults& faults);

}  // namespace envoyou::limiter::policies
