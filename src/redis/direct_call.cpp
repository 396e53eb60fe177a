#include "redis/direct_call.hpp"

#include "wire/reply_wait.hpp"
#include "wire/wait_time.hpp"

#include <new>
#include <optional>
#include <utility>

namespace envoyou::redis {

namespace {

class Borrowed {
 public:
  explicit Borrowed(IoRole& role) noexcept : role_(role) {}
  ~Borrowed() { role_.give(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

 private:
  IoRole& role_;
};

// Waits for answers and reads them, as long as all is well.
Direct read_answers(const DirectWay& way, Link& link, TimePoint now) {
  Direct state = link.write_directly();
  if (state == Direct::kGoesOn && link.may_wait_directly(now)) {
    state = link.wait_directly(now);
    if (state == Direct::kGoesOn) now = way.clock.now();
  }
  while (state == Direct::kGoesOn) {
    const auto time = wire::time_to_wait(now, link.due());
    const wire::Waited waited = wire::wait_for_reply(link.descriptor(), way.role.recall(), time);
    if (waited == wire::Waited::kRecalled) return Direct::kLeft;
    now = way.clock.now();
    if (waited == wire::Waited::kReadable) {
      state = link.read_directly(now);
    } else if (now >= link.due()) {
      return Direct::kLeft;
    }
  }
  return state;
}

// A command that is lost to a want of memory is told so by itself; what it leaves of the link can not be relied on.
Direct exchange(const DirectWay& way, Link& link, Pending&& pending, TimePoint now) {
  try {
    link.encode_directly(std::move(pending), now);
    const Direct state = read_answers(way, link, now);
    if (state == Direct::kDone) way.node.engine.after_direct();
    return state;
  } catch (const std::bad_alloc&) {
    link.doom("no memory for a command or its answer");
    return Direct::kLeft;
  }
}

// Nothing: not now.
std::optional<Direct> call(const DirectWay& way, Submission& submission, const Terms& terms, TimePoint now) {
  const Borrowed borrowed(way.role);
  Link* const link = way.node.inbox.is_asleep() ? way.node.engine.begin_direct(now) : nullptr;
  if (link == nullptr) return std::nullopt;
  return exchange(way, *link, Pending(std::move(submission), terms), now);
}

}  // namespace

bool call_directly(const DirectWay& way, Submission& submission, const Terms& terms, TimePoint now) {
  if (submission.waits || submission.parts > 0 || !way.role.try_borrow()) return false;
  const auto state = call(way, submission, terms, now);
  if (state == Direct::kLeft) way.loop.wake();
  return state.has_value();
}

}  // namespace envoyou::redis
