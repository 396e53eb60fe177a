#include "redis/node_host.hpp"

#include "redis/guarded_task.hpp"

namespace envoyou::redis {

void ReactorHost::add(std::shared_ptr<Node> node, std::shared_ptr<PushSink> sink) {
  const auto add = [&reactor = reactor_, node = std::move(node)] { reactor.add(node); };
  const auto dropped = [sink = std::move(sink)] { sink->on_end(Error(Errc::kClosed)); };
  reactor_.post(GuardedTask(add, dropped));
}

void ReactorHost::stop(std::shared_ptr<Node> node) {
  reactor_.post([&reactor = reactor_, node = std::move(node)] { reactor.remove(*node, Error(Errc::kClosed)); });
}

}  // namespace envoyou::redis
