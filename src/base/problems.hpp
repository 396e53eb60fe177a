// Collects every problem of an input, so that a user is told all of them at once.
#pragma once

#include <envoyou/result.hpp>

#include <string>
#include <string_view>

namespace envoyou::base {

class Problems {
 public:
  void add(std::string_view field, std::string_view problem) {
    if (!text_.empty()) text_ += "; ";
    text_ += field;
    text_ += ": ";
    text_ += problem;
  }
  // Takes over what another check found.
  void add(const Result<void>& checked) {
    if (checked) return;
    if (!text_.empty()) text_ += "; ";
    text_ += checked.error().message();
  }
  void require(bool holds, std::string_view field, std::string_view problem) {
    if (!holds) add(field, problem);
  }
  bool empty() const noexcept { return text_.empty(); }
  Result<void> result() const {
    if (text_.empty()) return {};
    return Error(Errc::kInvalidArgument, text_);
  }

 private:
  std::string text_;
};

}  // namespace envoyou::base
