// Goal: a guest in its process: it goes in under 200 ms whatever Redis does, takes its threads and descriptors with it,
// loses no write that it can still push out, and knows a fork. Method: servers that are healthy, frozen and gone;
// /proc/self; a real fork.
#include "fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

namespace envoyou::testing::lifetime_test {
namespace {

constexpr auto kGoneWithin = 200ms;

std::size_t entries_of(const char* folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

std::optional<Services> opened(const std::string& url) { return Services::open(config_for(url)).value(); }

// Something for the switch to carry over, and calls in flight.
void use(Services& services) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "k" + std::to_string(i);
    static_cast<void>(services.limiter().check(key, {.limit = 5, .window = 60s}));
    static_cast<void>(services.cache().set(key, "v"));
    static_cast<void>(services.sessions().create({.user_id = key}));
  }
}

TEST(ServicesLifetime, GoesQuicklyWhereRedisIsHealthy) {
  const RedisServer redis = RedisServer::start();
  auto services = opened(redis.url());
  use(*services);
  EXPECT_LT(time_of([&] { services.reset(); }), kGoneWithin);
}

TEST(ServicesLifetime, GoesQuicklyWhileRedisIsFrozen) {
  const RedisServer redis = RedisServer::start();
  auto services = opened(redis.url());
  redis.freeze();
  static_cast<void>(services->cache().set("in", "flight"));
  EXPECT_LT(time_of([&] { services.reset(); }), kGoneWithin);
  auto later = opened(redis.url());
  use(*later);
  EXPECT_LT(time_of([&] { later.reset(); }), kGoneWithin);
  redis.thaw();
}

TEST(ServicesLifetime, GoesQuicklyWhileItCarriesOver) {
  RedisServer redis = RedisServer::start();
  auto services = opened(redis.url());
  redis.kill9();
  ASSERT_TRUE(eventually([&] { return !services->fallback().uses_redis(); }));
  use(*services);
  redis.restart();
  ASSERT_TRUE(eventually([&] { return services->fallback().mode() != Mode::kLocal; }));
  redis.freeze();
  EXPECT_LT(time_of([&] { services.reset(); }), kGoneWithin);
  redis.thaw();
}

TEST(ServicesLifetime, GoesQuicklyWhereRedisNeverWas) {
  auto services = opened(url_of_nobody());
  use(*services);
  EXPECT_LT(time_of([&] { services.reset(); }), kGoneWithin);
}

TEST(ServicesLifetime, AWriteThatIsOnItsWayArrives) {
  const RedisServer redis = RedisServer::start();
  for (int i = 0; i < 20; ++i) {
    auto services = opened(redis.url());
    ASSERT_TRUE(services->cache().set("k" + std::to_string(i), "v"));
    services.reset();
  }
  auto services = opened(redis.url());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(services->cache().get("k" + std::to_string(i)).value()) << i;
}

TEST(ServicesLifetime, TakesItsThreadsAndDescriptorsWithIt) {
  const RedisServer redis = RedisServer::start();
  opened(redis.url()).reset();  // what is made once a process is made now
  const auto threads = entries_of("/proc/self/task");
  const auto descriptors = entries_of("/proc/self/fd");
  for (int i = 0; i < 5; ++i) {
    auto services = opened(i % 2 == 0 ? redis.url() : url_of_nobody());
    use(*services);
  }
  EXPECT_TRUE(eventually([&] { return entries_of("/proc/self/task") == threads; }, 1s));
  EXPECT_EQ(entries_of("/proc/self/fd"), descriptors);
}

TEST(ServicesLifetime, CanBeMoved) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  Services other = std::move(services);
  EXPECT_EQ(other.limiter().check("k", {.limit = 1, .window = 1s})->source, Source::kRedis);
}

// In the child: 0 if all is as it should be.
int in_the_child(std::optional<Services>& services) {
  const auto decision = services->limiter().check("k", {.limit = 1, .window = 1s});
  if (decision || decision.error().code() != Errc::kForked) return 1;
  const auto session = services->sessions().create({.user_id = "u"});
  if (session || session.error().code() != Errc::kForked) return 2;
  const auto value = services->cache().get("k");
  if (value || value.error().code() != Errc::kForked) return 3;
  services.reset();
  return 0;
}

TEST(ServicesLifetime, AForkedChildIsToldAndCanLetGo) {
  const RedisServer redis = RedisServer::start();
  auto services = opened(redis.url());
  use(*services);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(5);
    _exit(in_the_child(services));
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(services->limiter().check("k", {.limit = 1, .window = 1s})->source, Source::kRedis) << "the parent goes on";
}

}  // namespace
}  // namespace envoyou::testing::lifetime_test
