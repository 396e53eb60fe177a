#include <envoyou/redis/subscriber.hpp>

#include "redis/client_impl.hpp"
#include "redis/guarded_task.hpp"
#include "redis/subscriber_core.hpp"

#include <new>
#include <utility>

namespace envoyou::redis {

struct Subscriber::Impl {
  Impl(std::shared_ptr<Client> c, SubscriberOptions o)
      : client(std::move(c)), limits(o), host(*client->impl().core->reactor, *client->impl().nodes) {}

  bool forked() const noexcept { return client->impl().fork_guard.forked(); }

  const std::shared_ptr<Client> client;
  const SubscriberOptions limits;
  ReactorHost host;
  std::shared_ptr<SubscriberCore> core;
};

namespace {

ClientOptions options_of_link(const ClientOptions& client, const SubscriberOptions& limits) {
  ClientOptions options = client;
  options.connections = 1;
  options.idle_ping = limits.heartbeat;
  // Everything is asked again at once on a new link, and what is left again may still wait behind it.
  options.max_queued = std::max(options.max_queued, 4 * limits.max_subscriptions);
  return options;
}

Result<void> check(const SubscriberOptions& limits) {
  if (limits.heartbeat < Milliseconds(1)) return invalid_argument("heartbeat", "must be at least 1 ms");
  if (limits.max_subscriptions == 0) return invalid_argument("max_subscriptions", "must be at least 1");
  if (limits.max_name_bytes == 0) return invalid_argument("max_name_bytes", "must be at least 1");
  return {};
}

Result<void> check(const Subscription& subscription, const SubscriberOptions& limits) {
  const std::size_t bytes = subscription.name.size();
  if (bytes <= limits.max_name_bytes) return {};
  return Error(Errc::kTooLarge,
               "name: " + std::to_string(bytes) + " bytes, max_name_bytes is " + std::to_string(limits.max_name_bytes));
}

// A server of the client's that is there, and is not `home`: a primary if there is one.
std::optional<Endpoint> another_home(const Client& client, const Endpoint& home) {
  std::optional<Endpoint> found;
  for (const NodeInfo& node : client.nodes()) {
    if (!node.is_up || node.endpoint == home) continue;
    if (node.is_primary) return node.endpoint;
    if (!found) found = node.endpoint;
  }
  return found;
}

// The settings of its first home. Errors: kUnavailable.
Result<ClientOptions> home_of(const Client& client, const SubscriberOptions& limits) {
  ClientOptions options = options_of_link(client.options(), limits);
  if (options.topology == Topology::kStandalone) return options;
  auto at = another_home(client, {});
  if (!at && options.topology == Topology::kCluster) at = options.seeds.front();
  if (!at) return Error(Errc::kUnavailable, "the sentinels have not named the servers yet");
  options.topology = Topology::kStandalone;
  options.seeds.clear();
  options.host = at->host;
  options.port = at->port;
  return options;
}

// Runs `ask` with the completion in the I/O role, or completes with kClosed.
template <class Ask>
auto guarded(const std::shared_ptr<Completion<void>>& then, Ask ask) {
  const auto run = [then, ask = std::move(ask)] { ask(std::move(*then)); };
  const auto dropped = [then] { (*then)(Error(Errc::kClosed, "the client is closed")); };
  return GuardedTask(run, dropped);
}

}  // namespace

Result<std::unique_ptr<Subscriber>> Subscriber::open(std::shared_ptr<Client> client, SubscriptionListener& listener,
                                                     SubscriberOptions options) {
  if (auto valid = check(options); !valid) return valid.error();
  if (client->impl().fork_guard.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  auto home = home_of(*client, options);
  if (!home) return home.error();
  auto impl = std::make_unique<Impl>(std::move(client), options);
  SubscriberCore::NextHome next;
  if (impl->client->options().topology != Topology::kStandalone) {
    next = [of = impl->client.get()](const Endpoint& now) { return another_home(*of, now); };
  }
  impl->core =
      std::make_shared<SubscriberCore>(impl->host, impl->client->runtime(), listener, options, std::move(next));
  auto started = impl->core->start(std::move(home).value());
  if (!started) return started.error();
  return std::unique_ptr<Subscriber>(new Subscriber(std::move(impl)));
}

Subscriber::Subscriber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// In a forked child nobody works on what it stands on: it is left alone (client.cpp).
Subscriber::~Subscriber() {
  if (impl_->forked()) {
    (void)new (std::nothrow) std::shared_ptr<SubscriberCore>(std::move(impl_->core));
    return;
  }
  impl_->core->deafen();
  impl_->host.post([core = impl_->core] { core->end(Error(Errc::kClosed, "the subscriber is closed")); });
  if (impl_->client->may_block()) impl_->core->wait_ended();
}

void Subscriber::ask(bool wanted, Subscription subscription, CallOptions options, Completion<void> then) {
  if (impl_->forked()) return then(Error(Errc::kForked, "the client was opened before fork()"));
  if (auto valid = check(subscription, impl_->limits); !valid) return then(valid.error());
  const TimePoint now = impl_->client->runtime().clock->now();
  const TimePoint deadline =
      options.deadline.value_or(Deadline::never().share(now, impl_->client->options().command_timeout)).time();
  if (wanted && now >= deadline) return then(Error(Errc::kNotSent, "the deadline had passed"));
  const bool on_io_thread = !impl_->client->may_block();
  if (!wanted && on_io_thread) impl_->core->mute(subscription);
  auto run = [core = impl_->core, subscription = std::move(subscription), wanted, deadline](Completion<void> done) {
    if (wanted) return core->subscribe(subscription, deadline, std::move(done));
    core->unsubscribe(subscription, deadline, std::move(done));
  };
  impl_->host.post(guarded(std::make_shared<Completion<void>>(std::move(then)), std::move(run)));
}

namespace {

// A blocking caller's answer, on its stack.
struct Answer {
  Answer() { state.expect_one(); }
  Completion<void> completion() {
    return Completion<void>([this](Result<void> said) {
      result = std::move(said);
      state.arrived();
    });
  }
  Result<void> wait() {
    state.wait();
    return std::move(result);
  }

  WaitState state;
  Result<void> result;
};

}  // namespace

Result<void> Subscriber::subscribe(Subscription subscription, CallOptions options) {
  if (auto may = impl_->client->may_block(); !may) return may;
  Answer answer;
  ask(true, std::move(subscription), options, answer.completion());
  return answer.wait();
}

Result<void> Subscriber::unsubscribe(Subscription subscription, CallOptions options) {
  if (auto may = impl_->client->may_block(); !may) return may;
  Answer answer;
  ask(false, std::move(subscription), options, answer.completion());
  return answer.wait();
}

bool Subscriber::is_connected() const noexcept { return !impl_->forked() && impl_->core->is_connected(); }

SubscriberStats Subscriber::stats() const { return impl_->core->stats(); }

}  // namespace envoyou::redis
