#include "wire/socket_stream.hpp"

#include <cerrno>
#include <utility>

namespace envoyou::wire {

SocketStream::SocketStream(std::string name, const Address& address)
    : name_(std::move(name)), state_(State::kConnecting), socket_(open_stream_socket(address.family())) {
  int error = errno;
  const ConnectState state = socket_ ? begin_connect(socket_.get(), address, error) : ConnectState::kFailed;
  if (state == ConnectState::kConnected) state_ = State::kReady;
  if (state == ConnectState::kFailed) {
    fail(system_error(Errc::kUnavailable, "connect " + name_, error));
  }
}

SocketStream::SocketStream(std::string name, std::unique_ptr<NameDial> dial)
    : name_(std::move(name)), state_(State::kNaming), dial_(std::move(dial)) {}

Progress SocketStream::advance() {
  if (state_ == State::kNaming) return take_named();
  if (state_ == State::kConnecting) return finish_connect();
  return state_ == State::kReady ? Progress::kReady : Progress::kFailed;
}

Progress SocketStream::take_named() {
  auto outcome = dial_->take();
  if (!outcome) return Progress::kWantRead;
  dial_.reset();
  if (!*outcome) {
    fail(outcome->error());
    return Progress::kFailed;
  }
  socket_ = std::move(*outcome).value();
  state_ = State::kReady;
  return Progress::kReady;
}

Progress SocketStream::finish_connect() {
  int error = 0;
  switch (connect_state(socket_.get(), error)) {
    case ConnectState::kPending: return Progress::kWantWrite;
    case ConnectState::kConnected: state_ = State::kReady; return Progress::kReady;
    case ConnectState::kFailed: break;
  }
  fail(system_error(Errc::kUnavailable, "connect " + name_, error));
  return Progress::kFailed;
}

IoResult SocketStream::read(std::span<char> into) {
  if (state_ != State::kReady) return {IoResult::Kind::kFailed};
  return judge_read(receive_some(socket_.get(), into.data(), into.size()));
}

// The first call asks the system for it, so that who never waits pays nothing.
IoResult SocketStream::read_waiting(std::span<char> into) {
  if (state_ != State::kReady) return {IoResult::Kind::kFailed};
  if (!may_wait_) may_wait_ = allow_waiting(socket_.get());
  if (!may_wait_) return read(into);
  return judge_read(receive_waiting(socket_.get(), into.data(), into.size()));
}

IoResult SocketStream::judge_read(long got) {
  if (got > 0) return {IoResult::Kind::kDone, static_cast<std::size_t>(got)};
  if (got == 0) {
    fail(Error(Errc::kConnectionLost, "read " + name_ + ": closed by the peer"));
    return {IoResult::Kind::kClosed};
  }
  if (would_block(errno)) return {IoResult::Kind::kWantRead};
  return failed_io("read ", errno);
}

IoResult SocketStream::write(std::string_view bytes) {
  if (state_ != State::kReady) return {IoResult::Kind::kFailed};
  const long sent = send_some(socket_.get(), bytes.data(), bytes.size());
  if (sent >= 0) return {IoResult::Kind::kDone, static_cast<std::size_t>(sent)};
  if (would_block(errno)) return {IoResult::Kind::kWantWrite};
  return failed_io("write ", errno);
}

IoResult SocketStream::failed_io(std::string_view verb, int error) {
  fail(system_error(Errc::kConnectionLost, std::string(verb) + name_, error));
  return {IoResult::Kind::kFailed};
}

Error SocketStream::failure() const {
  switch (state_) {
    case State::kNaming: return Error(Errc::kUnavailable, "resolve " + name_ + ": no answer yet");
    case State::kConnecting: return Error(Errc::kUnavailable, "connect " + name_ + ": no answer yet");
    case State::kReady:
    case State::kFailed: break;
  }
  return failure_;
}

void SocketStream::fail(Error error) {
  state_ = State::kFailed;
  failure_ = std::move(error);
}

}  // namespace envoyou::wire
