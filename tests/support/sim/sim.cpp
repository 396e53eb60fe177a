#include "sim.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace envoyou::redis {

namespace {

using namespace std::chrono_literals;

bool is_handshake(const Argv& argv) {
  return argv[0] == "HELLO" || argv[0] == "AUTH" || argv[0] == "SELECT" || argv[0] == "CLIENT" || argv[0] == "PING";
}

class SimStream final : public wire::Stream {
 public:
  // A null link: refused at once.
  explicit SimStream(std::shared_ptr<SimLink> link) : link_(std::move(link)) {}
  ~SimStream() override {
    if (link_) link_->closed_by_client = true;
  }

  int descriptor() const noexcept override { return link_ && !link_->resolving ? link_->descriptor : -1; }
  wire::Progress advance() override {
    if (is_refused()) return wire::Progress::kFailed;
    if (link_->resolving) return wire::Progress::kWantRead;
    return link_->connected ? wire::Progress::kReady : wire::Progress::kWantWrite;
  }
  wire::IoResult read(std::span<char> into) override {
    if (link_->reset) return {wire::IoResult::Kind::kFailed};
    if (!link_->to_client.empty()) {
      const std::size_t size = std::min({into.size(), link_->to_client.size(), link_->most});
      std::copy_n(link_->to_client.data(), size, into.data());
      link_->to_client.erase(0, size);
      return {wire::IoResult::Kind::kDone, size};
    }
    return {link_->closed_by_server ? wire::IoResult::Kind::kClosed : wire::IoResult::Kind::kWantRead};
  }
  wire::IoResult write(std::string_view bytes) override {
    if (link_->closed_by_server || link_->reset) return {wire::IoResult::Kind::kFailed};
    const std::size_t room = link_->room - std::min(link_->room, link_->to_server.size());
    const std::size_t size = std::min({bytes.size(), room, link_->most});
    if (size == 0) return {wire::IoResult::Kind::kWantWrite};
    link_->to_server.append(bytes.substr(0, size));
    return {wire::IoResult::Kind::kDone, size};
  }
  Error failure() const override {
    return is_refused() ? Error(Errc::kUnavailable, "connect sim: connection refused")
                        : Error(Errc::kConnectionLost, "closed by the peer");
  }

 private:
  bool is_refused() const { return !link_ || link_->refused; }

  std::shared_ptr<SimLink> link_;
};

}  // namespace

std::optional<Argv> take_command(std::string& bytes) {
  std::size_t at = 0;
  const auto line = [&](char type) -> std::optional<std::size_t> {
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos || bytes[at] != type) return std::nullopt;
    std::size_t number = 0;
    std::from_chars(bytes.data() + at + 1, bytes.data() + end, number);
    at = end + 2;
    return number;
  };
  const auto count = line('*');
  if (!count) return std::nullopt;
  Argv argv;
  for (std::size_t i = 0; i < *count; ++i) {
    const auto size = line('$');
    if (!size || bytes.size() < at + *size + 2) return std::nullopt;
    argv.push_back(bytes.substr(at, *size));
    at += *size + 2;
  }
  bytes.erase(0, at);
  return argv;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string integer(std::uint64_t number) { return ":" + std::to_string(number) + "\r\n"; }

std::shared_ptr<SimLink> SimServer::accept(std::uint16_t port) {
  ++dials;
  dial_times.push_back(clock_.now());
  if (refuses || (port != 0 && port == refuses_port)) return nullptr;
  auto link = std::make_shared<SimLink>();
  link->descriptor = next_descriptor_++;
  link->port = port;
  link->connected = !silent;
  link->room = room;
  links_.push_back(link);
  return link;
}

bool SimServer::pump() {
  bool moved = false;
  for (const auto& link : links_) {
    if (frozen || link->closed_by_client || link->closed_by_server) continue;
    while (auto argv = take_command(link->to_server)) {
      link->commands.push_back(*argv);
      answer(link, *argv);
      moved = true;
    }
  }
  for (auto it = late_.begin(); it != late_.end();) {
    if (frozen || it->at > clock_.now()) {
      ++it;
      continue;
    }
    it->link->to_client += it->bytes;
    it = late_.erase(it);
    moved = true;
  }
  return moved;
}

void SimServer::answer(const std::shared_ptr<SimLink>& link, const Argv& argv) {
  std::optional<std::string> bytes;
  if (link_handler) bytes = link_handler(*link, argv);
  if (!bytes && handler) bytes = handler(argv);
  if (!bytes) bytes = own_answer(argv);
  if (delay == 0ms) {
    link->to_client += *bytes;
  } else {
    late_.push_back({clock_.now() + delay, link, *std::move(bytes)});
  }
}

std::string SimServer::own_answer(const Argv& argv) const {
  if (argv[0] == "HELLO") {
    if (!knows_hello) return "-ERR unknown command 'HELLO'\r\n";
    return "%3\r\n" + bulk("version") + bulk("7.0.15") + bulk("proto") + ":3\r\n" + bulk("role") + bulk("master");
  }
  if (argv[0] == "PING") return argv.size() == 1 ? "+PONG\r\n" : bulk(argv[1]);
  if (argv[0] == "GET") return bulk("value of " + argv[1]);
  if (argv[0] == "INCR") return ":1\r\n";
  return "+OK\r\n";
}

TimePoint SimServer::next_due() {
  TimePoint due = TimePoint::max();
  for (const Answer& answer : late_) due = std::min(due, answer.at);
  return frozen ? TimePoint::max() : due;
}

void SimServer::drop_links() {
  for (const auto& link : links_) {
    link->closed_by_server = true;
    link->to_server.clear();
  }
  late_.clear();
}

void SimServer::push_to_all(std::string_view bytes) {
  for (const auto& link : links_) link->to_client += bytes;
}

std::vector<std::string> SimServer::asked() const {
  std::vector<std::string> lines;
  for (const auto& link : links_) {
    for (const Argv& argv : link->commands) {
      if (is_handshake(argv)) continue;
      std::string line;
      for (const auto& word : argv) line += (line.empty() ? "" : " ") + word;
      lines.push_back(line);
    }
  }
  return lines;
}

Result<void> SimLoop::watch(int descriptor, std::uint64_t token, wire::Interest interest) {
  watched_[descriptor] = {token, interest};
  return {};
}

void SimLoop::change(int descriptor, std::uint64_t token, wire::Interest interest) {
  watched_[descriptor] = {token, interest};
}

void SimLoop::forget(int descriptor) { watched_.erase(descriptor); }

void SimLoop::collect() {
  events_.clear();
  for (const auto& link : network_.links()) {
    const auto found = watched_.find(link->descriptor);
    if (found == watched_.end()) continue;
    const auto& [token, interest] = found->second;
    const bool over = link->closed_by_server || link->reset || link->refused;
    const bool readable = interest.read && (!link->to_client.empty() || over);
    const bool writable = interest.write && (over || (link->connected && link->to_server.size() < link->room));
    if (readable || writable) events_.push_back({token, readable, writable, link->reset || link->refused});
  }
}

std::span<const wire::Event> SimLoop::wait(TimePoint until) {
  ++polls;
  network_.pump();
  collect();
  // Time passes only while nothing else happens, and never past what the server does next.
  while (events_.empty() && !woken && clock_.now() < until) {
    const TimePoint next = std::min(until, network_.next_due());
    clock_.advance(next - clock_.now());
    network_.pump();
    collect();
  }
  woken = false;
  return events_;
}

std::unique_ptr<wire::Stream> SimDialer::dial() { return std::make_unique<SimStream>(peer_.accept(port_)); }

void Recorder::write(const LogRecord& record) noexcept {
  std::string line = std::string(to_string(record.level)) + " " + std::string(record.message);
  for (const LogField& field : record.fields) {
    if (field.name == "reason") line += ": " + std::string(field.value);
    if (field.name == "round_trip_us" && record.level == LogLevel::kWarning)
      line += " round_trip_us=" + std::string(field.value);
    if (field.name == "command_timeout_ms") line += " command_timeout_ms=" + std::string(field.value);
  }
  logged.push_back(line);
}

SimClient::SimClient(ClientOptions o)
    : options(std::move(o)),
      runtime{clock, Logger(recorder, LogLevel::kDebug), std::make_shared<MetricsRegistry>()},
      credentials(CredentialSource::make(
          options, runtime, [this] { loop.wake(); },
          [this](CredentialSource::Task task) {
            provider_calls.push_back(std::move(task));
            return true;
          })),
      node(std::make_shared<Node>(
          options, runtime, recorder.get(),
          EngineParts{
              .loop = loop, .dialer = std::make_unique<SimDialer>(server), .seed = 7, .credentials = credentials})),
      board(node->board),
      inbox(node->inbox) {
  reactor.add(node);
}

SimClient::~SimClient() {
  reactor.close();
  reactor.drop_everything(Error(Errc::kClosed));
}

void SimClient::answer_provider() {
  for (auto& call : std::exchange(provider_calls, {})) call();
}

void SimClient::run_for(std::chrono::nanoseconds time) {
  const TimePoint end = clock->now() + time;
  // At the end once more for what has just come.
  for (int quiet = 0; quiet < 3;) {
    reactor.step(end);
    const bool moved = server.pump();
    quiet = clock->now() >= end && !moved ? quiet + 1 : 0;
  }
}

void SimClient::post(Submission submission, Milliseconds timeout) {
  Pending pending(std::move(submission), clock->now() + timeout);
  if (board.is_away()) return pending.fail(board.why_away());
  if (auto posted = inbox.post(std::span(&pending, 1)); !posted) pending.fail(posted.error());
}

void SimClient::post_all(std::vector<Submission> group, Milliseconds timeout) {
  std::vector<Pending> pendings;
  for (Submission& submission : group) {
    pendings.emplace_back(std::move(submission), clock->now() + timeout);
    pendings.back().more_follow = true;
  }
  pendings.back().more_follow = false;
  if (auto posted = inbox.post(pendings); posted) return;
  for (Pending& pending : pendings) pending.fail(Error(Errc::kQueueFull));
}

ClientStats SimClient::stats() const {
  ClientStats stats;
  board.read_tally(stats);
  stats.submitted = inbox.posted();
  stats.queued = inbox.quota().unsent();
  return stats;
}

Command<std::optional<std::string>> get(std::string_view key, Repeat repeat) {
  return {Words("GET", key), decode_optional_string, repeat};
}

Command<void> set(std::string_view key, std::string_view value, Repeat repeat) {
  return {Words("SET", key, value), decode_ok, repeat};
}

Command<std::int64_t> incr(std::string_view key) { return {Words("INCR", key), decode_integer}; }

}  // namespace envoyou::redis
