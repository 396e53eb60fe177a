#include "redis/reporter.hpp"

#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::string_view kComponent = "redis";

Counter& counter(MetricsRegistry& metrics, std::string_view name, std::string_view help) {
  return metrics.counter(name, "", help);
}

void add_since(Counter& counter, std::uint64_t& before, std::uint64_t now) {
  if (now != before) counter.add(now - std::exchange(before, now));
}

void tell(const Logger& logger, LogGate& gate, std::string_view message, std::string_view node, const Error& why) {
  const std::string held_back = std::to_string(gate.take_held_back());
  logger.warning(kComponent, message, {{"node", node}, {"reason", why.message()}, {"unreported", held_back}});
}

}  // namespace

Reporter::Reporter(const Runtime& runtime, NodeListener* listener, const ClientOptions& options)
    : logger_(runtime.logger),
      listener_(listener),
      node_(describe(options)),
      command_timeout_(options.command_timeout),
      metrics_(runtime.metrics),
      connects_(counter(*metrics_, "envoyou_redis_connects_total", "attempts to connect to Redis")),
      condemned_(counter(*metrics_, "envoyou_redis_condemned_total", "links closed for silence or for a wrong answer")),
      timeouts_(counter(*metrics_, "envoyou_redis_timeouts_total", "commands given up after they were sent")),
      expired_unsent_(
          counter(*metrics_, "envoyou_redis_expired_unsent_total", "commands given up before they were sent")),
      shortened_(
          counter(*metrics_, "envoyou_redis_shortened_total", "commands that had less time than command_timeout")),
      repeated_(counter(*metrics_, "envoyou_redis_repeated_total", "commands sent again on another link")),
      repeats_refused_(counter(*metrics_, "envoyou_redis_repeats_refused_total",
                               "commands not sent again, since the node's budget of repeats was spent")),
      tls_handshakes_(counter(*metrics_, "envoyou_redis_tls_handshakes_total", "TLS handshakes that were completed")),
      tls_resumed_(counter(*metrics_, "envoyou_redis_tls_resumed_total", "TLS handshakes that took up a session")),
      repeat_budget_(
          metrics_->gauge("envoyou_redis_repeat_budget", "", "commands that may be sent again at once, at most 100")),
      late_replies_(
          counter(*metrics_, "envoyou_redis_late_replies_total", "replies to commands that had been given up")),
      foreign_replies_(
          counter(*metrics_, "envoyou_redis_foreign_replies_total", "replies that belonged to another question")),
      ignored_pushes_(counter(*metrics_, "envoyou_redis_ignored_pushes_total", "pushes of a kind that nobody wanted")) {
}

void Reporter::publish(const Tally& tally, std::int64_t repeat_budget) {
  add_since(connects_, published_.connects, tally.connects);
  add_since(condemned_, published_.condemned, tally.condemned);
  add_since(timeouts_, published_.timed_out, tally.timed_out);
  add_since(expired_unsent_, published_.expired_unsent, tally.expired_unsent);
  add_since(shortened_, published_.shortened, tally.shortened);
  add_since(repeated_, published_.repeated, tally.repeated);
  add_since(repeats_refused_, published_.repeats_refused, tally.repeats_refused);
  add_since(tls_handshakes_, published_.tls_handshakes, tally.tls_handshakes);
  add_since(tls_resumed_, published_.tls_resumed, tally.tls_resumed);
  repeat_budget_.set(repeat_budget);
  if (tally.too_far > 0 && !said_too_far_) say_too_far(tally.round_trip);
  add_since(late_replies_, published_.late_replies, tally.late_replies);
  add_since(foreign_replies_, published_.foreign_replies, tally.foreign_replies);
  add_since(ignored_pushes_, published_.ignored_pushes, tally.ignored_pushes);
}

void Reporter::warn(LogGate& gate, std::string_view message, const Error& why, TimePoint now) {
  if (gate.passes(now)) tell(logger_, gate, message, node_, why);
}

void Reporter::refused(const Error& why, TimePoint now) {
  if (listener_ != nullptr) listener_->on_refused(why.message());
  // A password or a certificate does not mend itself: told once until a link is up, or the reason is another.
  const bool stays = why.code() == Errc::kAuthentication || why.code() == Errc::kTls;
  if (stays && said_refusal_ == why.message()) return;
  said_refusal_.clear();
  if (!refused_.passes(now)) return;
  if (stays) said_refusal_ = why.message();
  tell(logger_, refused_, "not connected", node_, why);
}

void Reporter::condemned(const Error& why, TimePoint now) {
  if (listener_ != nullptr) listener_->on_condemned(why.message());
  warn(ended_, "link condemned", why, now);
}

void Reporter::lost(const Error& why, TimePoint now) { warn(ended_, "link lost", why, now); }

void Reporter::ready(const ServerInfo& server, Microseconds round_trip, bool first, TimePoint now) {
  if (listener_ != nullptr) listener_->on_answered(round_trip);
  refused_.reopen();
  said_refusal_.clear();
  if (!first || !ready_.passes(now)) return;
  const std::string micros = std::to_string(round_trip.count());
  const std::string held_back = std::to_string(ready_.take_held_back());
  logger_.info(kComponent, "connected",
               {{"node", node_},
                {"version", server.version.empty() ? "not told" : std::string_view(server.version)},
                {"protocol", server.protocol == 3 ? "RESP3" : "RESP2"},
                {"role", server.role.empty() ? "not told" : std::string_view(server.role)},
                {"round_trip_us", micros},
                {"unreported", held_back}});
}

// Once in a client's life.
void Reporter::say_too_far(Microseconds round_trip) {
  said_too_far_ = true;
  const std::string micros = std::to_string(round_trip.count());
  const std::string most = std::to_string(command_timeout_.count());
  logger_.warning(kComponent,
                  "no command can be answered in time: the way to this server takes longer than command_timeout",
                  {{"node", node_}, {"round_trip_us", micros}, {"command_timeout_ms", most}});
}

void Reporter::learnt(const Capabilities& capabilities) {
  std::string is = describe(capabilities);
  if (is == said_learnt_) return;
  said_learnt_ = std::move(is);
  const std::string_view policy = capabilities.maxmemory_policy;
  logger_.info(kComponent, "the server has shown what it can",
               {{"node", node_}, {"server", said_learnt_}, {"maxmemory_policy", policy.empty() ? "not told" : policy}});
}

void Reporter::credentials_refused(std::string_view answer) {
  logger_.warning(kComponent, "the server refuses the new credentials; links that are up go on under those before",
                  {{"node", node_}, {"reason", answer}});
}

void Reporter::tls_files_unusable(const Error& why) {
  logger_.warning(kComponent, "certificates were replaced by what can not be used; those before stay in use",
                  {{"node", node_}, {"reason", why.message()}});
}

void Reporter::insecure() {
  logger_.warning(kComponent,
                  "the server's certificate is not verified: anyone on the way can read and change everything",
                  {{"node", node_}});
}

}  // namespace envoyou::redis
