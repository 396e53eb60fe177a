// All state belongs to the loop's thread. Other threads hand it tasks and wait until they are done, so there is one
// lock, over the list of tasks, and no order of locks to get wrong.
#include "support/fault_proxy.hpp"

#include "testing/resp.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace envoyou::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxQueued = 4U << 20U;  // bytes waiting in one direction before we stop reading
constexpr std::chrono::seconds kUpstreamTimeout{1};

struct Chunk {
  Clock::time_point due;
  std::string bytes;
};

// Bytes on their way to one socket.
struct Outgoing {
  std::deque<Chunk> chunks;
  std::size_t queued = 0;

  void add(std::string_view bytes, Clock::time_point due) {
    if (bytes.empty()) return;
    chunks.push_back({due, std::string(bytes)});
    queued += bytes.size();
  }
  void clear() {
    chunks.clear();
    queued = 0;
  }
  bool has_room() const { return queued < kMaxQueued; }
  bool is_due(Clock::time_point now) const { return !chunks.empty() && chunks.front().due <= now; }
};

struct Link {
  Fd client;
  Fd upstream;  // empty while the link is blackholed
  Outgoing to_client;
  Outgoing to_upstream;
  std::string unframed;  // the beginning of a reply whose end has not come
  bool ending = false;   // closes when to_client is empty
  bool dead = false;
  CloseHow how = CloseHow::kFin;
};

struct Cut {
  std::size_t bytes = 0;
  CloseHow how = CloseHow::kFin;
  int remaining = 0;
};

struct Faults {
  Cut cut;
  bool stalled = false;
  bool blackhole = false;
  std::chrono::milliseconds latency{0};
  std::string injected;
  int injections = 0;
  int duplicates = 0;
};

bool take_one(int& remaining) {
  if (remaining == 0) return false;
  if (remaining > 0) --remaining;
  return true;
}

void discard_input(const Fd& socket) {
  std::string ignored;
  while (socket && read_some(socket, ignored, Clock::now()) == Io::kOk) ignored.clear();
}

}  // namespace

class FaultProxy::Loop {
 public:
  Loop(std::uint16_t upstream_port, Options options);
  ~Loop();

  // Runs `task` between two rounds of the loop and returns its result.
  template <class Task>
  auto run(Task task) -> decltype(task());

  void listen();
  void stop_listening() { listener_.reset(); }
  void cut_all(CloseHow how);
  void drop_stalled();
  void connect_waiting();
  std::size_t inject_now(std::string_view bytes);
  std::size_t open() const;

  // Of the loop's thread.
  Faults faults_;
  std::size_t accepted_ = 0;
  std::size_t faults_done_ = 0;
  // Fixed after the constructor.
  std::uint16_t port_ = 0;

 private:
  // Which socket a pollfd stands for.
  struct Watch {
    Link* link;
    bool is_client;
  };

  void loop();
  void run_tasks();
  void watch_all();
  void watch(const Fd& socket, short events, Link* link, bool is_client);
  int poll_timeout() const;
  void serve_ready();
  void accept_one();
  void connect_upstream(Link& link) const;
  void on_readable(Link& link, bool is_client);
  void on_writable(Link& link, bool is_client);
  void on_replies(Link& link);
  void on_reply(Link& link, std::string_view reply);
  void on_end(Link& link, bool is_client);
  static Io flush(const Fd& socket, Outgoing& outgoing);
  void sweep();

  const std::uint16_t upstream_port_;
  const Options options_;
  Fd listener_;
  Fd wake_ = make_eventfd();
  std::list<Link> links_;
  std::vector<pollfd> entries_;
  std::vector<Watch> watches_;  // as entries_, from kFirstLink on
  bool stopping_ = false;

  std::mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_;
  std::thread thread_;
};

FaultProxy::Loop::Loop(std::uint16_t upstream_port, Options options)
    : upstream_port_(upstream_port), options_(options) {
  listener_ = listen_on(options_.port);
  port_ = local_port(listener_);
  thread_ = std::thread([this] { loop(); });
}

FaultProxy::Loop::~Loop() {
  run([this] { stopping_ = true; });
  thread_.join();
}

template <class Task>
auto FaultProxy::Loop::run(Task task) -> decltype(task()) {
  std::packaged_task<decltype(task())()> packaged(std::move(task));
  auto result = packaged.get_future();
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks_.emplace_back([&packaged] { packaged(); });
  }
  raise_eventfd(wake_);
  return result.get();
}

void FaultProxy::Loop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &ignored, sizeof(ignored));
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void FaultProxy::Loop::loop() {
  while (!stopping_) {
    watch_all();
    ::poll(entries_.data(), entries_.size(), poll_timeout());
    serve_ready();
    run_tasks();
    sweep();
  }
}

// Entry 0 is the eventfd, entry 1 the listener. A stalled link is not watched at all: poll would report its end for
// ever.
void FaultProxy::Loop::watch_all() {
  entries_.assign({{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
  watches_.assign(entries_.size(), {nullptr, false});
  if (faults_.stalled) return;
  const auto now = Clock::now();
  for (auto& link : links_) {
    if (!link.upstream) continue;
    const int read_client = link.to_upstream.has_room() ? POLLIN : 0;
    const int write_client = link.to_client.is_due(now) ? POLLOUT : 0;
    watch(link.client, static_cast<short>(read_client | write_client), &link, true);
    if (link.ending) continue;
    const int read_upstream = link.to_client.has_room() ? POLLIN : 0;
    const int write_upstream = link.to_upstream.is_due(now) ? POLLOUT : 0;
    watch(link.upstream, static_cast<short>(read_upstream | write_upstream), &link, false);
  }
}

void FaultProxy::Loop::watch(const Fd& socket, short events, Link* link, bool is_client) {
  entries_.push_back({socket.get(), events, 0});
  watches_.push_back({link, is_client});
}

// Milliseconds until the next delayed chunk is due, -1 if there is none.
int FaultProxy::Loop::poll_timeout() const {
  std::optional<Clock::time_point> next;
  for (const auto& link : links_) {
    if (faults_.stalled || link.to_client.chunks.empty()) continue;
    const auto due = link.to_client.chunks.front().due;
    next = next ? std::min(*next, due) : due;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void FaultProxy::Loop::serve_ready() {
  for (std::size_t index = 2; index < entries_.size(); ++index) {
    const auto [link, is_client] = watches_[index];
    const short events = entries_[index].revents;
    if (events == 0 || link->dead) continue;
    if ((events & POLLOUT) != 0) on_writable(*link, is_client);
    if (!link->dead && (events & (POLLIN | POLLHUP | POLLERR)) != 0) on_readable(*link, is_client);
  }
  if (entries_[1].revents != 0) accept_one();
}

void FaultProxy::Loop::accept_one() {
  Fd socket = accept_from(listener_);
  if (!socket) return;
  ++accepted_;
  Link& link = links_.emplace_back();
  link.client = std::move(socket);
  if (!faults_.blackhole) connect_upstream(link);
}

void FaultProxy::Loop::connect_upstream(Link& link) const {
  link.upstream = connect_to(upstream_port_, kUpstreamTimeout);
  if (link.upstream) return;
  link.dead = true;
  link.how = CloseHow::kReset;
}

void FaultProxy::Loop::on_readable(Link& link, bool is_client) {
  std::string bytes;
  const Io outcome = read_some(is_client ? link.client : link.upstream, bytes, Clock::now());
  if (outcome == Io::kClosed) return on_end(link, is_client);
  if (is_client) {
    link.to_upstream.add(bytes, Clock::now());
    on_writable(link, false);
  } else {
    link.unframed += bytes;
    on_replies(link);
    if (!link.dead) on_writable(link, true);
  }
}

void FaultProxy::Loop::on_writable(Link& link, bool is_client) {
  const Io outcome = is_client ? flush(link.client, link.to_client) : flush(link.upstream, link.to_upstream);
  if (outcome == Io::kClosed) return on_end(link, is_client);
  if (link.ending && link.to_client.chunks.empty()) link.dead = true;
}

Io FaultProxy::Loop::flush(const Fd& socket, Outgoing& outgoing) {
  const auto now = Clock::now();
  while (outgoing.is_due(now)) {
    std::string& bytes = outgoing.chunks.front().bytes;
    std::string_view rest = bytes;
    const Io outcome = write_from(socket, rest, now);
    outgoing.queued -= bytes.size() - rest.size();
    bytes.erase(0, bytes.size() - rest.size());
    if (outcome != Io::kOk) return outcome;
    outgoing.chunks.pop_front();
  }
  return Io::kOk;
}

void FaultProxy::Loop::on_replies(Link& link) {
  std::string& bytes = link.unframed;
  while (!bytes.empty() && !link.ending) {
    const auto size = options_.understands_resp ? frame_size(bytes) : bytes.size();
    if (!size) return;
    on_reply(link, std::string_view(bytes).substr(0, *size));
    bytes.erase(0, *size);
  }
}

void FaultProxy::Loop::on_reply(Link& link, std::string_view reply) {
  const auto due = Clock::now() + faults_.latency;
  if (take_one(faults_.cut.remaining)) {
    ++faults_done_;
    link.to_client.add(reply.substr(0, faults_.cut.bytes), due);
    link.ending = true;
    link.how = faults_.cut.how;
    return;
  }
  link.to_client.add(reply, due);
  if (take_one(faults_.duplicates)) {
    ++faults_done_;
    link.to_client.add(reply, due);
  }
  if (take_one(faults_.injections)) {
    ++faults_done_;
    link.to_client.add(faults_.injected, due);
  }
}

// The client's end takes the whole link along; the server's lets what is queued arrive first.
void FaultProxy::Loop::on_end(Link& link, bool is_client) {
  link.ending = true;
  if (is_client || link.to_client.chunks.empty()) link.dead = true;
}

void FaultProxy::Loop::sweep() {
  for (auto& link : links_) {
    if (!link.dead) continue;
    close_socket(link.client, link.how);
    close_socket(link.upstream, link.how);
  }
  links_.remove_if([](const Link& link) { return link.dead; });
}

void FaultProxy::Loop::listen() {
  if (!listener_) listener_ = listen_on(port_);
}

void FaultProxy::Loop::cut_all(CloseHow how) {
  for (auto& link : links_) {
    link.dead = true;
    link.how = how;
  }
  sweep();
}

void FaultProxy::Loop::drop_stalled() {
  for (auto& link : links_) {
    discard_input(link.client);
    discard_input(link.upstream);
    link.to_client.clear();
    link.to_upstream.clear();
    link.unframed.clear();
  }
}

void FaultProxy::Loop::connect_waiting() {
  for (auto& link : links_) {
    if (!link.upstream) connect_upstream(link);
  }
}

std::size_t FaultProxy::Loop::inject_now(std::string_view bytes) {
  for (auto& link : links_) {
    link.to_client.add(bytes, Clock::now());
    flush(link.client, link.to_client);
  }
  return links_.size();
}

std::size_t FaultProxy::Loop::open() const { return links_.size(); }

FaultProxy::FaultProxy(std::uint16_t upstream_port, Options options)
    : loop_(std::make_unique<Loop>(upstream_port, options)) {}
FaultProxy::~FaultProxy() = default;

std::uint16_t FaultProxy::port() const noexcept { return loop_->port_; }

std::string FaultProxy::url() const { return "redis://127.0.0.1:" + std::to_string(port()) + "/0"; }

void FaultProxy::cut_all(CloseHow how) {
  loop_->run([&] { loop_->cut_all(how); });
}

void FaultProxy::cut_replies(std::size_t bytes, CloseHow how, int count) {
  loop_->run([&] { loop_->faults_.cut = {bytes, how, count}; });
}

void FaultProxy::stall(bool on) {
  loop_->run([&] { loop_->faults_.stalled = on; });
}

void FaultProxy::drop_stalled() {
  loop_->run([&] { loop_->drop_stalled(); });
}

void FaultProxy::blackhole(bool on) {
  loop_->run([&] {
    loop_->faults_.blackhole = on;
    if (!on) loop_->connect_waiting();
  });
}

void FaultProxy::refuse() {
  loop_->run([&] { loop_->stop_listening(); });
}

void FaultProxy::accept_again() {
  loop_->run([&] { loop_->listen(); });
}

void FaultProxy::latency(std::chrono::milliseconds by) {
  loop_->run([&] { loop_->faults_.latency = by; });
}

void FaultProxy::inject(std::string_view bytes, int count) {
  loop_->run([&] {
    loop_->faults_.injected = bytes;
    loop_->faults_.injections = count;
  });
}

void FaultProxy::duplicate_replies(int count) {
  loop_->run([&] { loop_->faults_.duplicates = count; });
}

std::size_t FaultProxy::inject_now(std::string_view bytes) {
  return loop_->run([&] { return loop_->inject_now(bytes); });
}

void FaultProxy::clear() {
  loop_->run([&] {
    loop_->faults_ = Faults();
    loop_->connect_waiting();
  });
}

std::size_t FaultProxy::connections_accepted() const {
  return loop_->run([&] { return loop_->accepted_; });
}

std::size_t FaultProxy::connections_open() const {
  return loop_->run([&] { return loop_->open(); });
}

std::size_t FaultProxy::faults_done() const {
  return loop_->run([&] { return loop_->faults_done_; });
}

}  // namespace envoyou::testing
