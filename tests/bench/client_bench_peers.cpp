// What we compare with: hiredis as its users use it, and a bare socket that only counts bytes, the floor under all of
// them.
#include "client_bench.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
// Behind the two: it needs them and does not include them.
#include <hiredis/adapters/poll.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace envoyou::bench {

namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using ReplyPointer = std::unique_ptr<redisReply, FreeReply>;

using Argv = std::vector<std::string>;

// The words in the form that hiredis takes.
class Words {
 public:
  explicit Words(Argv argv) : argv_(std::move(argv)) {
    for (const std::string& word : argv_) {
      pointers_.push_back(word.data());
      sizes_.push_back(word.size());
    }
  }
  int count() const { return static_cast<int>(argv_.size()); }
  const char** pointers() { return pointers_.data(); }
  const std::size_t* sizes() const { return sizes_.data(); }
  std::string encoded() const {
    std::string bytes = "*" + std::to_string(argv_.size()) + "\r\n";
    for (const std::string& word : argv_) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    return bytes;
  }

 private:
  Argv argv_;
  std::vector<const char*> pointers_;
  std::vector<std::size_t> sizes_;
};

ReplyPointer ask(redisContext* context, Argv argv) {
  Words words(std::move(argv));
  return ReplyPointer(
      static_cast<redisReply*>(redisCommandArgv(context, words.count(), words.pointers(), words.sizes())));
}

void prepare(redisContext* context, const redis::ClientOptions& server) {
  if (context == nullptr || context->err != 0) throw std::runtime_error(context ? context->errstr : "no memory");
  if (!server.password.empty()) {
    Argv auth{"AUTH"};
    if (!server.username.empty()) auth.push_back(server.username);
    auth.push_back(server.password);
    const ReplyPointer reply = ask(context, std::move(auth));
    if (!reply || reply->type == REDIS_REPLY_ERROR) throw std::runtime_error("AUTH was refused");
  }
  ask(context, {"SELECT", std::to_string(server.database)});
}

Context connect(const redis::ClientOptions& server) {
  if (server.tls.enabled) throw std::runtime_error("this mode does not do TLS");
  Context context(server.unix_socket.empty() ? redisConnect(server.host.c_str(), server.port)
                                             : redisConnectUnix(server.unix_socket.c_str()));
  prepare(context.get(), server);
  return context;
}

// Fills the key and gives the words that are asked in the loop.
Words question(const Setup& setup) {
  const Context context = connect(setup.server);
  ask(context.get(), {"SET", kKey, kValue});
  if (setup.question == Question::kGet) return Words({"GET", kKey});
  if (setup.question == Question::kSet) return Words({"SET", kKey, kValue});
  const ReplyPointer loaded = ask(context.get(), {"SCRIPT", "LOAD", kScript});
  if (!loaded || loaded->type != REDIS_REPLY_STRING) throw std::runtime_error("SCRIPT LOAD was refused");
  return Words({"EVALSHA", std::string(loaded->str, loaded->len), "1", kKey});
}

bool is_right(const redisReply* reply) { return reply != nullptr && reply->type != REDIS_REPLY_ERROR; }

struct AsyncRun {
  redisAsyncContext* context = nullptr;
  Words words;
  Figures figures{};
  Clock::time_point end{};
  std::size_t in_flight = 0;
};

struct AsyncCaller {
  AsyncRun* run;
  Clock::time_point begin;

  void ask() {
    begin = Clock::now();
    ++run->in_flight;
    redisAsyncCommandArgv(run->context, &AsyncCaller::answered, this, run->words.count(), run->words.pointers(),
                          run->words.sizes());
  }
  static void answered(redisAsyncContext*, void* reply, void* caller) {
    auto* self = static_cast<AsyncCaller*>(caller);
    const auto now = Clock::now();
    --self->run->in_flight;
    if (!is_right(static_cast<redisReply*>(reply))) {
      ++self->run->figures.errors;
      return;
    }
    self->run->figures.latencies.add(now - self->begin);
    if (now < self->run->end) self->ask();
  }
};

// Owns a connected, blocking socket.
class Socket {
 public:
  explicit Socket(const redis::ClientOptions& server) {
    // hiredis connects and authenticates; its descriptor is used without it from there on.
    Context context = connect(server);
    descriptor_ = dup(context->fd);
    const int one = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("send failed");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void receive(std::size_t bytes) {
    while (bytes > 0) {
      const ssize_t got = ::recv(descriptor_, buffer_.data(), buffer_.size(), 0);
      if (got <= 0 || static_cast<std::size_t>(got) > bytes) throw std::runtime_error("recv failed, or an error reply");
      bytes -= static_cast<std::size_t>(got);
    }
  }

 private:
  int descriptor_ = -1;
  std::vector<char> buffer_ = std::vector<char>(64u << 10);
};

std::size_t reply_bytes(Question question) {
  switch (question) {
    case Question::kGet: return std::strlen("$100\r\n\r\n") + kValueBytes;
    case Question::kSet: return std::strlen("+OK\r\n");
    case Question::kEvalsha: return std::strlen("*3\r\n:1\r\n:2\r\n:3\r\n");
  }
  return 0;
}

}  // namespace

Figures run_hiredis_sync(const Setup& setup) {
  Words words = question(setup);
  std::vector<Context> contexts;
  for (std::size_t i = 0; i < setup.callers; ++i) contexts.push_back(connect(setup.server));
  std::vector<Figures> each(setup.callers);
  std::vector<std::thread> threads;
  const Meter meter;
  const auto end = meter.begin() + setup.duration;
  for (std::size_t i = 0; i < setup.callers; ++i) {
    threads.emplace_back([&, i] {
      for (auto begin = Clock::now(); begin < end;) {
        const ReplyPointer reply(static_cast<redisReply*>(
            redisCommandArgv(contexts[i].get(), words.count(), words.pointers(), words.sizes())));
        const auto now = Clock::now();
        if (!is_right(reply.get())) {
          ++each[i].errors;
          return;
        }
        each[i].latencies.add(now - begin);
        begin = now;
      }
    });
  }
  Figures all;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    all.latencies.add(each[i].latencies);
    all.errors += each[i].errors;
  }
  meter.stop(all);
  return all;
}

Figures run_hiredis_async(const Setup& setup) {
  AsyncRun run{.words = question(setup)};
  const auto& server = setup.server;
  run.context = server.unix_socket.empty() ? redisAsyncConnect(server.host.c_str(), server.port)
                                           : redisAsyncConnectUnix(server.unix_socket.c_str());
  if (run.context == nullptr || run.context->err != 0) throw std::runtime_error("hiredis-async: no connection");
  redisPollAttach(run.context);
  if (!server.password.empty()) {
    Words auth(server.username.empty() ? Argv{"AUTH", server.password}
                                       : Argv{"AUTH", server.username, server.password});
    redisAsyncCommandArgv(run.context, nullptr, nullptr, auth.count(), auth.pointers(), auth.sizes());
  }
  Words select({"SELECT", std::to_string(server.database)});
  redisAsyncCommandArgv(run.context, nullptr, nullptr, select.count(), select.pointers(), select.sizes());
  const Meter meter;
  run.end = meter.begin() + setup.duration;
  std::vector<AsyncCaller> callers(setup.callers, AsyncCaller{&run, {}});
  for (AsyncCaller& caller : callers) caller.ask();
  while (run.in_flight > 0) redisPollTick(run.context, 1.0);
  meter.stop(run.figures);
  redisAsyncFree(run.context);
  return run.figures;
}

Figures run_raw_socket(const Setup& setup) {
  const std::string one = question(setup).encoded();
  std::string batch;
  for (std::size_t i = 0; i < setup.callers; ++i) batch += one;
  const std::size_t expected = reply_bytes(setup.question) * setup.callers;
  Socket socket(setup.server);
  Figures figures;
  const Meter meter;
  const auto end = meter.begin() + setup.duration;
  for (auto begin = Clock::now(); begin < end;) {
    socket.send_all(batch);
    socket.receive(expected);
    const auto now = Clock::now();
    for (std::size_t i = 0; i < setup.callers; ++i) figures.latencies.add(now - begin);
    begin = now;
  }
  meter.stop(figures);
  return figures;
}

}  // namespace envoyou::bench
