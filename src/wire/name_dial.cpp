#include "wire/name_dial.hpp"

#include <netdb.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace envoyou::wire {

namespace {

using std::chrono::milliseconds;

struct Attempt {
  OwnedDescriptor socket;
  Address address;
};

// Alternates between the families, beginning with the one that the system prefers, so that a broken IPv6 costs one
// stagger however many addresses it has.
std::vector<Address> interleave(const addrinfo* list) {
  std::vector<Address> preferred;
  std::vector<Address> other;
  for (; list != nullptr; list = list->ai_next) {
    if (list->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address address;
    address.size = list->ai_addrlen;
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
    const bool first_family = preferred.empty() || preferred[0].family() == address.family();
    (first_family ? preferred : other).push_back(address);
  }
  std::vector<Address> mixed;
  for (std::size_t i = 0; i < std::max(preferred.size(), other.size()); ++i) {
    if (i < preferred.size()) mixed.push_back(preferred[i]);
    if (i < other.size()) mixed.push_back(other[i]);
  }
  if (mixed.size() > NameDial::kMaxAddresses) mixed.resize(NameDial::kMaxAddresses);
  return mixed;
}

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    const std::string why = code == EAI_SYSTEM ? describe_errno(errno) : gai_strerror(code);
    return Error(Errc::kUnavailable, "resolve " + host + ": " + why);
  }
  auto addresses = interleave(found);
  freeaddrinfo(found);
  return addresses;
}

// Several connects at once; the first that stands wins.
class Race {
 public:
  Race(std::string host, const std::atomic<bool>& abandoned) : host_(std::move(host)), abandoned_(abandoned) {}

  Result<OwnedDescriptor> run(const std::vector<Address>& addresses) {
    for (const Address& address : addresses) {
      if (begin(address) || wait(NameDial::kStagger)) return std::move(winner_);
      if (abandoned_) break;
    }
    milliseconds left = NameDial::kMaxRace;
    while (!attempts_.empty() && left.count() > 0 && !abandoned_) {
      if (wait(NameDial::kStagger)) return std::move(winner_);
      left -= NameDial::kStagger;
    }
    for (const Attempt& attempt : attempts_) note(attempt.address, "no answer");
    return Error(Errc::kUnavailable, "connect " + host_ + failures_);
  }

 private:
  // True if it stands at once.
  bool begin(const Address& address) {
    int error = 0;
    Attempt attempt{open_stream_socket(address.family()), address};
    const ConnectState state =
        attempt.socket ? begin_connect(attempt.socket.get(), address, error) : (error = errno, ConnectState::kFailed);
    if (state == ConnectState::kConnected) winner_ = std::move(attempt.socket);
    if (state == ConnectState::kFailed) note(address, describe_errno(error));
    if (state == ConnectState::kPending) attempts_.push_back(std::move(attempt));
    return static_cast<bool>(winner_);
  }

  // Until one stands, or all that are under way have failed, or `most` has passed without news.
  bool wait(milliseconds most) {
    while (!attempts_.empty()) {
      std::vector<pollfd> entries;
      for (const Attempt& attempt : attempts_) entries.push_back({attempt.socket.get(), POLLOUT, 0});
      const int ready = ::poll(entries.data(), static_cast<nfds_t>(entries.size()), static_cast<int>(most.count()));
      if (ready <= 0) return false;
      if (judge()) return true;
    }
    return false;
  }

  bool judge() {
    for (auto it = attempts_.begin(); it != attempts_.end();) {
      int error = 0;
      const ConnectState state = connect_state(it->socket.get(), error);
      if (state == ConnectState::kConnected) {
        winner_ = std::move(it->socket);
        return true;
      }
      if (state == ConnectState::kFailed) note(it->address, describe_errno(error));
      it = state == ConnectState::kFailed ? attempts_.erase(it) : std::next(it);
    }
    return false;
  }

  void note(const Address& address, const std::string& why) {
    failures_ += failures_.empty() ? ": " : ", ";
    failures_ += describe(address) + " " + why;
  }

  std::string host_;
  const std::atomic<bool>& abandoned_;
  std::vector<Attempt> attempts_;
  OwnedDescriptor winner_;
  std::string failures_;
};

Result<OwnedDescriptor> connect_by_name(const std::string& host, std::uint16_t port,
                                        const std::atomic<bool>& abandoned) noexcept {
  try {
    const auto addresses = resolve(host, port);
    if (!addresses) return addresses.error();
    return Race(host + ":" + std::to_string(port), abandoned).run(*addresses);
  } catch (const std::bad_alloc&) {
    return Error(Errc::kOutOfMemory);
  }
}

// Signals belong to the host's threads. Restores the mask that a new thread inherits.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

void Waker::operator()() noexcept {
  const std::lock_guard lock(mutex_);
  if (wake_) wake_();
}

void Waker::close() noexcept {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

struct NameDial::Shared {
  std::atomic<bool> abandoned{false};
  std::mutex mutex;
  std::optional<Result<OwnedDescriptor>> outcome;  // guarded by mutex

  void put(Result<OwnedDescriptor> result) {
    const std::lock_guard lock(mutex);
    outcome = std::move(result);
  }
};

NameDial::NameDial(std::string host, std::uint16_t port, std::shared_ptr<Waker> waker,
                   std::shared_ptr<ThreadCount> threads)
    : shared_(std::make_shared<Shared>()) {
  if (threads->fetch_add(1) >= kMaxThreads) {
    threads->fetch_sub(1);
    shared_->put(Error(Errc::kUnavailable,
                       "resolve " + host + ": " + std::to_string(kMaxThreads) + " look-ups are under way already"));
    return;
  }
  auto work = [shared = shared_, host, port, waker = std::move(waker), threads] {
    shared->put(connect_by_name(host, port, shared->abandoned));
    threads->fetch_sub(1);
    (*waker)();
  };
  try {
    const BlockedSignals blocked;
    std::thread(std::move(work)).detach();
  } catch (const std::system_error& error) {
    threads->fetch_sub(1);
    const int code = error.code().value();
    shared_->put(system_error(Errc::kUnavailable, "resolve " + host + ": no thread", code));
  }
}

NameDial::~NameDial() { shared_->abandoned = true; }

std::optional<Result<OwnedDescriptor>> NameDial::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->outcome, std::nullopt);
}

}  // namespace envoyou::wire
