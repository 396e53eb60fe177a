#include "instance.hpp"

#include <string>
#include <utility>

namespace envoyou::simulation {

void Witness::write(const LogRecord& record) noexcept {
  see("log", record.message);
  for (const LogField& field : record.fields) see("log", field.value);
}

void Witness::see(std::string_view what, std::string_view text) noexcept {
  journal_.note(what, 0, 0, text);
  if (text.find(kPassword) != std::string_view::npos) journal_.violate("the password was told: " + std::string(text));
}

Instance::Instance(const redis::ClientOptions& options, const std::shared_ptr<testing::ManualClock>& clock,
                   World& world, Host& host, const std::shared_ptr<Witness>& witness, std::uint64_t seed)
    : loop_(*clock, world),
      reactor_(loop_, clock),
      node_(std::make_shared<redis::Node>(
          options, Runtime{clock, Logger(witness, LogLevel::kDebug), std::make_shared<MetricsRegistry>()},
          witness.get(), redis::EngineParts{loop_, std::make_unique<redis::SimDialer>(host), seed})) {
  reactor_.add(node_);
}

void Instance::submit(std::vector<redis::Submission> group, TimePoint now, TimePoint deadline) {
  std::vector<redis::Pending> pendings;
  for (redis::Submission& submission : group) {
    pendings.emplace_back(std::move(submission), deadline);
    pendings.back().more_follow = true;
  }
  pendings.back().more_follow = false;
  Result<void> posted;
  if (now >= deadline) {
    posted = Error(Errc::kNotSent);
  } else if (node_->board.is_away()) {
    posted = node_->board.why_away();
  } else {
    posted = node_->inbox.post(pendings);
  }
  if (posted) return;
  for (redis::Pending& pending : pendings) pending.fail(posted.error());
}

void Instance::close() {
  reactor_.close();
  reactor_.drop_everything(Error(Errc::kClosed));
  reactor_.show_closed();
}

redis::ClientStats Instance::stats() const {
  redis::ClientStats stats;
  node_->board.read_tally(stats);
  return stats;
}

}  // namespace envoyou::simulation
