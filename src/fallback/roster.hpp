// Who wants to carry over, and the calling of them: each in turn, with no lock held, and never after its removal has
// returned.
//
// Thread-safe. `run` by one thread at a time.
#pragma once

#include <envoyou/fallback.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace envoyou::fallback {

enum class Whom : std::uint8_t { kAll, kPending };

class Roster {
 public:
  void add(CarryOver* participant);
  // Blocks while `participant` is being called. REQUIRES: not called from within its carry_over.
  void remove(CarryOver* participant);

  bool empty() const;
  bool has_pending() const;

  // Calls carry_over(deadline) of each, or of each with something pending, for as long as `goes_on` is true between
  // two. Each failure is handed to `failed`, and the next one is called all the same: what one module can not do may
  // not stop the others. True: all were called and none failed.
  bool run(Whom whom, Deadline deadline, const std::function<bool()>& goes_on,
           const std::function<void(const CarryOver&, const Error&)>& failed);

 private:
  bool begin(CarryOver* participant);  // false: it has been removed
  void end();

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<CarryOver*> participants_;
  CarryOver* calling_ = nullptr;
};

}  // namespace envoyou::fallback
