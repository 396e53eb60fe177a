#include "redis/handshake_fsm.hpp"

#include "redis/error_reply.hpp"

#include <array>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

using Action = HandshakeFsm::Action;

bool is_status(const ReplyView& reply, std::string_view text) noexcept {
  return reply.is_string() && reply.text == text;
}

// A server that forbids PING, or that refuses it because it can not write its file, has answered it all the same.
bool is_answer_to_ping(const ReplyView& reply) noexcept {
  if (!reply.is_error()) return is_status(reply, "PONG");
  const Errc code = classify_error(reply.text);
  return code == Errc::kPermission || code == Errc::kMisconfigured;
}

// Errors that say "not now" or "not you"; HELLO's others say that it is not known here, in one way or another.
bool is_final_for_hello(Errc code) noexcept {
  switch (code) {
    case Errc::kAuthentication:
    case Errc::kLoading:
    case Errc::kMisconfigured:
    case Errc::kServerMemory: return true;
    default: return false;
  }
}

}  // namespace

std::string_view HandshakeFsm::asked() const noexcept {
  constexpr std::array<std::string_view, 8> kNames{"nothing", "HELLO",    "AUTH", "CLIENT SETNAME",
                                                   "SELECT",  "READONLY", "PING", "nothing"};
  return kNames[static_cast<std::size_t>(state_)];
}

Action HandshakeFsm::send(State next, Words words) {
  state_ = next;
  return {Action::Kind::kSend, std::move(words)};
}

Action HandshakeFsm::refuse(Errc code, std::string_view why) const {
  std::string text(asked());
  text += ": ";
  text += why;
  return {Action::Kind::kRefused, {}, Error(code, std::move(text))};
}

Action HandshakeFsm::refuse(std::string_view reply_text) const {
  const Errc code = classify_error(reply_text);
  if (code == Errc::kAuthentication) {
    const bool unasked = identity_->password.empty();
    const std::string_view why = unasked ? "the server asks for a password and none is configured"
                                         : "the server refuses the username or the password";
    return refuse(code, std::string(code_word(reply_text)) + ", " + std::string(why));
  }
  if (reply_text.starts_with("ERR max number of clients"))
    return refuse(code, "the server has as many clients as it takes");
  const bool may_echo = state_ == State::kHello || state_ == State::kAuth;
  if (may_echo) return refuse(code, "the server answered " + std::string(code_word(reply_text)));
  return refuse(code, error_from_reply(reply_text, identity_->password).message());
}

Action HandshakeFsm::start() {
  Words hello("HELLO");
  hello.add(3);
  if (!identity_->password.empty()) {
    hello.add("AUTH");
    hello.add(identity_->username.empty() ? std::string_view("default") : std::string_view(identity_->username));
    hello.add(identity_->password);
  }
  if (!options_->client_name.empty()) hello.add("SETNAME").add(options_->client_name);
  return send(State::kHello, std::move(hello));
}

Action HandshakeFsm::on_reply(const ReplyView& reply, TimePoint now) {
  switch (state_) {
    case State::kHello: return after_hello(reply, now);
    case State::kAuth: return after_auth(reply, now);
    case State::kSetName: return after_set_name(reply, now);
    case State::kSelect: return after_select(reply, now);
    case State::kReadOnly: return ping(now);
    case State::kPing: return after_ping(reply, now);
    case State::kStart:
    case State::kReady: break;
  }
  return refuse(Errc::kForeignReply, "a reply that nobody asked for");
}

Action HandshakeFsm::after_hello(const ReplyView& reply, TimePoint now) {
  if (reply.is_error()) {
    return is_final_for_hello(classify_error(reply.text)) ? refuse(reply.text) : authenticate(now);
  }
  if (!reply.is_aggregate() || reply.elements.size() % 2 != 0) {
    return refuse(Errc::kForeignReply, "the answer is not one to HELLO");
  }
  read_server(reply);
  if (!options_->client_name.empty()) client_name_ = Can::kYes;
  return select(now);
}

void HandshakeFsm::read_server(const ReplyView& reply) {
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    const ReplyView& name = reply.elements[i];
    const ReplyView& value = reply.elements[i + 1];
    if (name.text == "version" && value.is_string()) server_.version = value.text;
    if (name.text == "server" && value.is_string()) server_.name = value.text;
    if (name.text == "mode" && value.is_string()) server_.mode = value.text;
    if (name.text == "role" && value.is_string()) server_.role = value.text;
    if (name.text == "proto" && value.is_integer() && value.integer == 3) server_.protocol = 3;
  }
}

Action HandshakeFsm::authenticate(TimePoint now) {
  if (identity_->password.empty()) return set_name(now);
  Words auth("AUTH");
  if (!identity_->username.empty()) auth.add(identity_->username);
  auth.add(identity_->password);
  return send(State::kAuth, std::move(auth));
}

Action HandshakeFsm::after_auth(const ReplyView& reply, TimePoint now) {
  if (is_status(reply, "OK")) return set_name(now);
  if (!reply.is_error()) return refuse(Errc::kForeignReply, "the answer is not one to AUTH");
  const Errc code = classify_error(reply.text);
  // Before Redis 6 a wrong password, and a password where none is set, are a plain ERR.
  if (code == Errc::kServerError) {
    return refuse(Errc::kAuthentication, "the server does not take the username or the password");
  }
  return refuse(reply.text);
}

Action HandshakeFsm::set_name(TimePoint now) {
  if (options_->client_name.empty()) return select(now);
  return send(State::kSetName, Words("CLIENT", "SETNAME", std::string_view(options_->client_name)));
}

Action HandshakeFsm::after_set_name(const ReplyView& reply, TimePoint now) {
  if (!reply.is_error() && !is_status(reply, "OK")) {
    return refuse(Errc::kForeignReply, "the answer is not one to CLIENT SETNAME");
  }
  client_name_ = reply.is_error() ? Can::kNo : Can::kYes;
  return select(now);
}

Action HandshakeFsm::select(TimePoint now) {
  if (options_->database == 0) return read_only(now);
  return send(State::kSelect, Words("SELECT", options_->database));
}

Action HandshakeFsm::after_select(const ReplyView& reply, TimePoint now) {
  if (is_status(reply, "OK")) return read_only(now);
  if (reply.is_error()) return refuse(reply.text);
  return refuse(Errc::kForeignReply, "the answer is not one to SELECT");
}

// Lets a replica of a cluster answer reads. Outside a cluster it is not known, and not needed.
Action HandshakeFsm::read_only(TimePoint now) {
  if (options_->read_from == ReadFrom::kPrimary) return ping(now);
  return send(State::kReadOnly, Words("READONLY"));
}

Action HandshakeFsm::ping(TimePoint now) {
  ping_sent_ = now;
  return send(State::kPing, Words("PING"));
}

Action HandshakeFsm::after_ping(const ReplyView& reply, TimePoint now) {
  if (!is_answer_to_ping(reply)) {
    return reply.is_error() ? refuse(reply.text) : refuse(Errc::kForeignReply, "the answer is not one to PING");
  }
  round_trip_ = std::chrono::duration_cast<Microseconds>(now - ping_sent_);
  state_ = State::kReady;
  return {Action::Kind::kReady};
}

}  // namespace envoyou::redis
