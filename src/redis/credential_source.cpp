#include "redis/credential_source.hpp"

#include "base/blocked_signals.hpp"
#include "base/problems.hpp"

#include <algorithm>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxProviderText = 256;

Error about_provider(std::string_view what) {
  std::string text = "credentials: " + std::string(what.substr(0, kMaxProviderText));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return Error(Errc::kAuthentication, std::move(text));
}

// A host's function may throw, whatever it promised.
Result<Credentials> call(const CredentialsProvider& provider) noexcept {
  try {
    auto answer = provider();
    if (!answer) return answer;
    if (auto valid = validate_credentials(*answer); !valid) return valid.error();
    return answer;
  } catch (const std::bad_alloc&) {
    return Error(Errc::kOutOfMemory);
  } catch (...) {
    return Error(Errc::kAuthentication, "the provider threw an exception");
  }
}

}  // namespace

bool CredentialSource::run_on_new_thread(Task task) noexcept {
  try {
    const base::BlockedSignals blocked;
    std::thread([task = std::move(task)]() mutable { task(); }).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::shared_ptr<CredentialSource> CredentialSource::make(const ClientOptions& options, const Runtime& runtime,
                                                         std::function<void()> wake, Runner runner) {
  return std::shared_ptr<CredentialSource>(new CredentialSource(options, runtime, std::move(wake), std::move(runner)));
}

CredentialSource::CredentialSource(const ClientOptions& options, const Runtime& runtime, std::function<void()> wake,
                                   Runner runner)
    : provider_(options.credentials),
      patience_(options.connect_timeout),
      node_(describe(options)),
      logger_(runtime.logger),
      wake_(std::move(wake)),
      runner_(std::move(runner)) {
  wanted_ = provider_ != nullptr;
  if (!provider_) adopt({options.username, options.password});
  reckon();
}

std::shared_ptr<const Identity> CredentialSource::current() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

void CredentialSource::set(Credentials credentials) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = false;
    adopt(std::move(credentials));
    reckon();
  }
  wake_();
}

CredentialSource::Readiness CredentialSource::readiness(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (identity_) return Readiness::kReady;
  const bool may_still_come = !failure_ && (!asking_ || now < asked_at_ + patience_);
  return may_still_come ? Readiness::kPending : Readiness::kFailed;
}

Error CredentialSource::failure() const {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  return about_provider("the provider has not answered within " + std::to_string(patience_.count()) + " ms");
}

void CredentialSource::on_turn(TimePoint now) {
  if (now < due()) return;
  const std::lock_guard lock(mutex_);
  const bool is_due = wanted_ || now >= refresh_at_;
  if (provider_ && !asking_ && is_due && now >= may_ask_) ask(now);
  reckon();
  // The patience for the first answer is over once, and that was now.
  if (asking_ && now >= asked_at_ + patience_) due_.store(TimePoint::max().time_since_epoch().count());
}

void CredentialSource::ask(TimePoint now) {
  asking_ = true;
  asked_at_ = now;
  may_ask_ = now + kAskEvery;
  auto work = [self = shared_from_this(), now] { self->arrived(call(self->provider_), now); };
  if (runner_(std::move(work))) return;
  asking_ = false;
  fail(Error(Errc::kInternal, "no thread to ask the provider on"));
}

void CredentialSource::arrived(Result<Credentials> answer, TimePoint asked_at) {
  {
    const std::lock_guard lock(mutex_);
    asking_ = false;
    if (!answer) {
      fail(answer.error());
    } else {
      const auto valid_for = answer->valid_for;
      failure_.reset();
      adopt(*std::move(answer));
      refresh_at_ = TimePoint::max();
      if (valid_for) refresh_at_ = asked_at + *valid_for - std::min(*valid_for / kMarginPart, kMostMargin);
    }
    reckon();
  }
  wake_();
}

// Told when it begins to fail and not while it goes on.
void CredentialSource::fail(const Error& why) {
  const bool is_news = !failure_.has_value();
  failure_ = about_provider(why.message());
  if (!is_news) return;
  logger_.warning("redis", "the provider of credentials fails", {{"node", node_}, {"reason", failure_->message()}});
}

void CredentialSource::adopt(Credentials credentials) {
  const bool is_same =
      identity_ && identity_->username == credentials.username && identity_->password == credentials.password;
  if (is_same) return;
  const std::uint64_t generation = generation_.load(std::memory_order_relaxed) + 1;
  identity_ = std::make_shared<const Identity>(
      Identity{std::move(credentials.username), std::move(credentials.password), generation});
  wanted_ = false;
  generation_.store(generation, std::memory_order_release);
}

void CredentialSource::reckon() {
  TimePoint due = TimePoint::max();
  if (provider_ && !asking_) due = wanted_ ? may_ask_ : std::max(may_ask_, refresh_at_);
  if (asking_ && !identity_ && !failure_) due = asked_at_ + patience_;
  due_.store(due.time_since_epoch().count(), std::memory_order_release);
}

void CredentialSource::on_accepted(std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (!identity_ || identity_->generation != generation) return;
  wanted_ = false;
  reckon();
}

void CredentialSource::on_refused(std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (!identity_ || identity_->generation != generation) return;
  wanted_ = true;
  reckon();
}

Result<void> validate_credentials(const Credentials& credentials) {
  base::Problems problems;
  const auto fits = [](const std::string& text) { return text.size() <= kMaxCredentialBytes; };
  problems.require(fits(credentials.username), "username", "longer than 4096 bytes");
  problems.require(fits(credentials.password), "password", "longer than 4096 bytes");
  problems.require(credentials.username.empty() || !credentials.password.empty(), "password",
                   "empty, though a username is given");
  return problems.result();
}

}  // namespace envoyou::redis
