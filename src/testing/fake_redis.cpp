// One acceptor thread, one thread a connection, one mutex over all that they share. A connection's descriptor is closed
// by its own thread alone; who wants it closed sets `ending`, writes to its eventfd and joins.
#include <envoyou/testing/fake_redis.hpp>

#include "testing/fake_commands.hpp"
#include "testing/resp.hpp"
#include "testing/sockets.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::size_t kMaxRecorded = 1'000'000;
constexpr std::chrono::milliseconds kWriteSlice{50};
constexpr std::chrono::milliseconds kLinger{100};  // for the peer to close after our FIN

using Clock = std::chrono::steady_clock;

// Waits for either; true if the second, the eventfd, is what woke it.
bool wait_either(const Fd& socket, const Fd& eventfd) {
  std::array<pollfd, 2> entries{{{socket.get(), POLLIN, 0}, {eventfd.get(), POLLIN, 0}}};
  while (::poll(entries.data(), entries.size(), -1) < 0) {
  }
  return entries[1].revents != 0;
}

bool is_handshake(std::string_view name) {
  return name == "HELLO" || name == "AUTH" || name == "CLIENT" || name == "SELECT";
}

// How envoyou's client asks what a server can, at a moment of its own choice: no test means these.
bool is_probe(std::string_view name, const Words& words) {
  const auto holds = [&](std::string_view part) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return word.find(part) != std::string::npos; });
  };
  return (name == "INFO" && holds("server")) || (name == "CONFIG" && holds("maxmemory-policy")) ||
         (name == "EVALSHA" && words.size() == 3) || holds("envoyou-probe");
}

bool fits(const Fault& fault, std::string_view name, const Words& words) {
  if (fault.remaining == 0) return false;
  if (fault.command == "*") return true;
  if (is_probe(name, words)) return false;
  return fault.command.empty() ? !is_handshake(name) : fault.command == name;
}

}  // namespace

class FakeRedis::Server {
 public:
  explicit Server(Options options);
  ~Server();

  struct Connection {
    FakePeer peer;
    Fd socket;
    Fd wake = make_eventfd();
    std::atomic<bool> ending = false;
    std::atomic<bool> done = false;
    bool lost = false;                           // under mutex_
    std::atomic<CloseHow> how = CloseHow::kFin;  // written before `ending`
    std::mutex write_mutex;                      // taken alone or before `mutex_`, never after it
    std::string held;                            // under write_mutex
    std::thread thread;
  };

  void start_accepting();
  void stop_accepting();
  void leave_unanswered();
  void end_all(CloseHow how);
  std::vector<std::shared_ptr<Connection>> live() const;
  void for_each_held(bool send);
  std::size_t push(std::string_view bytes);
  std::string password() const {
    const std::lock_guard lock(mutex_);
    return commands_.password();
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::mutex handler_mutex_;
  FakeCommands commands_;
  std::vector<Fault> faults_;
  Handler handler_;
  std::vector<RecordedCommand> recorded_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::size_t accepted_ = 0;
  bool blackhole_ = false;
  const Options options_;
  std::uint16_t port_ = 0;

 private:
  void accept_loop();
  void adopt(Fd socket);
  void serve(Connection& connection);
  bool read_commands(Connection& connection, std::string& buffer);
  void wait_out_blackhole(const Connection& connection);
  void handle(Connection& connection, const Words& words);
  std::string own_answer(Connection& connection, const Words& words);
  Fault take_fault(std::string_view name, const Words& words);
  void reply(Connection& connection, const std::string& answer, const Fault& fault);
  bool pause(const Connection& connection, Clock::duration time);
  void deliver(Connection& connection, const std::string& bytes, const Fault& fault);
  static void send_bytes(Connection& connection, std::string_view bytes);
  static void finish(Connection& connection);

  Fd listener_;
  std::optional<UnansweredPort> unanswered_;
  Fd accept_wake_;
  std::thread acceptor_;
};

FakeRedis::Server::Server(Options options)
    : commands_({options.no_hello, options.username, options.password}), options_(std::move(options)) {
  listener_ = listen_on(options_.port);
  port_ = local_port(listener_);
  start_accepting();
}

FakeRedis::Server::~Server() {
  stop_accepting();
  end_all(CloseHow::kReset);
}

void FakeRedis::Server::start_accepting() {
  if (acceptor_.joinable()) return;
  unanswered_.reset();
  if (!listener_) listener_ = listen_on(port_);
  accept_wake_ = make_eventfd();
  acceptor_ = std::thread([this] { accept_loop(); });
}

void FakeRedis::Server::stop_accepting() {
  if (!acceptor_.joinable()) return;
  raise_eventfd(accept_wake_);
  acceptor_.join();
  listener_.reset();
}

void FakeRedis::Server::leave_unanswered() {
  stop_accepting();
  unanswered_.emplace(port_);
}

void FakeRedis::Server::accept_loop() {
  while (!wait_either(listener_, accept_wake_)) {
    Fd socket = accept_from(listener_);
    if (socket) adopt(std::move(socket));
  }
}

void FakeRedis::Server::adopt(Fd socket) {
  const std::lock_guard lock(mutex_);
  std::erase_if(connections_, [](const auto& old) {
    if (!old->done) return false;
    old->thread.join();
    return true;
  });
  auto connection = std::make_shared<Connection>();
  connection->socket = std::move(socket);
  connection->peer.id = accepted_++;
  connections_.push_back(connection);
  connection->thread = std::thread([this, connection] { serve(*connection); });
}

void FakeRedis::Server::end_all(CloseHow how) {
  std::vector<std::shared_ptr<Connection>> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(connections_);
    for (const auto& connection : ended) {
      if (connection->done) continue;
      connection->how = how;
      connection->ending = true;
      raise_eventfd(connection->wake);
    }
    wake_.notify_all();
  }
  for (const auto& connection : ended) connection->thread.join();
}

std::vector<std::shared_ptr<FakeRedis::Server::Connection>> FakeRedis::Server::live() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Connection>> result;
  for (const auto& connection : connections_) {
    if (!connection->done && !connection->ending) result.push_back(connection);
  }
  return result;
}

void FakeRedis::Server::for_each_held(bool send) {
  for (const auto& connection : live()) {
    const std::lock_guard lock(connection->write_mutex);
    const std::string bytes = std::exchange(connection->held, {});
    if (send) send_bytes(*connection, bytes);
  }
}

std::size_t FakeRedis::Server::push(std::string_view bytes) {
  const auto targets = live();
  for (const auto& connection : targets) {
    const std::lock_guard lock(connection->write_mutex);
    send_bytes(*connection, bytes);
  }
  return targets.size();
}

void FakeRedis::Server::serve(Connection& connection) {
  std::string buffer;
  while (!connection.ending && !wait_either(connection.socket, connection.wake)) {
    wait_out_blackhole(connection);
    if (connection.ending || !read_commands(connection, buffer)) break;
  }
  finish(connection);
}

void FakeRedis::Server::wait_out_blackhole(const Connection& connection) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return (!blackhole_ && !connection.lost) || connection.ending; });
}

// False when the connection is at its end.
bool FakeRedis::Server::read_commands(Connection& connection, std::string& buffer) {
  if (read_some(connection.socket, buffer, Clock::now()) == Io::kClosed) return false;
  try {
    while (const auto size = frame_size(buffer)) {
      const RespValue command = decode(buffer);
      buffer.erase(0, *size);
      Words words;
      for (const auto& element : command.elements) words.push_back(element.text);
      handle(connection, words);
      if (connection.ending) return false;
    }
  } catch (const std::runtime_error& problem) {
    send_bytes(connection, error(std::string("ERR Protocol error: ") + problem.what()));
    return false;
  }
  return true;
}

void FakeRedis::Server::handle(Connection& connection, const Words& words) {
  const std::string name = words.empty() ? "" : upper_case(words.front());
  {
    const std::lock_guard lock(mutex_);
    if (recorded_.size() < kMaxRecorded) recorded_.push_back({connection.peer.id, words});
  }
  const Fault fault = take_fault(name, words);
  // What is answered with an error was not executed.
  const bool is_refused = fault.replacement && fault.replacement->starts_with('-');
  reply(connection, is_refused ? std::string() : own_answer(connection, words), fault);
}

std::string FakeRedis::Server::own_answer(Connection& connection, const Words& words) {
  const std::lock_guard one_at_a_time(handler_mutex_);
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    handler = handler_;
  }
  if (handler) {
    if (auto bytes = handler(words)) return *std::move(bytes);
  }
  const std::lock_guard lock(mutex_);
  return commands_.answer(connection.peer, words);
}

Fault FakeRedis::Server::take_fault(std::string_view name, const Words& words) {
  const std::lock_guard lock(mutex_);
  for (auto& fault : faults_) {
    if (!fits(fault, name, words)) continue;
    if (fault.remaining > 0) --fault.remaining;
    return fault;
  }
  return {};
}

void FakeRedis::Server::reply(Connection& connection, const std::string& answer, const Fault& fault) {
  const std::string& once = fault.replacement ? *fault.replacement : answer;
  std::string bytes = once;
  for (int copy = 0; copy < fault.copies; ++copy) bytes += once;
  bytes += fault.appended;
  if (!pause(connection, fault.late)) return;
  const std::lock_guard lock(connection.write_mutex);
  // What comes after a held reply has to wait with it: a server answers in order.
  if (fault.held || !connection.held.empty()) {
    connection.held += bytes;
    return;
  }
  deliver(connection, bytes, fault);
}

// False if the connection was ended meanwhile.
bool FakeRedis::Server::pause(const Connection& connection, Clock::duration time) {
  if (time.count() <= 0) return !connection.ending;
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return connection.ending.load(); });
}

void FakeRedis::Server::deliver(Connection& connection, const std::string& bytes, const Fault& fault) {
  std::string_view rest = bytes;
  if (fault.cut_after) rest = rest.substr(0, *fault.cut_after);
  const std::size_t piece = fault.piece == 0 ? rest.size() : fault.piece;
  while (!rest.empty()) {
    send_bytes(connection, rest.substr(0, piece));
    rest.remove_prefix(std::min(piece, rest.size()));
    if (!rest.empty() && !pause(connection, fault.gap)) return;
  }
  if (fault.cut_after) {
    connection.how = fault.cut_how;
    connection.ending = true;
  }
}

void FakeRedis::Server::send_bytes(Connection& connection, std::string_view bytes) {
  // In slices of time, so that a peer that does not read cannot keep this thread when the server is to end.
  while (!bytes.empty() && !connection.ending) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 16u << 10);
    std::string_view slice = bytes.substr(0, size);
    if (write_from(connection.socket, slice, Clock::now() + kWriteSlice) == Io::kClosed) return;
    bytes.remove_prefix(size - slice.size());
  }
}

void FakeRedis::Server::finish(Connection& connection) {
  const std::lock_guard lock(connection.write_mutex);
  if (connection.how == CloseHow::kFin) {
    // Closing with unread bytes would send RST: end our half, then read until the peer has ended its own.
    ::shutdown(connection.socket.get(), SHUT_WR);
    std::string ignored;
    const auto until = Clock::now() + kLinger;
    while (read_some(connection.socket, ignored, until) == Io::kOk) ignored.clear();
  }
  connection.done = true;
  close_socket(connection.socket, connection.how);
}

FakeRedis::FakeRedis(Options options) : server_(std::make_unique<Server>(std::move(options))) {}
FakeRedis::~FakeRedis() = default;

std::uint16_t FakeRedis::port() const noexcept { return server_->port_; }

std::string FakeRedis::url() const {
  const std::string password = server_->password();
  return "redis://" + (password.empty() ? "" : ":" + password + "@") + "127.0.0.1:" + std::to_string(port()) + "/0";
}

void FakeRedis::add(Fault fault) {
  const std::lock_guard lock(server_->mutex_);
  server_->faults_.push_back(std::move(fault));
}

void FakeRedis::clear_faults() {
  const std::lock_guard lock(server_->mutex_);
  server_->faults_.clear();
}

void FakeRedis::on_command(Handler handler) {
  const std::lock_guard lock(server_->mutex_);
  server_->handler_ = std::move(handler);
}

void FakeRedis::release_held() { server_->for_each_held(true); }
void FakeRedis::drop_held() { server_->for_each_held(false); }
std::size_t FakeRedis::push(std::string_view bytes) { return server_->push(bytes); }
void FakeRedis::drop_connections(CloseHow how) { server_->end_all(how); }
void FakeRedis::refuse() { server_->stop_accepting(); }
void FakeRedis::leave_unanswered() { server_->leave_unanswered(); }
void FakeRedis::accept_again() { server_->start_accepting(); }

void FakeRedis::blackhole(bool on) {
  const std::lock_guard lock(server_->mutex_);
  server_->blackhole_ = on;
  server_->wake_.notify_all();
}

void FakeRedis::lose_connections() {
  const std::lock_guard lock(server_->mutex_);
  for (const auto& connection : server_->connections_) connection->lost = true;
}

void FakeRedis::change_password(std::string password) {
  const std::lock_guard lock(server_->mutex_);
  server_->commands_.change_password(std::move(password));
}

std::vector<RecordedCommand> FakeRedis::commands() const {
  const std::lock_guard lock(server_->mutex_);
  return server_->recorded_;
}

std::size_t FakeRedis::count_of(std::string_view command) const {
  const std::lock_guard lock(server_->mutex_);
  const auto& recorded = server_->recorded_;
  return static_cast<std::size_t>(std::count_if(recorded.begin(), recorded.end(), [&](const auto& entry) {
    return !entry.words.empty() && upper_case(entry.words.front()) == command;
  }));
}

void FakeRedis::forget_commands() {
  const std::lock_guard lock(server_->mutex_);
  server_->recorded_.clear();
}

std::size_t FakeRedis::connections_accepted() const {
  const std::lock_guard lock(server_->mutex_);
  return server_->accepted_;
}

std::size_t FakeRedis::connections_open() const { return server_->live().size(); }

void FakeRedis::set(const std::string& key, std::string value) {
  const std::lock_guard lock(server_->mutex_);
  server_->commands_.data()[key] = std::move(value);
}

std::optional<std::string> FakeRedis::get(const std::string& key) const {
  const std::lock_guard lock(server_->mutex_);
  const auto& data = server_->commands_.data();
  const auto found = data.find(key);
  return found == data.end() ? std::nullopt : std::optional<std::string>(found->second);
}

}  // namespace envoyou::testing
