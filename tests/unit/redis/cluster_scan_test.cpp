// Goal: a scan of a cluster's keys gives each key that is there throughout, whatever slots move meanwhile, asks no more
// than it must, and says so where it can not promise it.
// Method: the scan's questions are answered by a model of a cluster, of which slots begin, go on and end to move
// between any two questions: by hand, and at random from seeds.
#include "redis/topology/cluster_scan.hpp"
#include "redis/topology/slots.hpp"
#include "support/sim/sim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace envoyou::redis::cluster_scan_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Keys = std::set<std::string>;

constexpr std::size_t kNodes = 4;
constexpr std::size_t kBuckets = 16;

std::string name_of(std::size_t node) { return "10.0.0.1:" + std::to_string(node); }

// A cluster whose nodes keep their keys in buckets, each in an order of its own, as servers do.
class Model {
 public:
  Model() {
    for (std::size_t slot = 0; slot < kSlots; ++slot) owner[slot] = slot * kNodes / kSlots;
    for (int i = 0; i < 60; ++i) add("key" + std::to_string(i));
  }
  void add(const std::string& key) { keys[owner[slot_of(key)]].insert(key); }

  void begin_move(Slot slot, std::size_t to) { moving[slot] = to; }
  // False: there is no more.
  bool move_a_key(Slot slot) {
    for (const std::string& key : keys[owner[slot]]) {
      if (slot_of(key) != slot) continue;
      keys[moving.at(slot)].insert(key);
      keys[owner[slot]].erase(key);
      return true;
    }
    return false;
  }
  void end_move(Slot slot) {
    while (move_a_key(slot)) {
    }
    owner[slot] = moving.at(slot);
    moving.erase(slot);
  }

  std::string view(std::size_t node) const {
    std::string text =
        "id9 10.0.0.1:9@1 master - 0 0 1 connected\n" + id(node) + " 10.0.0.1:1@1,host myself,master - 0 0 1 connected";
    for (std::size_t first = 0; first < kSlots;) {
      std::size_t behind = first;
      while (behind < kSlots && owner[behind] == node) ++behind;
      if (behind == first + 1) text += " " + std::to_string(first);
      if (behind > first + 1) text += " " + std::to_string(first) + "-" + std::to_string(behind - 1);
      first = std::max(behind, first + 1);
    }
    for (const auto& [slot, to] : moving) {
      if (owner[slot] == node) text += " [" + std::to_string(slot) + "->-" + id(to) + "]";
      if (to == node) text += " [" + std::to_string(slot) + "-<-" + id(owner[slot]) + "]";
    }
    return text + "\n";
  }
  cmd::Page<std::string> page(std::size_t node, std::size_t cursor) const {
    cmd::Page<std::string> made;
    for (const std::string& key : keys[node]) {
      if (std::hash<std::string>()(key + id(node)) % kBuckets == cursor) made.items.push_back(key);
    }
    made.cursor = std::to_string((cursor + 1) % kBuckets);
    return made;
  }
  Keys all() const {
    Keys every;
    for (const Keys& some : keys) every.insert(some.begin(), some.end());
    return every;
  }

  std::array<std::size_t, kSlots> owner{};
  std::array<Keys, kNodes> keys;
  std::map<Slot, std::size_t> moving;  // to whom
  std::vector<std::string> primaries{name_of(0), name_of(1), name_of(2), name_of(3)};

 private:
  static std::string id(std::size_t node) { return "id" + std::to_string(node); }
};

struct Outcome {
  Keys keys;
  std::optional<Error> error;
  std::vector<std::string> passes;  // who was gone through
  int questions = 0;
};

// Scans to the end; `between` is called before each answer, with whom it comes from and whether it is a page.
template <class Between>
Outcome scan(Model& model, Between between) {
  ClusterScan source([&] { return model.primaries; }, {.match = "*"});
  Outcome outcome;
  for (;;) {
    std::string bytes(source.question().words.encoded());
    bytes.insert(0, "*" + std::to_string(source.question().words.count()) + "\r\n");
    const Argv argv = take_command(bytes).value();
    const std::string node(source.node());
    const std::size_t number = node.empty() ? 0 : static_cast<std::size_t>(node.back() - '0');
    const bool is_page = argv[0] == "SCAN";
    ++outcome.questions;
    if (is_page && argv[1] == "0") outcome.passes.push_back(node);
    std::optional<Error> fails = between(number, is_page);
    Result<cmd::Page<std::string>> answer =
        is_page ? model.page(number, std::stoul(argv[1])) : cmd::Page<std::string>{model.view(number), {}};
    if (fails) answer = *fails;
    auto found = source.take(std::move(answer));
    if (!found) {
      outcome.error = found.error();
      return outcome;
    }
    outcome.keys.insert(found->items.begin(), found->items.end());
    if (found->is_last) return outcome;
  }
}

const auto kNothingHappens = [](std::size_t, bool) -> std::optional<Error> { return std::nullopt; };

TEST(ClusterScan, GoesOnceThroughEachPrimaryWhereNothingMoves) {
  Model model;
  const Outcome outcome = scan(model, kNothingHappens);
  EXPECT_EQ(outcome.keys, model.all());
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.passes.size(), kNodes);
  EXPECT_EQ(outcome.questions, 1 + static_cast<int>(kNodes * (kBuckets + 2)));
}

// The node that is gone through first gets what the last one had.
TEST(ClusterScan, GoesAgainToWhomASlotWentThatWasNotSeenYet) {
  Model model;
  const Slot slot = slot_of("key7");
  std::vector<std::size_t> order;
  const Outcome outcome = scan(model, [&](std::size_t node, bool is_page) -> std::optional<Error> {
    if (is_page && (order.empty() || order.back() != node)) order.push_back(node);
    if (order.size() == 2 && model.owner[slot] != order[0]) {
      model.begin_move(slot, order[0]);
      model.end_move(slot);
    }
    return std::nullopt;
  });
  ASSERT_NE(model.owner[slot], slot * kNodes / kSlots);
  EXPECT_THAT(outcome.keys, ::testing::Contains("key7"));
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_LE(outcome.passes.size(), kNodes + 1);
}

TEST(ClusterScan, FindsTheKeysOfASlotThatStaysHalfMoved) {
  for (std::size_t to = 0; to < kNodes; ++to) {
    Model model;
    const Slot slot = slot_of("{tag}");
    if (model.owner[slot] == to) continue;
    for (int i = 0; i < 20; ++i) model.add("{tag}" + std::to_string(i));
    model.begin_move(slot, to);
    const Outcome outcome = scan(model, [&](std::size_t, bool is_page) -> std::optional<Error> {
      if (is_page && model.keys[to].size() < 30) (void)model.move_a_key(slot);
      return std::nullopt;
    });
    EXPECT_EQ(outcome.keys, model.all()) << to;
    EXPECT_EQ(outcome.error, std::nullopt);
    EXPECT_TRUE(model.moving.contains(slot));
  }
}

TEST(ClusterScan, NamesASlotThatNobodyHas) {
  Model model;
  model.owner[77] = kNodes;
  int questions = 0;
  const Outcome outcome = scan(model, [&](std::size_t, bool) -> std::optional<Error> {
    ++questions;
    return std::nullopt;
  });
  EXPECT_EQ(outcome.keys, model.all());
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Errc::kUnavailable);
  EXPECT_THAT(std::string(outcome.error->message()), HasSubstr("slot 77 and 0 others"));
  EXPECT_EQ(outcome.passes.size(), kNodes);
  EXPECT_LE(questions, 1 + static_cast<int>(kNodes * (kBuckets + 2) + ClusterScan::kMaxRounds * kNodes));
}

TEST(ClusterScan, EndsWithTheErrorAndTheNameOfANodeThatFails) {
  Model model;
  const Outcome outcome = scan(model, [&](std::size_t node, bool is_page) -> std::optional<Error> {
    if (node == 2 && is_page) return Error(Errc::kConnectionLost, "the link was lost");
    return std::nullopt;
  });
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Errc::kConnectionLost);
  EXPECT_EQ(std::string(outcome.error->message()), "10.0.0.1:2: the link was lost");
}

TEST(ClusterScan, GoesOnWithWhoeverFollowedANodeThatTheMapHasDropped) {
  Model model;
  model.primaries.pop_back();
  for (auto& owner : model.owner) owner = owner == 3 ? 2 : owner;
  model.keys[2].merge(model.keys[3]);
  const Outcome outcome = scan(model, [&](std::size_t node, bool is_page) -> std::optional<Error> {
    if (node != 2 || !is_page || model.keys[2].empty()) return std::nullopt;
    for (auto& owner : model.owner) owner = owner == 2 ? 3 : owner;
    model.keys[3].merge(model.keys[2]);
    model.primaries[2] = name_of(3);
    return Error(Errc::kInvalidArgument, "node: is none of Client::nodes()");
  });
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.keys, model.all());
  EXPECT_THAT(outcome.passes, ElementsAre(name_of(2), name_of(1), name_of(0), name_of(3)));
}

// Moves begin, go on and end at random, several at a time; later they stop, or do not.
TEST(ClusterScan, MissesNoKeyWhateverMovesMeanwhile) {
  int moved = 0;
  int failed = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    Model model;
    std::mt19937 random(seed);
    const Keys before = model.all();
    const std::vector<std::string> names(before.begin(), before.end());
    int changes = seed % 10 == 0 ? 1'000'000 : 60;
    const Outcome outcome = scan(model, [&](std::size_t, bool) -> std::optional<Error> {
      for (int i = 0; i < 2 && changes > 0; ++i, --changes) {
        const Slot slot = slot_of(names[random() % names.size()]);
        const std::size_t to = random() % kNodes;
        const bool is_moving = model.moving.contains(slot);
        if (!is_moving && to != model.owner[slot]) model.begin_move(slot, to);
        if (is_moving && !model.move_a_key(slot)) model.end_move(slot), ++moved;
      }
      return std::nullopt;
    });
    if (outcome.error) {
      ++failed;
      EXPECT_EQ(changes > 60, true) << "seed " << seed << ": " << outcome.error->message();
    } else {
      ASSERT_EQ(outcome.keys, before) << "seed " << seed;
    }
  }
  EXPECT_GT(moved, 1'000);
  EXPECT_LT(failed, 21);
}

TEST(OwnView, IsReadFromWhatServersSay) {
  const auto view = read_own_view(
      "a 127.0.0.1:1@2 master - 0 1 1 connected 5461-10922\r\n"
      "b 127.0.0.1:3@4,name.example,shard-id=x myself,master - 0 0 2 connected 0-2 7 [2->-a] [9-<-c]\r\n");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->id, "b");
  EXPECT_EQ(view->serves.count(), 4u);
  EXPECT_TRUE(view->serves[0] && view->serves[2] && view->serves[7]);
  EXPECT_THAT(view->gives, ElementsAre(std::pair<const Slot, std::string>(2, "a")));
  EXPECT_THAT(view->takes, ElementsAre(std::pair<const Slot, std::string>(9, "c")));
}

TEST(OwnView, IsNothingWhereNobodySaysMyselfAndPassesOverWhatHasNoMeaning) {
  for (const char* text : {"", "\n", "a", "a b", "a 127.0.0.1:1@2 master,notmyself - 0 1 1 connected 0-5"}) {
    EXPECT_EQ(read_own_view(text), std::nullopt) << text;
  }
  const auto view = read_own_view("a b myself - 0 0 1 connected 99999 5-3 x -1 [ ] [] [] [1] [1-] [1->] [1->-] 3-x 4");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->serves.count(), 1u);
  EXPECT_TRUE(view->serves[4]);
}

}  // namespace
}  // namespace envoyou::redis::cluster_scan_test
