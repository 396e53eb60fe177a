#include "wire/address_race.hpp"

#include <poll.h>

#include <cerrno>
#include <iterator>
#include <utility>

namespace envoyou::wire {

namespace {

using std::chrono::milliseconds;

struct Attempt {
  OwnedDescriptor socket;
  Address address;
};

// Several connects at once; the first that stands wins.
class Race {
 public:
  Race(std::string host, const std::atomic<bool>& abandoned) : host_(std::move(host)), abandoned_(abandoned) {}

  Result<OwnedDescriptor> run(const std::vector<Address>& addresses) {
    for (const Address& address : addresses) {
      if (abandoned_) break;
      const ConnectState state = begin(address);
      if (state == ConnectState::kPending) wait(kStagger);
      if (winner_) return std::move(winner_);
    }
    milliseconds left = kMaxRace;
    while (!attempts_.empty() && left.count() > 0 && !abandoned_) {
      wait(kStagger);
      if (winner_) return std::move(winner_);
      left -= kStagger;
    }
    for (const Attempt& attempt : attempts_) note(attempt.address, "no answer");
    return Error(Errc::kUnavailable, "connect " + host_ + failures_);
  }

 private:
  ConnectState begin(const Address& address) {
    int error = 0;
    Attempt attempt{open_stream_socket(address.family()), address};
    const ConnectState state =
        attempt.socket ? begin_connect(attempt.socket.get(), address, error) : (error = errno, ConnectState::kFailed);
    if (state == ConnectState::kConnected) winner_ = std::move(attempt.socket);
    if (state == ConnectState::kFailed) note(address, describe_errno(error));
    if (state == ConnectState::kPending) attempts_.push_back(std::move(attempt));
    return state;
  }

  // Until there is news of one of them, or `most` has passed.
  void wait(milliseconds most) {
    std::vector<pollfd> entries;
    for (const Attempt& attempt : attempts_) entries.push_back({attempt.socket.get(), POLLOUT, 0});
    const int ready = ::poll(entries.data(), static_cast<nfds_t>(entries.size()), static_cast<int>(most.count()));
    if (ready > 0) judge();
  }

  void judge() {
    for (auto it = attempts_.begin(); it != attempts_.end();) {
      int error = 0;
      const ConnectState state = connect_state(it->socket.get(), error);
      if (state == ConnectState::kConnected) {
        winner_ = std::move(it->socket);
        return;
      }
      if (state == ConnectState::kFailed) note(it->address, describe_errno(error));
      it = state == ConnectState::kFailed ? attempts_.erase(it) : std::next(it);
    }
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

}  // namespace

Result<OwnedDescriptor> race_addresses(const std::string& name, const std::vector<Address>& addresses,
                                       const std::atomic<bool>& abandoned) {
  return Race(name, abandoned).run(addresses);
}

}  // namespace envoyou::wire
