#include <envoyou/deadline.hpp>

#include <charconv>

namespace envoyou {

std::string to_remaining_ms(const Deadline& deadline, TimePoint now) {
  if (deadline.is_never()) return {};
  return std::to_string(std::chrono::duration_cast<Milliseconds>(deadline.remaining(now)).count());
}

Result<Deadline> from_remaining_ms(std::string_view text, TimePoint now, Milliseconds cap) {
  if (text.empty()) return Deadline::never().share(now, cap);
  const bool is_digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!is_digits || text.size() > kMaxDeadlineDigits) {
    return invalid_argument(kDeadlineHeader, "must be 1 to 12 decimal digits, milliseconds");
  }
  Milliseconds::rep left = 0;
  std::from_chars(text.data(), text.data() + text.size(), left);
  return Deadline::never().share(now, std::min(Milliseconds(left), cap));
}

}  // namespace envoyou
