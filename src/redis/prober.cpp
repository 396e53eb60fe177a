#include "redis/prober.hpp"

#include "redis/capability_probe.hpp"

#include <utility>

namespace envoyou::redis {

class Prober::Reader final : public ReplyReader {
 public:
  Reader(Prober& owner, std::uint64_t round, std::size_t index) : owner_(owner), round_(round), index_(index) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    if (round_ == owner_.round_) owner_.take(index_, reply);
    return Verdict::kMine;
  }
  void on_error(Error) noexcept override { owner_.lose(round_); }

 private:
  Prober& owner_;
  const std::uint64_t round_;
  const std::size_t index_;
};

void Prober::on_greeting(const HandshakeFsm& handshake) {
  const ServerInfo& server = handshake.server();
  std::string name = server.name + " " + server.version;
  if (name != greeted_by_) {
    greeted_by_ = std::move(name);
    found_ = Capabilities();
    found_.server = server.name;
    found_.version = server.version;
    again_at_ = TimePoint::min();
    lost_ = 0;
  }
  if (!server.mode.empty()) found_.mode = server.mode;
  found_.resp3 = server.protocol == 3 ? Can::kYes : Can::kNo;
  found_.client_name = handshake.client_name();
}

std::vector<Prober::Question> Prober::questions(const HandshakeFsm& handshake, TimePoint now) {
  std::vector<Question> asked;
  if (!enabled_ || waits_for_ > 0 || lost_ == kMaxLost || now < again_at_) return asked;
  again_at_ = now + kAgain;
  ++round_;
  for (Words& words : probe_questions(handshake.identity()->username)) {
    asked.push_back({std::move(words), ReaderHandle(new Reader(*this, round_, waits_for_))});
    ++waits_for_;
  }
  return asked;
}

void Prober::take(std::size_t index, const ReplyView& answer) {
  take_probe_answer(index, answer, found_);
  if (--waits_for_ == 0) done_();
}

void Prober::lose(std::uint64_t round) {
  if (round != round_ || waits_for_ == 0) return;
  waits_for_ = 0;
  ++round_;
  ++lost_;
  again_at_ = TimePoint::min();
}

}  // namespace envoyou::redis
