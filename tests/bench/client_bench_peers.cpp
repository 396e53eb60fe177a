// What we compare with: hiredis as its users use it, over TLS by its own hiredis_ssl, and a bare socket that only
// counts bytes, the floor under all of them.
#include "client_bench.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
// Behind the two: it needs them and does not include them.
#include <hiredis/adapters/poll.h>
#ifdef ENVOYOU_BENCH_HIREDIS_TLS
#include <hiredis/hiredis_ssl.h>
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <optional>
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

void check(const redisContext* context) {
  if (context == nullptr) throw std::runtime_error("no memory");
  if (context->err != 0) throw std::runtime_error(context->errstr);
}

// The chain is verified, as always with hiredis, and the host's name is not: hiredis does not look at it.
void start_tls([[maybe_unused]] redisContext* context, [[maybe_unused]] const redis::ClientOptions& server) {
#ifdef ENVOYOU_BENCH_HIREDIS_TLS
  redisSSLContextError error = REDIS_SSL_CTX_NONE;
  const char* const ca_file = server.tls.ca_file.empty() ? nullptr : server.tls.ca_file.c_str();
  redisSSLContext* const tls = redisCreateSSLContext(ca_file, nullptr, nullptr, nullptr, server.host.c_str(), &error);
  if (tls == nullptr) throw std::runtime_error("tls: " + std::string(redisSSLContextGetError(error)));
  redisInitiateSSLWithContext(context, tls);  // what goes wrong stands in the context
  redisFreeSSLContext(tls);                   // the connection keeps what it needs of it
#endif
}

void prepare(redisContext* context, const redis::ClientOptions& server) {
  check(context);
  if (server.tls.enabled) start_tls(context, server);
  check(context);
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

void note_error(Figures& figures, const redisReply* reply) {
  if (figures.errors++ == 0) figures.first_error = reply == nullptr ? "the connection was lost" : reply->str;
}

struct FreeAsyncContext {
  void operator()(redisAsyncContext* context) const { redisAsyncFree(context); }
};
using AsyncContext = std::unique_ptr<redisAsyncContext, FreeAsyncContext>;

// Turns the loop until `argv` is answered.
void ask(redisAsyncContext* context, Argv argv) {
  Words words(std::move(argv));
  std::optional<bool> right;
  const auto answered = [](redisAsyncContext*, void* reply, void* told) {
    *static_cast<std::optional<bool>*>(told) = is_right(static_cast<redisReply*>(reply));
  };
  const int sent = redisAsyncCommandArgv(context, answered, &right, words.count(), words.pointers(), words.sizes());
  if (sent != REDIS_OK) throw std::runtime_error("hiredis takes no command");
  while (!right) redisPollTick(context, 1.0);
  check(&context->c);
  if (!*right) throw std::runtime_error("AUTH or SELECT was refused");
}

// Connected, authenticated and attached to its loop.
AsyncContext connect_async(const redis::ClientOptions& server) {
  AsyncContext context(server.unix_socket.empty() ? redisAsyncConnect(server.host.c_str(), server.port)
                                                  : redisAsyncConnectUnix(server.unix_socket.c_str()));
  check(context ? &context->c : nullptr);
  context->c.flags |= REDIS_NO_AUTO_FREE;  // a connection that is lost stays ours to free
  if (server.tls.enabled) start_tls(&context->c, server);
  check(&context->c);
  redisPollAttach(context.get());
  if (!server.password.empty()) {
    ask(context.get(),
        server.username.empty() ? Argv{"AUTH", server.password} : Argv{"AUTH", server.username, server.password});
  }
  ask(context.get(), {"SELECT", std::to_string(server.database)});
  return context;
}

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
      note_error(self->run->figures, static_cast<redisReply*>(reply));
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
          note_error(each[i], reply.get());
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
    if (all.first_error.empty()) all.first_error = each[i].first_error;
  }
  meter.stop(all);
  return all;
}

Figures run_hiredis_async(const Setup& setup) {
  AsyncRun run{.words = question(setup)};
  const AsyncContext context = connect_async(setup.server);
  run.context = context.get();
  const Meter meter;
  run.end = meter.begin() + setup.duration;
  std::vector<AsyncCaller> callers(setup.callers, AsyncCaller{&run, {}});
  for (AsyncCaller& caller : callers) caller.ask();
  while (run.in_flight > 0) redisPollTick(run.context, 1.0);
  meter.stop(run.figures);
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
