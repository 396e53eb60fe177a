// Goal: the policy names the entry that was not used for the longest, through every order of insert, access and
// removal. Method: compare it, step by step, with a plain list on which the same is done slowly.
#include "memory/eviction/lru.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>

namespace envoyou::memory::lru_test {
namespace {

TEST(LruPolicy, NamesNobodyWhenEmpty) {
  LruPolicy policy;
  EXPECT_EQ(policy.victim(), kNoSlot);
  policy.on_insert(3, {});
  policy.on_remove(3, Removal::kRemoved);
  EXPECT_EQ(policy.victim(), kNoSlot);
}

TEST(LruPolicy, AnAccessSavesAnEntryUntilTheOthersAreOlder) {
  LruPolicy policy;
  for (Slot slot : {0U, 1U, 2U}) policy.on_insert(slot, {});
  policy.on_access(0);
  EXPECT_EQ(policy.victim(), 1U);
  policy.on_remove(1, Removal::kCapacity);
  EXPECT_EQ(policy.victim(), 2U);
}

TEST(LruPolicy, AgreesWithAPlainListOverManySteps) {
  LruPolicy policy;
  std::list<Slot> order;  // oldest first
  base::Jitter random(20'261'123);
  for (int step = 0; step < 20'000; ++step) {
    const Slot slot = static_cast<Slot>(random.next() % 40);
    const auto at = std::find(order.begin(), order.end(), slot);
    if (at == order.end()) {
      policy.on_insert(slot, {});
      order.push_back(slot);
    } else if (random.next() % 3 == 0) {
      policy.on_remove(slot, Removal::kRemoved);
      order.erase(at);
    } else {
      policy.on_access(slot);
      order.splice(order.end(), order, at);
    }
    ASSERT_EQ(policy.victim(), order.empty() ? kNoSlot : order.front()) << "at step " << step;
  }
}

}  // namespace
}  // namespace envoyou::memory::lru_test
