// What a hit of the client cache costs: client_cache_bench URL [keys]. Prints a line for each number of threads.
#include <envoyou/redis/client_cache.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace envoyou;
using Clock_ = std::chrono::steady_clock;
constexpr std::size_t kHits = 2'000'000;

// Nanoseconds a hit.
double measure(redis::ClientCache& cache, const std::vector<std::string>& keys, int threads) {
  std::atomic<std::size_t> bytes{0};
  const auto read = [&](std::size_t offset) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kHits; ++i) sum += (*cache.get(keys[(i * 7 + offset) % keys.size()]).value()).size();
    bytes += sum;
  };
  const auto begin = Clock_::now();
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) all.emplace_back(read, static_cast<std::size_t>(i) * 1000);
  for (auto& thread : all) thread.join();
  const std::chrono::duration<double, std::nano> took = Clock_::now() - begin;
  return took.count() / static_cast<double>(kHits);
}

int fail(const char* what) {
  std::fprintf(stderr, "client_cache_bench: %s\n", what);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fail("usage: client_cache_bench URL [keys]");
  auto options = redis::parse_url(argv[1]);
  if (!options) return fail("not a URL");
  auto client = redis::Client::open(*options).value();
  const Deadline soon = Deadline::after(*system_clock(), std::chrono::seconds(5));
  if (!client->wait_until_connected(soon)) return fail("not connected");
  auto cache = redis::ClientCache::open(client).value();
  while (cache->source() != redis::FeedSource::kTracking) std::this_thread::yield();
  std::vector<std::string> keys;
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 1'000); ++i) keys.push_back("bench:" + std::to_string(i));
  for (const std::string& key : keys) {
    const redis::Words words("SET", std::string_view(key), std::string_view(std::string(100, 'x')));
    if (!client->run(redis::Command<void>(words, redis::decode_ok), {soon})) return fail("SET failed");
  }
  for (const std::string& key : keys) (void)cache->get(key, {soon});
  for (const int threads : {1, 2, 4}) {
    std::printf("%d threads: %.0f ns a hit and thread\n", threads, measure(*cache, keys, threads));
  }
  const auto stats = cache->stats();
  std::printf("hits %llu misses %llu\n", static_cast<unsigned long long>(stats.hits),
              static_cast<unsigned long long>(stats.misses));
  return 0;
}
