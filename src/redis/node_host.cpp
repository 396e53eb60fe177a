#include "redis/node_host.hpp"

#include "redis/guarded_task.hpp"

namespace envoyou::redis {

Result<std::shared_ptr<Node>> ReactorHost::start(const ClientOptions& options, std::shared_ptr<PushSink> sink) {
  auto node = factory_.make(options, nullptr, sink);
  if (!node) return node;
  const auto add = [&reactor = reactor_, node = *node] { reactor.add(node); };
  const auto dropped = [sink = std::move(sink)] { sink->on_end(Error(Errc::kClosed)); };
  reactor_.post(GuardedTask(add, dropped));
  return node;
}

void ReactorHost::stop(std::shared_ptr<Node> node) {
  reactor_.post([&reactor = reactor_, node = std::move(node)] { reactor.remove(*node, Error(Errc::kClosed)); });
}

}  // namespace envoyou::redis
