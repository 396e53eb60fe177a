// Goal: a host program's own functions of hiredis' names are called by the host, and not by the library, which goes on
// reading replies with its own.
// Method: this host defines a handful of hiredis' names, which record that they were called; it links the archive
// as a whole, talks to a server through it, and then looks at the record.
#include <envoyou/redis/client.hpp>

#include "support/redis_server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

namespace {
int g_calls = 0;
int count() { return ++g_calls; }
}  // namespace

extern "C" {
void* redisConnect(const char*, int) { return count(), nullptr; }
void* redisReaderCreateWithFunctions(void*) { return count(), nullptr; }
int redisReaderFeed(void*, const char*, std::size_t) { return count(), -1; }
int redisReaderGetReply(void*, void**) { return count(), -1; }
void redisReaderFree(void*) { count(); }
char* sdsnew(const char*) { return count(), nullptr; }
char* sdsempty() { return count(), nullptr; }
void sdsfree(char*) { count(); }
void* hi_malloc(std::size_t) { return count(), nullptr; }
}

int main() {
  using envoyou::redis::Words;
  const auto server = envoyou::testing::RedisServer::start();
  auto options = envoyou::redis::parse_url(server.url());
  options->command_timeout = std::chrono::seconds(5);
  auto client = envoyou::redis::Client::open(*options);
  if (!client) {
    std::fprintf(stderr, "open: %s\n", std::string(client.error().message()).c_str());
    return 1;
  }
  const auto pong = (*client)->run(
      envoyou::redis::Command<std::string>(Words("ECHO", "from the host"), envoyou::redis::decode_string));
  if (!pong || *pong != "from the host") {
    std::fprintf(stderr, "no echo from Redis through the library\n");
    return 1;
  }
  if (g_calls != 0) {
    std::fprintf(stderr, "the library called the host's functions %d times\n", g_calls);
    return 1;
  }
  hi_malloc(1);
  if (g_calls != 1) {
    std::fprintf(stderr, "the host no longer calls its own function\n");
    return 1;
  }
  std::puts("each has its own hiredis");
  return 0;
}
