// A plain TCP or Unix stream: connects without blocking, then moves bytes. Also what a TLS stream stands on.
//
// Confined to one thread.
#pragma once

#include "wire/name_dial.hpp"
#include "wire/socket.hpp"
#include "wire/stream.hpp"

#include <memory>
#include <string>

namespace envoyou::wire {

class SocketStream final : public Stream {
 public:
  // `name` is the peer in messages: "cache.example:6379".
  SocketStream(std::string name, const Address& address);
  SocketStream(std::string name, std::unique_ptr<NameDial> dial);

  int descriptor() const noexcept override { return socket_.get(); }
  Progress advance() override;
  IoResult read(std::span<char> into) override;
  IoResult read_waiting(std::span<char> into) override;
  IoResult write(std::string_view bytes) override;
  Error failure() const override;

  const std::string& name() const noexcept { return name_; }

 private:
  enum class State : unsigned char { kNaming, kConnecting, kReady, kFailed };

  Progress take_named();
  Progress finish_connect();
  void fail(Error error);
  IoResult judge_read(long got);
  IoResult failed_io(std::string_view verb, int error);

  std::string name_;
  State state_;
  OwnedDescriptor socket_;
  std::unique_ptr<NameDial> dial_;  // while naming
  bool may_wait_ = false;
  Error failure_{Errc::kOk};
};

}  // namespace envoyou::wire
