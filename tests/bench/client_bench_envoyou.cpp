// The three faces of our client, each in a closed loop: whoever is answered asks again.
#include "client_bench.hpp"

#include <envoyou/redis/async.hpp>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::bench {

namespace {

using redis::CallOptions;
using redis::Command;
using redis::ReplyView;

// Reads and checks, and keeps nothing: what a caller does with its value is not measured in any mode.
Result<bool> decode_answer(const ReplyView& reply, std::uint64_t) {
  switch (reply.type) {
    case redis::ReplyType::kString: return reply.text.size() == kValueBytes || reply.text == "OK";
    case redis::ReplyType::kArray: return reply.elements.size() == 3;
    default: return Error(Errc::kForeignReply);
  }
}

class Asker {
 public:
  explicit Asker(const Setup& setup) : question_(setup.question), keys_(keys_for(setup.server)) {
    auto opened = redis::Client::open(setup.server);
    if (!opened) throw std::runtime_error(std::string(opened.error().message()));
    client = *opened;
    if (!client->wait_until_connected(Deadline::after(*system_clock(), std::chrono::seconds(5)))) {
      throw std::runtime_error(std::string(client->run(command(0)).error().message()));
    }
    for (const std::string& key : keys_) {
      const auto filled =
          client->run(Command<bool>(redis::Words("SET", key, kValue), decode_answer), patience(Clock::now()));
      if (!filled) throw std::runtime_error(std::string(filled.error().message()));
    }
  }

  // Begins the loop.
  void start(const Meter& meter, std::chrono::nanoseconds duration) { end_ = meter.begin() + duration; }

  // Of a caller that has asked `turn` times.
  Command<bool> command(std::size_t turn) const {
    const std::string& key = keys_[turn & (keys_.size() - 1)];
    if (question_ == Question::kGet) return {redis::Words("GET", key), decode_answer, redis::Repeat::kIsSafe};
    if (question_ == Question::kSet) return {redis::Words("SET", key, kValue), decode_answer, redis::Repeat::kIsSafe};
    redis::Words words = script_.words(1);
    words.add(key);
    return script_.command<bool>(std::move(words), decode_answer, redis::Repeat::kNever, 0);
  }
  CallOptions patience(Clock::time_point now) const { return {Deadline::at(now + std::chrono::seconds(5))}; }
  bool goes_on(Clock::time_point now) const { return now < end_; }

  std::shared_ptr<redis::Client> client;

 private:
  static std::vector<std::string> keys_for(const redis::ClientOptions& server) {
    if (server.topology != redis::Topology::kCluster) return {kKey};
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < kClusterKeys; ++i) keys.push_back(kKey + ":" + std::to_string(i));
    return keys;
  }

  Question question_;
  std::vector<std::string> keys_;  // as many as a power of two
  Clock::time_point end_;
  const redis::Script script_{kScript};
};

// What our own client counted, above the last line.
void tell(const Asker& asker) {
  const redis::ClientStats stats = asker.client->stats();
  const auto answered = static_cast<double>(stats.answered);
  std::printf("%.4f writes and %.4f direct calls per command\n", static_cast<double>(stats.writes) / answered,
              static_cast<double>(stats.direct) / answered);
}

void note(Figures& figures, const Result<bool>& result, std::chrono::nanoseconds latency) {
  if (result && *result) {
    figures.latencies.add(latency);
    return;
  }
  if (figures.errors++ == 0) figures.first_error = result ? "a wrong answer" : std::string(result.error().message());
}

void add(Figures& to, const Figures& from) {
  to.latencies.add(from.latencies);
  if (to.errors == 0) to.first_error = from.first_error;
  to.errors += from.errors;
}

// Counts callers that are still at it.
class Finish {
 public:
  explicit Finish(std::size_t callers) : left_(callers) {}
  void one() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) all_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    all_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  std::size_t left_;
};

// One request in flight that renews itself.
struct Caller {
  Asker& asker;
  Figures& figures;  // of the I/O thread alone
  Finish& finish;
  std::size_t turn;

  void ask() {
    const auto begin = Clock::now();
    asker.client->run(asker.command(turn++), asker.patience(begin), [this, begin](Result<bool> result) {
      const auto now = Clock::now();
      note(figures, result, now - begin);
      if (result && asker.goes_on(now)) {
        ask();
      } else {
        finish.one();
      }
    });
  }
};

struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Detached ask_on_and_on(Asker& asker, Figures& figures, Finish& finish, std::size_t turn) {
  for (bool more = true; more;) {
    const auto begin = Clock::now();
    const Result<bool> result = co_await asker.client->async(asker.command(turn++), asker.patience(begin));
    const auto now = Clock::now();
    note(figures, result, now - begin);
    more = result && asker.goes_on(now);
  }
  finish.one();
}

}  // namespace

Figures run_blocking(const Setup& setup) {
  Asker asker(setup);
  const Meter meter;
  asker.start(meter, setup.duration);
  std::vector<Figures> each(setup.callers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < setup.callers; ++i) {
    threads.emplace_back([&asker, &figures = each[i], turn = i]() mutable {
      auto begin = Clock::now();
      while (asker.goes_on(begin)) {
        const auto result = asker.client->run(asker.command(turn++), asker.patience(begin));
        const auto now = Clock::now();
        note(figures, result, now - begin);
        begin = now;
      }
    });
  }
  Figures all;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    add(all, each[i]);
  }
  meter.stop(all);
  tell(asker);
  return all;
}

Figures run_callback(const Setup& setup) {
  Asker asker(setup);
  Figures figures;
  Finish finish(setup.callers);
  std::deque<Caller> callers;
  for (std::size_t i = 0; i < setup.callers; ++i) callers.push_back({asker, figures, finish, i});
  const Meter meter;
  asker.start(meter, setup.duration);
  for (Caller& caller : callers) caller.ask();
  finish.wait();
  meter.stop(figures);
  tell(asker);
  return figures;
}

Figures run_coroutine(const Setup& setup) {
  Asker asker(setup);
  Figures figures;
  Finish finish(setup.callers);
  const Meter meter;
  asker.start(meter, setup.duration);
  for (std::size_t i = 0; i < setup.callers; ++i) ask_on_and_on(asker, figures, finish, i);
  finish.wait();
  meter.stop(figures);
  tell(asker);
  return figures;
}

}  // namespace envoyou::bench
