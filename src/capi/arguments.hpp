// Checks what came over the border, and turns it into C++ values. Collects every problem, so that a caller sees all of
// them.
//
//   Arguments arguments;
//   arguments.require("services", services);
//   const auto id_view = arguments.view("id", id);
//   if (auto checked = arguments.result(); !checked) return checked;
#pragma once

#include <envoyou/c/envoyou.h>
#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>
#include <envoyou/source.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::capi {

class Arguments {
 public:
  void require(std::string_view field, const void* pointer) {
    if (pointer == nullptr) add(field, "must not be NULL");
  }
  // Valid as long as the caller's bytes.
  std::string_view view(std::string_view field, envoyou_bytes bytes) {
    if (bytes.size == 0) return {};
    if (bytes.data == nullptr) {
      add(field, "is NULL with a size");
      return {};
    }
    return {reinterpret_cast<const char*>(bytes.data), bytes.size};
  }
  std::optional<Deadline> deadline(envoyou_deadline given) {
    if (given == ENVOYOU_DEADLINE_DEFAULT) return std::nullopt;
    if (given < 0) add("deadline", "must come from envoyou_deadline_after");
    return Deadline::at(TimePoint(std::chrono::nanoseconds(given)));
  }
  Result<void> result() const {
    if (problems_.empty()) return {};
    return Error(Errc::kInvalidArgument, problems_);
  }

 private:
  void add(std::string_view field, std::string_view problem) {
    if (!problems_.empty()) problems_ += "; ";
    problems_ += field;
    problems_ += ": ";
    problems_ += problem;
  }
  std::string problems_;
};

// So that after a failure an out handle can be given to its _free.
template <class Handle>
void clear(Handle** out) noexcept {
  if (out != nullptr) *out = nullptr;
}

inline envoyou_bytes to_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline envoyou_source to_c(Source source) noexcept {
  return source == Source::kRedis ? ENVOYOU_SOURCE_REDIS : ENVOYOU_SOURCE_LOCAL;
}

}  // namespace envoyou::capi
