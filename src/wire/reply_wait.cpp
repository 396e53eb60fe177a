#include "wire/reply_wait.hpp"

#include "wire/wait_time.hpp"

#include <poll.h>

namespace envoyou::wire {

Waited wait_for_reply(int descriptor, const WakeUp& recall, std::chrono::nanoseconds time) noexcept {
  pollfd watched[2] = {{descriptor, POLLIN, 0}, {recall.descriptor(), POLLIN, 0}};
#ifdef __linux__
  const timespec limit = to_timespec(time);
  const int count = ppoll(watched, 2, &limit, nullptr);
#else
  const int count = poll(watched, 2, to_milliseconds_rounded_up(time));
#endif
  if (count <= 0) return Waited::kNothing;
  return watched[0].revents != 0 ? Waited::kReadable : Waited::kRecalled;
}

}  // namespace envoyou::wire
