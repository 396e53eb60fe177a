// The Redis client by itself: typed commands, a coroutine, a transaction with WATCH, a blocking command, a scan.
//
//   REDIS_URL=redis://127.0.0.1 build/release/bin/example_redis
#include <envoyou/redis/async.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/commands.hpp>
#include <envoyou/redis/connection.hpp>
#include <envoyou/redis/scan.hpp>

#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <string>

namespace {

namespace redis = envoyou::redis;
namespace cmd = envoyou::redis::cmd;
using envoyou::Result;
using namespace std::chrono_literals;

// A coroutine that a plain thread can wait for. Any other kind will do, Asio's too (envoyou/adapters/asio.hpp).
struct Told {
  struct promise_type {
    std::promise<bool> done;
    Told get_return_object() { return {done.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(bool right) { done.set_value(right); }
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::future<bool> done;
};

// Puts money into two accounts without blocking a thread.
Told open_accounts(redis::Client& client) {
  const auto ann = co_await client.async(cmd::set("example:{bank}:ann", "100"));
  const auto bob = co_await client.async(cmd::set("example:{bank}:bob", "0"));
  co_return ann&& bob;
}

// Moves money from one to the other, if nobody touches Ann's account meanwhile: else once more.
bool move_money(redis::Client& client, int amount) {
  const envoyou::Deadline deadline = envoyou::Deadline::after(*envoyou::system_clock(), 1s);
  const auto moved = redis::optimistic(client, {"example:{bank}:ann"}, 10, {deadline},
                                       [&](redis::Connection& on) -> Result<redis::Transaction> {
                                         const auto has = on.run(cmd::get("example:{bank}:ann"));
                                         if (!has) return has.error();
                                         redis::Transaction transaction;
                                         if (std::stoi(has->value_or("0")) < amount)
                                           return transaction;  // nothing to do
                                         (void)transaction.add(cmd::decrby("example:{bank}:ann", amount));
                                         (void)transaction.add(cmd::incrby("example:{bank}:bob", amount));
                                         return transaction;
                                       });
  return moved && *moved == redis::Executed::kAll;
}

// Waits for work on a connection of its own: on a shared one it would hold up everybody.
bool wait_for_work(redis::Client& client) {
  auto connection = redis::Connection::take(client);
  if (!connection || !client.run(cmd::rpush("example:jobs", {"a job"}))) return false;
  const auto job = connection->run(cmd::blpop({"example:jobs"}, 1s));
  if (!job || !job->has_value()) return false;
  std::cout << "got " << (*job)->second << '\n';
  return true;
}

bool show_accounts(redis::Client& client) {
  for (const Result<std::string>& key : redis::scan(client, {.match = "example:{bank}:*"})) {
    if (!key) return false;
    std::cout << *key << " has " << client.run(cmd::get(*key)).value().value_or("nothing") << '\n';
  }
  return client.run(cmd::del({"example:{bank}:ann", "example:{bank}:bob"})).has_value();
}

}  // namespace

int main() {
  const char* const url = std::getenv("REDIS_URL");
  const auto options = redis::parse_url(url == nullptr || *url == '\0' ? "redis://127.0.0.1" : url);
  if (!options) {
    std::cerr << options.error().message() << '\n';
    return 2;
  }
  auto client = redis::Client::open(*options);
  if (!client || !(*client)->wait_until_connected(envoyou::Deadline::after(*envoyou::system_clock(), 2s))) {
    std::cerr << "no Redis at " << describe(*options) << '\n';
    return 1;
  }
  Told opened = open_accounts(**client);
  const bool right =
      opened.done.get() && move_money(**client, 30) && wait_for_work(**client) && show_accounts(**client);
  return right ? 0 : 1;
}
