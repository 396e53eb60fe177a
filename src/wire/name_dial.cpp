#include "wire/name_dial.hpp"

#include "base/blocked_signals.hpp"
#include "wire/address_race.hpp"

#include <netdb.h>
#include <strings.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace envoyou::wire {

namespace {

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
  if (mixed.size() > kMaxAddresses) mixed.resize(kMaxAddresses);
  return mixed;
}

// RFC 6761, 6.3: these names are the loopback's, whoever resolves them.
bool is_localhost(const std::string& host) {
  const std::size_t size = host.size() - (host.ends_with('.') ? 1 : 0);
  const std::size_t label = std::strlen("localhost");
  if (size < label || (size > label && host[size - label - 1] != '.')) return false;
  return ::strncasecmp(host.c_str() + size - label, "localhost", label) == 0;
}

// `host` null: the loopback addresses.
int look_up(const char* host, std::uint16_t port, addrinfo** found) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  return getaddrinfo(host, std::to_string(port).c_str(), &hints, found);
}

// A bare container may have no /etc/hosts, and then its resolver does not know what localhost is.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
  addrinfo* found = nullptr;
  int code = look_up(host.c_str(), port, &found);
  if (code != 0 && is_localhost(host)) code = look_up(nullptr, port, &found);
  if (code != 0) {
    const std::string why = code == EAI_SYSTEM ? describe_errno(errno) : gai_strerror(code);
    return Error(Errc::kUnavailable, "resolve " + host + ": " + why);
  }
  auto addresses = interleave(found);
  freeaddrinfo(found);
  return addresses;
}

Result<OwnedDescriptor> connect_by_name(const std::string& host, std::uint16_t port,
                                        const std::atomic<bool>& abandoned) noexcept {
  try {
    const auto addresses = resolve(host, port);
    if (!addresses) return addresses.error();
    return race_addresses(host + ":" + std::to_string(port), *addresses, abandoned);
  } catch (const std::bad_alloc&) {
    return Error(Errc::kOutOfMemory);
  }
}

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

NameDial::NameDial(const std::string& host, std::uint16_t port, std::shared_ptr<Waker> waker,
                   const std::shared_ptr<ThreadCount>& threads)
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
    const base::BlockedSignals blocked;
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
