#include <envoyou/redis/async.hpp>

#include <utility>

namespace envoyou::redis::detail_redis {

namespace {

// Whose `start` is running on this thread. A call that is answered within it must not resume: in a loop of calls that
// are refused at once the stack would grow with each.
thread_local const AsyncOperation* submitting = nullptr;

}  // namespace

AsyncOperation::Submitting::Submitting(AsyncOperation& operation) noexcept
    : operation_(&operation), before_(std::exchange(submitting, &operation)) {}

AsyncOperation::Submitting::~Submitting() { submitting = before_; }

bool AsyncOperation::Submitting::was_answered() const noexcept { return submitting != operation_; }

void AsyncOperation::release() noexcept {
  if (submitting == this) {
    submitting = nullptr;
    return taken();
  }
  if (!move_on(Stage::kWaiting, executor_ == nullptr ? Stage::kResuming : Stage::kPosted)) return delete this;
  if (executor_ != nullptr) return executor_->post(Job(*this));
  caller_.resume();
}

bool AsyncOperation::goes_by_executor() noexcept {
  if (executor_ == nullptr) return false;
  stage_.store(Stage::kPosted, std::memory_order_release);
  executor_->post(Job(*this));
  return true;
}

void AsyncOperation::run() noexcept {
  if (!move_on(Stage::kPosted, Stage::kResuming)) return delete this;
  caller_.resume();
}

void AsyncOperation::drop() noexcept {
  if (!move_on(Stage::kPosted, Stage::kDropped)) delete this;
}

void AsyncOperation::abandon() noexcept {
  switch (stage_.exchange(Stage::kAbandoned, std::memory_order_acq_rel)) {
    case Stage::kWaiting:
    case Stage::kPosted: return;  // the other side frees it
    case Stage::kTaken:
    case Stage::kDropped: return delete this;
    case Stage::kResuming:
    case Stage::kAbandoned: break;
  }
  detail::misuse("co_await Client::async", "destroyed while another thread resumes it");
}

}  // namespace envoyou::redis::detail_redis
