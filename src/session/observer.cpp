#include "session/observer.hpp"

#include <string>
#include <utility>

namespace envoyou::session {
namespace {

constexpr std::string_view kOperationsName = "envoyou_session_operations_total";
constexpr std::string_view kOperationsHelp = "Operations of the session store, by outcome.";
constexpr std::string_view kCarriedName = "envoyou_session_carried_total";
constexpr std::string_view kCarriedHelp = "Sessions of an outage that Redis was told of, by what became of them.";
constexpr std::string_view kUnansweredName = "envoyou_session_unanswered_total";
constexpr std::string_view kUnansweredHelp = "Calls to Redis after which this process went on by itself.";
constexpr std::array<std::string_view, 6> kOutcomeNames = {"ok",      "not_found", "conflict",
                                                           "unknown", "invalid",   "error"};

Counter& carried_counter(MetricsRegistry& metrics, std::string_view outcome) {
  return metrics.counter(kCarriedName, "outcome=\"" + std::string(outcome) + "\"", kCarriedHelp);
}

// Reads and touches come with every request; the rest is worth a line.
LogLevel level_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::kGet:
    case Operation::kValidate:
    case Operation::kTouch:
    case Operation::kList: return LogLevel::kDebug;
    default: return LogLevel::kInfo;
  }
}

}  // namespace

std::string_view to_string(Operation operation) noexcept {
  switch (operation) {
    case Operation::kCreate: return "create";
    case Operation::kGet: return "get";
    case Operation::kValidate: return "validate";
    case Operation::kReplace: return "replace";
    case Operation::kMerge: return "merge";
    case Operation::kTouch: return "touch";
    case Operation::kRotate: return "rotate";
    case Operation::kRemove: return "remove";
    case Operation::kList: return "list";
    case Operation::kRevoke: return "revoke";
    case Operation::kRevokeAll: return "revoke_all";
  }
  return "unknown";
}

Observer::Observer(Runtime runtime)
    : runtime_(std::move(runtime)),
      taken_over_(carried_counter(*runtime_.metrics, "taken_over")),
      ended_(carried_counter(*runtime_.metrics, "ended")),
      outdone_(carried_counter(*runtime_.metrics, "outdone")),
      lost_(carried_counter(*runtime_.metrics, "lost")),
      pending_(
          runtime_.metrics->gauge("envoyou_session_pending", "", "Sessions and ends that Redis has not been told of.")),
      overflows_(runtime_.metrics->gauge("envoyou_session_overflows", "", "Times that a local store was full.")),
      copies_(runtime_.metrics->gauge("envoyou_session_copies", "", "Copies of sessions kept for an outage.")) {
  for (std::size_t operation = 0; operation < kOperations; ++operation)
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
      const std::string labels = "op=\"" + std::string(to_string(static_cast<Operation>(operation))) + "\",result=\"" +
                                 std::string(kOutcomeNames[outcome]) + "\"";
      operations_[operation][outcome] = &runtime_.metrics->counter(kOperationsName, labels, kOperationsHelp);
    }
}

void Observer::count(Operation operation, Outcome outcome) const {
  operations_[static_cast<std::size_t>(operation)][outcome]->add();
}

Observer::Outcome Observer::outcome_of(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::kNotFound: return kNotFound;
    case Errc::kConflict: return kConflict;
    case Errc::kUnknown: return kUnknown;
    case Errc::kInvalidArgument:
    case Errc::kTooLarge: return kInvalid;
    default: return kError;
  }
}

void Observer::done(Operation operation, std::string_view handle) const {
  count(operation, kOk);
  runtime_.logger.log(level_of(operation), "session", to_string(operation), {{"handle", handle}});
}

void Observer::failed(Operation operation, std::string_view handle, const Error& error) const {
  const Outcome outcome = outcome_of(error);
  count(operation, outcome);
  runtime_.logger.log(outcome == kError ? LogLevel::kError : LogLevel::kDebug, "session", to_string(operation),
                      {{"handle", handle}, {"result", envoyou::to_string(error.code())}});
}

void Observer::unanswered(const Error& error) const {
  const std::string_view code = envoyou::to_string(error.code());
  runtime_.metrics->counter(kUnansweredName, "code=\"" + std::string(code) + "\"", kUnansweredHelp).add();
  runtime_.logger.debug("session", "no answer of Redis", {{"code", code}});
}

void Observer::carried(std::size_t taken_over, std::size_t ended, std::size_t outdone) const {
  taken_over_.add(taken_over);
  ended_.add(ended);
  outdone_.add(outdone);
  const std::string counts[] = {std::to_string(taken_over), std::to_string(ended), std::to_string(outdone)};
  runtime_.logger.debug("session", "carried over",
                        {{"taken_over", counts[0]}, {"ended", counts[1]}, {"outdone", counts[2]}});
}

void Observer::lost(std::string_view handle, const Error& error) const {
  lost_.add();
  runtime_.logger.error("session", "could not be carried over",
                        {{"handle", handle}, {"result", envoyou::to_string(error.code())}});
}

void Observer::pending(std::size_t entries) const { pending_.set(static_cast<std::int64_t>(entries)); }
void Observer::overflows(std::uint64_t total) const { overflows_.set(static_cast<std::int64_t>(total)); }
void Observer::copies(std::size_t entries) const { copies_.set(static_cast<std::int64_t>(entries)); }

void Observer::clock_differs(std::int64_t offset_ms) const {
  runtime_.logger.warning("session", "the clock of Redis differs from this machine's",
                          {{"by_ms", std::to_string(offset_ms)}});
}

}  // namespace envoyou::session
