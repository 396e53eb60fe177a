#include <envoyou/testing/fault.hpp>

#include "testing/resp.hpp"

#include <utility>

namespace envoyou::testing {
namespace hostile {

std::string deep_nesting(std::size_t depth) {
  std::string bytes;
  bytes.reserve(depth * 4 + 4);
  for (std::size_t level = 0; level < depth; ++level) bytes += "*1\r\n";
  return bytes + ":1\r\n";
}

std::string endless_line(std::size_t size) { return "+" + std::string(size, 'a'); }

}  // namespace hostile

Fault Fault::delay(std::chrono::milliseconds by) { return {.late = by}; }
Fault Fault::hold() { return {.held = true}; }
Fault Fault::split(std::size_t bytes, std::chrono::microseconds pause) { return {.piece = bytes, .gap = pause}; }
Fault Fault::cut(std::size_t bytes, CloseHow how) { return {.cut_after = bytes, .cut_how = how}; }
Fault Fault::duplicate(int more) { return {.copies = more}; }
Fault Fault::extra(std::string bytes) { return {.appended = std::move(bytes)}; }
Fault Fault::raw(std::string_view bytes) { return {.replacement = std::string(bytes)}; }
Fault Fault::error(std::string_view text) { return raw(envoyou::testing::error(text)); }

Fault Fault::on(std::string_view name) && {
  command = name;
  return std::move(*this);
}

Fault Fault::times(int count) && {
  remaining = count;
  return std::move(*this);
}

}  // namespace envoyou::testing
