// A fixed number of GETs in the steady state, for counting what they cost: under callgrind instructions, by itself
// allocations.
//
//   client_instructions --url URL --mode callback|lone --operations N
//
// `callback`: 64 in flight, each asks again when it is answered. `lone`: one thread that blocks. The last line is the
// number of allocations (operator new, all threads) in the last nine tenths of the operations. The value is looked at
// and not kept, so none is due.
//
// Exit 2: an option that it does not know; 1: it could not run.
#include <envoyou/redis/client.hpp>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>

namespace {

std::atomic<std::uint64_t> allocated{0};

void* counted(std::size_t size) noexcept {
  allocated.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}

}  // namespace

void* operator new(std::size_t size) {
  void* const made = counted(size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

namespace {

using namespace envoyou;

constexpr int kInFlight = 64;
constexpr std::string_view kKey = "envoyou:bench";

Result<bool> decode(const redis::ReplyView& reply, std::uint64_t) { return reply.is_string(); }

redis::Command<bool> question() { return {redis::Words("GET", kKey), decode, redis::Repeat::kIsSafe}; }

[[noreturn]] void give_up(std::string_view why) {
  std::fprintf(stderr, "client_instructions: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

// Counts down the operations, and remembers what was allocated when the steady state began.
class Count {
 public:
  explicit Count(std::uint64_t operations) : left_(operations), steady_at_(operations - operations / 10) {}
  // False: enough. One thread at a time.
  bool one() {
    if (left_ == steady_at_) before_ = allocated.load();
    return left_ > 0 && left_-- > 0;
  }
  std::uint64_t allocations() const { return allocated.load() - before_; }

 private:
  std::uint64_t left_;
  const std::uint64_t steady_at_;
  std::uint64_t before_ = 0;
};

class Callbacks {
 public:
  Callbacks(redis::Client& client, Count& count) : client_(client), count_(count) {}

  void run() {
    for (int i = 0; i < kInFlight; ++i) ask();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ == kInFlight; });
  }

 private:
  void ask() {
    client_.run(question(), {Deadline::never()}, [this](Result<bool> result) {
      if (!result || !*result) give_up("a wrong answer");
      if (go_on()) ask();
    });
  }
  // On the I/O thread.
  bool go_on() {
    if (count_.one()) return true;
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
    return false;
  }

  redis::Client& client_;
  Count& count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int ended_ = 0;
};

void run_lone(redis::Client& client, Count& count) {
  while (count.one()) {
    const auto result = client.run(question(), {Deadline::never()});
    if (!result || !*result) give_up("a wrong answer");
  }
}

using Given = std::map<std::string, std::string>;

int run(Given given) {
  std::uint64_t operations = 0;
  const std::string& number = given["--operations"];
  std::from_chars(number.data(), number.data() + number.size(), operations);
  auto options = redis::parse_url(given["--url"]);
  if (!options || operations == 0 || (given["--mode"] != "callback" && given["--mode"] != "lone")) return 2;
  // Valgrind is slow, and a link that is taken for dead would be a different program.
  options->stall_limit = Milliseconds(60'000);
  options->connect_timeout = Milliseconds(60'000);
  auto client = redis::Client::open(*options);
  if (!client) give_up(client.error().message());
  if (!(*client)->wait_until_connected(Deadline::after(*system_clock(), Milliseconds(60'000))))
    give_up("no connection");
  const auto set = redis::Command<void>(redis::Words("SET", kKey, std::string(100, 'x')), redis::decode_ok);
  if (!(*client)->run(set, {Deadline::never()})) give_up("SET was refused");
  Count count(operations);
  if (given["--mode"] == "lone") {
    run_lone(**client, count);
  } else {
    Callbacks(**client, count).run();
  }
  std::printf("%llu\n", static_cast<unsigned long long>(count.allocations()));
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  Given given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  const int status = given.size() == 3 && argc == 7 ? run(std::move(given)) : 2;
  if (status == 2) std::fprintf(stderr, "client_instructions: wants --url URL --mode callback|lone --operations N\n");
  return status;
}
