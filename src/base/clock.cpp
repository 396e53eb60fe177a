#include <envoyou/clock.hpp>

namespace envoyou {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, TimePoint until) override {
    if (until == TimePoint::max()) {
      wake.wait(lock);
    } else {
      wake.wait_until(lock, until);
    }
  }
};

}  // namespace

std::shared_ptr<Clock> system_clock() { return std::make_shared<SystemClock>(); }

}  // namespace envoyou
