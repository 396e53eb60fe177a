// The client for those who run on Asio. Opt-in and header-only. Boost.Asio 1.74 or later; with ENVOYOU_ASIO_STANDALONE
// defined, the Asio that stands alone.
//
//   Result<Value> value = co_await envoyou::async_run(client, command, boost::asio::use_awaitable);
//   envoyou::async_run(client, command, {.deadline = deadline}, handler);      // any token
//
//   envoyou::AsioExecutor executor(context.get_executor());                // for coroutines of any other kind:
//   Result<Value> value = co_await client.async(command).on(executor);     // they go on in `context`
//
// Handlers run on their associated executor (that of an awaitable is its strand or context; bind_executor gives one to
// a lambda, which has Asio's system_executor else), never within the initiating call, and exactly once. Their context
// is kept from running out of work meanwhile.
//
// Thread rule: as Client. REQUIRES: the execution context is there until the client is closed.
#pragma once

#include <envoyou/executor.hpp>
#include <envoyou/redis/client.hpp>

#if defined(ENVOYOU_ASIO_STANDALONE)
#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#else
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#endif

#include <type_traits>
#include <utility>

namespace envoyou {

namespace detail_asio {

#if defined(ENVOYOU_ASIO_STANDALONE)
namespace asio = ::asio;
#else
namespace asio = ::boost::asio;
#endif

// Carries an answer to where its handler runs.
template <class Handler, class R>
class Delivery {
 public:
  explicit Delivery(Handler handler) : work_(asio::get_associated_executor(handler)), handler_(std::move(handler)) {}

  void operator()(Result<R> result) noexcept {
    const auto executor = work_.get_executor();
    asio::post(executor,
               [handler = std::move(handler_), result = std::move(result), work = std::move(work_)]() mutable {
                 work.reset();
                 std::move(handler)(std::move(result));
               });
  }

 private:
  asio::executor_work_guard<asio::associated_executor_t<Handler>> work_;
  Handler handler_;
};

}  // namespace detail_asio

// Signature of the completion: void(Result<R>).
template <class R, class Token>
auto async_run(redis::Client& client, redis::Command<R> command, redis::CallOptions options, Token&& token) {
  const auto initiate = [&client](auto handler, redis::Command<R> asked, redis::CallOptions how) {
    using Handler = decltype(handler);
    client.run(std::move(asked), how, detail_asio::Delivery<Handler, R>(std::move(handler)));
  };
  return detail_asio::asio::async_initiate<Token, void(Result<R>)>(initiate, token, std::move(command), options);
}

template <class R, class Token>
auto async_run(redis::Client& client, redis::Command<R> command, Token&& token) {
  return async_run(client, std::move(command), redis::CallOptions(), std::forward<Token>(token));
}

// REQUIRES: is there until the client is closed.
class AsioExecutor final : public Executor {
 public:
  explicit AsioExecutor(detail_asio::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void post(Job job) noexcept override { detail_asio::asio::post(executor_, std::move(job)); }

 private:
  detail_asio::asio::any_io_executor executor_;
};

}  // namespace envoyou
