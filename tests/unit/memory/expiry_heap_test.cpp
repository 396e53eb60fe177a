// Goal: the heap always names an entry that ended first, and none that has not ended.
// Method: compare it, step by step, with a sorted set on which the same is done.
#include "memory/expiry_heap.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../times.hpp"

namespace envoyou::memory::expiry_heap_test {
namespace {

using std::chrono::seconds;

TEST(ExpiryHeap, NamesOnlyWhatHasEnded) {
  ExpiryHeap heap;
  EXPECT_EQ(heap.expired(t0), kNoSlot);
  heap.add(7, t0 + seconds(10));
  EXPECT_EQ(heap.expired(t0 + seconds(9)), kNoSlot);
  EXPECT_EQ(heap.expired(t0 + seconds(10)), 7U);
}

TEST(ExpiryHeap, AgreesWithASortedSetOverManySteps) {
  ExpiryHeap heap;
  std::map<Slot, TimePoint> ends;
  base::Jitter random(42);
  for (int step = 0; step < 20'000; ++step) {
    const Slot slot = static_cast<Slot>(random.next() % 64);
    if (ends.erase(slot) > 0) {
      heap.remove(slot);
    } else {
      const TimePoint end = t0 + seconds(random.next() % 50);
      heap.add(slot, end);
      ends[slot] = end;
    }
    const TimePoint now = t0 + seconds(random.next() % 50);
    std::multiset<TimePoint> sorted;
    for (const auto& [unused, end] : ends) sorted.insert(end);
    const Slot named = heap.expired(now);
    if (sorted.empty() || *sorted.begin() > now) {
      ASSERT_EQ(named, kNoSlot) << "at step " << step;
    } else {
      ASSERT_NE(named, kNoSlot) << "at step " << step;
      ASSERT_EQ(ends.at(named), *sorted.begin()) << "at step " << step;
    }
  }
}

}  // namespace
}  // namespace envoyou::memory::expiry_heap_test
