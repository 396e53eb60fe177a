#include <envoyou/result.hpp>

#include <cstdio>
#include <cstdlib>

namespace envoyou {

Error invalid_argument(std::string_view field, std::string_view problem) {
  std::string text(field);
  text += ": ";
  text += problem;
  return Error(Errc::kInvalidArgument, std::move(text));
}

namespace detail {

void misuse(const char* what, std::string_view why) {
  std::fprintf(stderr, "envoyou: %s: %.*s\n", what, static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace detail

}  // namespace envoyou
