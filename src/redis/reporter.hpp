// Tells the world what happens to the node: the listener at once, the log in few lines, the metrics as counters.
//
// Confined to the I/O role.
#pragma once

#include "redis/log_gate.hpp"
#include "redis/tally.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/metrics.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <string>
#include <string_view>

namespace envoyou::redis {

class Reporter {
 public:
  // `listener` may be null.
  Reporter(const Runtime& runtime, NodeListener* listener, const ClientOptions& options);

  // An attempt came to nothing, and no link is up.
  void refused(const Error& why, TimePoint now);
  void condemned(const Error& why, TimePoint now);
  // A link that was up is gone, and the server closed it.
  void lost(const Error& why, TimePoint now);
  // A link is ready. `first`: none was before.
  void ready(const ServerInfo& server, Microseconds round_trip, bool first, TimePoint now);
  void insecure();
  // What the server can: one line, and one more where that has changed.
  void learnt(const Capabilities& capabilities);
  // An AUTH on a link that is up was answered with the error code `answer`.
  void credentials_refused(std::string_view answer);
  // Certificates were replaced on disk by what can not be used.
  void tls_files_unusable(const Error& why);
  // `repeat_budget`: of the node, now.
  void publish(const Tally& tally, std::int64_t repeat_budget);

 private:
  void say_too_far(Microseconds round_trip);
  void warn(LogGate& gate, std::string_view message, const Error& why, TimePoint now);

  Logger logger_;
  NodeListener* listener_;
  std::string node_;
  LogGate refused_{1, Milliseconds(10'000)};
  LogGate ended_{3, Milliseconds(10'000)};
  LogGate ready_{3, Milliseconds(10'000)};
  const Milliseconds command_timeout_;
  bool said_too_far_ = false;
  std::string said_refusal_;  // what would be refused again for the same reason, and was told
  std::string said_learnt_;
  Tally published_;
  std::shared_ptr<MetricsRegistry> metrics_;  // keeps the counters alive
  Counter& connects_;
  Counter& condemned_;
  Counter& timeouts_;
  Counter& expired_unsent_;
  Counter& shortened_;
  Counter& repeated_;
  Counter& repeats_refused_;
  Counter& tls_handshakes_;
  Counter& tls_resumed_;
  Gauge& repeat_budget_;
  Counter& late_replies_;
  Counter& foreign_replies_;
  Counter& ignored_pushes_;
};

}  // namespace envoyou::redis
