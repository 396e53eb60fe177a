#include <envoyou/redis/client.hpp>

#include "base/random.hpp"
#include "redis/admission.hpp"
#include "redis/client_impl.hpp"
#include "redis/direct_call.hpp"
#include "redis/io_thread.hpp"
#include "redis/link_effect.hpp"
#include "redis/node.hpp"
#include "redis/node_factory.hpp"
#include "redis/pending.hpp"
#include "redis/reactor.hpp"
#include "redis/topology/cluster_discovery.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/router.hpp"
#include "redis/topology/sentinel_discovery.hpp"
#include "wire/loop.hpp"
#include "wire/wake_up.hpp"

#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <utility>

namespace envoyou::redis {

namespace {

Runtime completed(Runtime runtime) {
  if (!runtime.clock) runtime.clock = system_clock();
  if (!runtime.metrics) runtime.metrics = std::make_shared<MetricsRegistry>();
  return runtime;
}

Result<std::shared_ptr<wire::Loop>> make_loop(const std::shared_ptr<Clock>& clock) {
  auto loop = wire::make_epoll_loop(clock);
  if (!loop && loop.error().code() == Errc::kUnsupported) loop = wire::make_poll_loop(clock);
  if (!loop) return Error(Errc::kInternal, std::string(loop.error().message()));
  return std::shared_ptr<wire::Loop>(std::move(loop).value());
}

// The fleet lives as long as the thread's core, which may outlive the client.
Result<void> build_fleet(Client::Impl& impl, NodeListener* listener) {
  IoCore& core = *impl.core;
  core.options = impl.options;
  impl.router = std::make_shared<Router>(core.options, impl.runtime, [loop = core.loop.get()] { loop->wake(); });
  impl.board = &impl.router->board();
  const MakeNode make = [nodes = impl.nodes](const ClientOptions& options, NodeListener* told,
                                             std::shared_ptr<PushSink> pushes, RedirectSink* redirects) {
    return nodes->make(options, told, std::move(pushes), redirects);
  };
  const MakeNode make_asked = [make, asked = impl.asked](const ClientOptions& options, NodeListener* told,
                                                         std::shared_ptr<PushSink> pushes, RedirectSink* redirects) {
    auto node = make(options, told, std::move(pushes), redirects);
    if (node) asked->choose(*node);
    return node;
  };
  // Files that can not be used are told now; and what the system trusts is read here, not on the I/O thread.
  if (auto usable = make(node_options(core.options, core.options.seeds.front()), nullptr, nullptr, nullptr); !usable) {
    return usable.error();
  }
  auto fleet = std::make_unique<Fleet>(core.options, impl.runtime, listener, *core.reactor, make_asked, impl.router);
  if (core.options.topology == Topology::kCluster) {
    fleet->use(std::make_unique<ClusterDiscovery>(*fleet, base::jitter_seed()));
  } else {
    const MakeNode make_sentinel = [nodes = impl.nodes](const ClientOptions& options, NodeListener* told,
                                                        std::shared_ptr<PushSink> pushes, RedirectSink*) {
      return nodes->make_other(options, told, std::move(pushes));
    };
    fleet->use(std::make_unique<SentinelDiscovery>(*fleet, *core.reactor, make_sentinel, base::jitter_seed()));
  }
  core.reactor->appoint(std::move(fleet));
  return {};
}

// Fills in what a client works on, but for its thread.
Result<void> build(Client::Impl& impl, NodeListener* listener) {
  auto loop = make_loop(impl.runtime.clock);
  if (!loop) return loop.error();
  IoCore& core = *impl.core;
  core.loop = std::move(loop).value();
  auto recall = wire::WakeUp::make();
  if (!recall) return Error(Errc::kInternal, std::string(recall.error().message()));
  core.role = std::make_unique<IoRole>(std::move(recall).value());
  core.reactor = std::make_unique<Reactor>(*core.loop, impl.runtime.clock, core.role.get());
  impl.credentials = NodeFactory::credentials_of(impl.options, impl.runtime, core.loop);
  impl.nodes = std::make_shared<NodeFactory>(core.loop, impl.runtime, impl.options, impl.credentials, &core.sleepers);
  if (impl.options.topology != Topology::kStandalone) {
    if (auto built = build_fleet(impl, listener); !built) return built;
  }
  impl.pool = std::make_shared<DedicatedPool>(impl.options, impl.runtime.clock, impl.core, impl.router);
  if (impl.router) return {};
  auto node = impl.nodes->make(impl.options, listener);
  if (!node) return node.error();
  impl.node = std::move(node).value();
  impl.board = &impl.node->board;
  impl.asked->choose(impl.node);
  core.reactor->add(impl.node);
  return {};
}

struct Timing {
  TimePoint now;
  Terms terms;
  bool in_turn = false;  // asked by a callback on the I/O thread
};

// A callback that asks on reads the clock of the turn that it is called in, and not the machine's again.
Timing timing_of(const Client::Impl& impl, const CallOptions& options) {
  const bool in_turn = impl.core->is_own_thread();
  const TimePoint now = in_turn ? impl.core->reactor->turn_began() : impl.runtime.clock->now();
  const Milliseconds usual = impl.options.command_timeout;
  Terms terms;
  if (options.deadline) {
    terms.deadline = options.deadline->time();
    terms.shortened = options.deadline->cuts(now, usual);
  } else {
    terms.deadline = Deadline::never().share(now, usual).time();
  }
  return {now, terms, in_turn};
}

// Why a command is not even queued; nothing if it may be.
std::optional<Error> why_refused(const Client::Impl& impl, std::span<const Submission> group, const Timing& timing) {
  if (impl.fork_guard.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  for (const Submission& submission : group) {
    if (auto not_fit = unfit(impl.options, submission)) return not_fit;
    if (auto breaks = breaks_sharing(submission)) return breaks;
  }
  if (timing.now >= timing.terms.deadline) {
    return Error(Errc::kNotSent, "the deadline had passed before the command was submitted");
  }
  if (impl.node && impl.node->board.is_away()) return impl.node->board.why_away();
  return std::nullopt;
}

}  // namespace

Result<std::shared_ptr<Client>> Client::open(ClientOptions options, Runtime runtime, NodeListener* listener) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto impl = std::make_unique<Impl>(std::move(options), completed(std::move(runtime)));
  if (auto built = build(*impl, listener); !built) return built.error();
  auto thread = IoThread::start(impl->core);
  if (!thread) return thread.error();
  impl->thread.emplace(std::move(thread).value());
  return std::shared_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// With several servers few answers come in one read, and who shares a group with one of them would be woken in vain: 64
// threads over three servers pay a third more.
Sleepers* Client::sleepers() const noexcept { return impl_->router ? nullptr : &impl_->core->sleepers; }

// In a forked child the thread does not exist, and what it worked on is in whatever state the fork met it: only the
// copies of its descriptors are closed, without a word to the peer, and the memory is left alone.
Client::~Client() {
  if (!impl_->fork_guard.forked()) {
    impl_->pool->close();
    impl_->thread->stop();
    return;
  }
  impl_->thread->forget_in_child();
  impl_->core->reactor->close_descriptors_in_child();
  impl_->core->loop.reset();
  (void)impl_.release();
}

// On the I/O thread it only asks: whoever joins the thread, perhaps at this moment, is another.
void Client::close() {
  if (impl_->fork_guard.forked()) return;
  impl_->core->ask_to_stop();
  impl_->pool->close();
  if (impl_->core->is_own_thread()) return;
  const std::lock_guard lock(impl_->stopping);
  impl_->thread->stop();
}

Result<void> Client::may_block() const {
  if (!impl_->core->must_not_wait()) return {};
  return Error(Errc::kWouldDeadlock, "a blocking call inside a callback would wait for itself");
}

void Client::submit(Submission submission, CallOptions options) {
  const Timing timing = timing_of(*impl_, options);
  if (auto refused = why_refused(*impl_, std::span(&submission, 1), timing)) {
    return submission.reader->on_error(*std::move(refused));
  }
  if (impl_->router) {
    return impl_->router->submit(std::move(submission), timing.terms.deadline, timing.terms.shortened, options.node);
  }
  Inbox& inbox = impl_->node->inbox;
  auto posted = timing.in_turn ? inbox.post_in_turn(submission, timing.terms) : inbox.post(submission, timing.terms);
  if (!posted) submission.reader->on_error(posted.error());
}

void Client::ask(Submission submission, CallOptions options) {
  if (impl_->router) return submit(std::move(submission), options);
  Timing timing = timing_of(*impl_, options);
  if (auto refused = why_refused(*impl_, std::span(&submission, 1), timing)) {
    return submission.reader->on_error(*std::move(refused));
  }
  timing.terms.alone = true;
  const DirectWay way{*impl_->core->role, *impl_->node, *impl_->core->loop, *impl_->runtime.clock};
  if (call_directly(way, submission, timing.terms, timing.now)) return;
  auto posted = impl_->node->inbox.post(submission, timing.terms);
  if (!posted) submission.reader->on_error(posted.error());
}

void Client::submit_all(std::vector<Submission> submissions, CallOptions options) {
  if (submissions.empty()) return;
  const Timing timing = timing_of(*impl_, options);
  const auto refused = why_refused(*impl_, submissions, timing);
  if (impl_->router && !refused) {
    return impl_->router->submit_all(std::move(submissions), timing.terms.deadline, timing.terms.shortened,
                                     options.node);
  }
  std::vector<Pending> group;
  group.reserve(submissions.size());
  for (Submission& submission : submissions) {
    group.emplace_back(std::move(submission), timing.terms);
    group.back().more_follow = true;
  }
  group.back().more_follow = false;
  const Result<void> posted = refused ? Result<void>(*refused) : impl_->node->inbox.post(group);
  if (posted) return;
  for (Pending& pending : group) pending.fail(posted.error());
}

Result<void> Client::run(Pipeline& pipeline, CallOptions options) {
  if (auto may = may_block(); !may) {
    pipeline.abandon(may.error());
    return may;
  }
  submit_all(std::exchange(pipeline.submissions_, {}), options);
  pipeline.state_->wait();
  return {};
}

bool Client::wait_until_connected(Deadline deadline) {
  if (impl_->fork_guard.forked()) return false;
  if (impl_->core->must_not_wait()) return is_connected();
  return impl_->board->wait_until_up(deadline);
}

bool Client::is_connected() const noexcept { return !impl_->fork_guard.forked() && impl_->board->is_up(); }

std::optional<Errc> Client::away_because() const {
  if (impl_->fork_guard.forked()) return Errc::kForked;
  if (!impl_->board->is_away()) return std::nullopt;
  return impl_->board->cause_away();
}

// A lock may be held for ever in a forked child, where its holder does not exist.
ServerInfo Client::server() const { return impl_->fork_guard.forked() ? ServerInfo() : impl_->board->server(); }

Capabilities Client::capabilities() const {
  return impl_->fork_guard.forked() ? Capabilities() : impl_->asked->capabilities();
}

Result<void> Client::set_credentials(Credentials credentials) {
  if (impl_->fork_guard.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  if (auto valid = validate_credentials(credentials); !valid) return valid;
  impl_->credentials->set(std::move(credentials));
  return {};
}

ClientStats Client::stats() const {
  ClientStats stats;
  if (impl_->fork_guard.forked()) return stats;
  if (impl_->router) return impl_->router->stats();
  impl_->node->board.read_tally(stats);
  stats.submitted = impl_->node->inbox.posted() + stats.direct;
  stats.queued = impl_->node->inbox.quota().unsent();
  return stats;
}

std::vector<NodeInfo> Client::nodes() const {
  if (impl_->fork_guard.forked()) return {};
  if (impl_->router) return impl_->router->nodes();
  const ClientOptions& options = impl_->options;
  NodeInfo info;
  info.endpoint = options.unix_socket.empty() ? Endpoint{options.host, options.port} : Endpoint{options.unix_socket, 0};
  info.is_up = is_connected();
  info.away_because = away_because();
  info.round_trip = impl_->node->board.round_trip();
  info.server = server();
  info.stats = stats();
  return {std::move(info)};
}

const ClientOptions& Client::options() const noexcept { return impl_->options; }

const Runtime& Client::runtime() const noexcept { return impl_->runtime; }

}  // namespace envoyou::redis
