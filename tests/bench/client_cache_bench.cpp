// What a hit of the client cache costs: client_cache_bench URL [keys]. Prints a line for each number of threads.
#include <envoyou/redis/client_cache.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace envoyou;
constexpr std::size_t kHits = 1'000'000;
constexpr std::size_t kValueBytes = 100;

// Of this thread, so that a machine that does other things as well does not count.
double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

// Nanoseconds of CPU a hit.
double measure(redis::ClientCache& cache, const std::vector<std::string>& keys, int threads) {
  std::vector<double> spent(static_cast<std::size_t>(threads));
  const auto read = [&](std::size_t thread) {
    const double begin = cpu_nanoseconds();
    for (std::size_t i = 0; i < kHits; ++i) {
      const auto value = cache.get(keys[(i * 7 + thread * 1000) % keys.size()]);
      if (!value || (*value)->size() != kValueBytes) std::abort();
    }
    spent[thread] = (cpu_nanoseconds() - begin) / static_cast<double>(kHits);
  };
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < spent.size(); ++i) all.emplace_back(read, i);
  for (auto& thread : all) thread.join();
  double sum = 0;
  for (const double each : spent) sum += each;
  return sum / threads;
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
    const redis::Words words("SET", std::string_view(key), std::string_view(std::string(kValueBytes, 'x')));
    if (!client->run(redis::Command<void>(words, redis::decode_ok), {soon})) return fail("SET failed");
  }
  for (const std::string& key : keys) (void)cache->get(key, {soon});
  for (const int threads : {1, 2, 4}) {
    std::printf("%d threads: %.0f ns of CPU a hit\n", threads, measure(*cache, keys, threads));
  }
  const auto stats = cache->stats();
  std::printf("hits %llu misses %llu\n", static_cast<unsigned long long>(stats.hits),
              static_cast<unsigned long long>(stats.misses));
  return 0;
}
