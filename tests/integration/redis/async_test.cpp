// Goal: coroutines work against a real Redis: single commands, pipelines, executors of another thread, and many that
// are destroyed while answers are on their way.
// Method: a redis-server; what is sent is compared with what comes back; under the sanitizers this is the test of the
// hand-over between threads.
#include "redis_commands.hpp"

#include "support/coroutine.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/async.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace envoyou::redis::async_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using testing::eventually;
using testing::RedisServer;

// A host's own thread with a queue.
class OneThread final : public Executor {
 public:
  OneThread() : thread_([this] { work(); }) {}
  ~OneThread() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void post(Job job) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }
  // Runs `what` on the thread and waits for it.
  template <class What>
  void run(What what) {
    struct Body final : Job::Body {
      explicit Body(What& w) : what(w) {}
      void run() noexcept override {
        what();
        done.store(true, std::memory_order_release);
      }
      void drop() noexcept override {}
      What& what;
      std::atomic<bool> done{false};
    } body(what);
    post(Job(body));
    while (!body.done.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  std::thread::id id() const { return thread_.get_id(); }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

class AsyncTest : public ::testing::Test {
 protected:
  RedisServer server = RedisServer::start();
  std::shared_ptr<Client> client = open_at(server.url());
};

Coroutine set_and_get(Client& client, std::string& got, std::thread::id& where) {
  const auto stored = co_await client.async(set("key", "value"), {within(5s)});
  EXPECT_TRUE(stored);
  const auto value = co_await client.async(get("key"), {within(5s)});
  got = value->value_or("null");
  where = std::this_thread::get_id();
}

TEST_F(AsyncTest, AnswersOnTheIoThread) {
  std::string got;
  std::thread::id where;
  const Coroutine coroutine = set_and_get(*client, got, where);
  ASSERT_TRUE(eventually([&] { return coroutine.done(); }));
  EXPECT_EQ(got, "value");
  EXPECT_NE(where, std::this_thread::get_id());
}

Coroutine count_on(Client& client, Executor& executor, int rounds, std::thread::id thread, std::int64_t& last) {
  for (int i = 0; i < rounds; ++i) {
    const auto counted = co_await client.async(incr("n"), {within(5s)}).on(executor);
    EXPECT_EQ(std::this_thread::get_id(), thread);
    last = counted.value();
  }
}

TEST_F(AsyncTest, AnswersOnTheExecutorsThread) {
  OneThread executor;
  std::int64_t last = 0;
  const Coroutine coroutine = count_on(*client, executor, 100, executor.id(), last);
  ASSERT_TRUE(eventually([&] { return coroutine.done(); }));
  EXPECT_EQ(last, 100);
  client->close();  // before its executor goes
}

Coroutine run_pipeline(Client& client, std::int64_t& sum) {
  Pipeline pipeline;
  auto a = pipeline.add(incr("a"));
  auto b = pipeline.add(incr("b"));
  co_await client.async(pipeline, {within(5s)});
  sum = Pipeline::take(a).value() + Pipeline::take(b).value();
  auto c = pipeline.add(incr("a"));
  co_await client.async(pipeline, {within(5s)});
  sum += Pipeline::take(c).value();
  co_await client.async(pipeline);  // nothing to do
}

TEST_F(AsyncTest, AwaitsAPipelineMoreThanOnce) {
  std::int64_t sum = 0;
  const Coroutine coroutine = run_pipeline(*client, sum);
  ASSERT_TRUE(eventually([&] { return coroutine.done(); }));
  EXPECT_EQ(sum, 4);
}

TEST_F(AsyncTest, EndsWhatWaitsWhenTheClientIsClosed) {
  server.freeze();
  std::string got;
  std::thread::id where;
  const auto ask = [](Client& to, std::string& code) -> Coroutine {
    const auto value = co_await to.async(get("key"), {within(60s)});
    code = to_string(value.error().code());
  };
  const Coroutine coroutine = ask(*client, got);
  client->close();
  EXPECT_TRUE(coroutine.done());
  EXPECT_EQ(got, "closed");
  server.thaw();
}

Coroutine ask_for_ever(Client& client, Executor& executor, int number, const std::atomic<bool>& stop,
                       std::atomic<int>& answers) {
  const std::string key = "key" + std::to_string(number);
  (void)co_await client.async(set(key, key), {within(5s)}).on(executor);
  while (!stop) {
    const auto value = co_await client.async(get(key), {within(5s)}).on(executor);
    if (value && *value == key) ++answers;
  }
}

TEST_F(AsyncTest, ManyMayBeDestroyedOnTheirExecutorWhileAnswersAreOnTheirWay) {
  constexpr std::size_t kCoroutines = 64;
  OneThread executor;
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0};
  std::vector<std::unique_ptr<Coroutine>> running(kCoroutines);
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  const auto until = Clock_::now() + 500ms;
  int destroyed = 0;
  while (Clock_::now() < until) {
    executor.run([&] {
      for (auto& each : running) {
        if (each && random() % 4 != 0) continue;
        destroyed += each ? 1 : 0;
        each = std::make_unique<Coroutine>(
            ask_for_ever(*client, executor, static_cast<int>(&each - running.data()), stop, answers));
      }
    });
  }
  EXPECT_GT(answers.load(), 100);
  EXPECT_GT(destroyed, 100);
  executor.run([&] { running.clear(); });
  client->close();
}

}  // namespace
}  // namespace envoyou::redis::async_test
