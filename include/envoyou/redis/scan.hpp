// SCAN, HSCAN, SSCAN and ZSCAN without their cursors:
//
//   for (Result<std::string>& key : redis::scan(client, {.match = "user:*"})) {
//     if (!key) break;                                      // the last one, if there is an error
//     …
//   }
//
//   auto keys = redis::async_scan(client, {.match = "user:*"});          // in a coroutine
//   while (auto key = co_await keys.next()) …                            // std::optional<Result<std::string>>
//
// As Redis promises: what is there from beginning to end comes at least once, what comes or goes meanwhile may or may
// not, and something may come more than once.
//
// One page is held at a time. Each step to the next has a deadline of its own (`step_timeout`, else the client's
// command_timeout); a step whose page is empty goes on until one is not, within the same deadline. An error is the last
// thing that comes. Cursors are texts, as servers differ in how large their numbers are.
//
// Of one server. REQUIRES: the client is there until the scan has ended. Thread rule: one caller at a time; the range
// blocks as Client::run does.
#pragma once

#include <envoyou/redis/async.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/commands/hashes.hpp>
#include <envoyou/redis/commands/keys.hpp>
#include <envoyou/redis/commands/sets.hpp>
#include <envoyou/redis/commands/sorted_sets.hpp>
#include <envoyou/result.hpp>

#include <coroutine>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou::redis {

struct ScanLimits {
  std::optional<Milliseconds> step_timeout = {};
};

namespace detail_redis {

// Where a scan stands: asks for the page behind a cursor, and hands out what came one by one.
template <class T>
class ScanState {
 public:
  using Ask = Command<cmd::Page<T>> (*)(std::string_view key, std::string_view cursor, const cmd::ScanOptions& options);

  ScanState(Ask ask, std::string_view key, const cmd::ScanOptions& options)
      : ask_(ask), key_(key), match_(options.match), type_(options.type), count_(options.count) {}

  bool has_items() const noexcept { return next_ < page_.items.size(); }
  // Nothing comes any more.
  bool is_over() const noexcept { return over_ && !has_items(); }

  Command<cmd::Page<T>> command() const {
    return ask_(key_, page_.cursor, {.match = match_, .count = count_, .type = type_});
  }
  void go_to(std::string_view cursor) { page_.cursor = cursor; }
  // False: an empty page, and there are more.
  bool take(Result<cmd::Page<T>> answer) {
    next_ = 0;
    if (!answer) {
      page_.items.clear();
      error_ = answer.error();
      over_ = true;
      return true;
    }
    page_ = std::move(answer).value();
    over_ = page_.cursor == "0";
    return over_ || has_items();
  }
  // Nothing: it is over.
  std::optional<Result<T>> pop() {
    if (has_items()) return Result<T>(std::move(page_.items[next_++]));
    if (!error_) return std::nullopt;
    return Result<T>(*std::exchange(error_, std::nullopt));
  }

 private:
  Ask ask_;
  std::string key_;
  std::string match_;
  std::string type_;
  std::int64_t count_;
  cmd::Page<T> page_{"0", {}};
  std::size_t next_ = 0;
  bool over_ = false;
  std::optional<Error> error_;
};

inline CallOptions step_options(const Client& client, const ScanLimits& limits) {
  const Milliseconds time = limits.step_timeout.value_or(client.options().command_timeout);
  return {Deadline::after(*client.runtime().clock, time)};
}

// Without an item, and not the last one.
inline bool is_empty_page(const ReplyView& reply) noexcept {
  return reply.type == ReplyType::kArray && reply.elements.size() == 2 && reply.elements[0].is_string() &&
         reply.elements[0].text != "0" && reply.elements[1].is_aggregate() && reply.elements[1].elements.empty();
}

// Reads a page for a coroutine; asks again, in the I/O role, while pages are empty.
template <class T>
class PageReader final : public ReplyReader {
 public:
  PageReader(Client& client, ScanState<T> state, ReaderHandle page, CallOptions options)
      : client_(client), state_(std::move(state)), page_(std::move(page)), options_(options) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    more_ = is_empty_page(reply);
    if (!more_) return page_->on_reply(reply);
    state_.go_to(reply.elements[0].text);
    return Verdict::kMine;
  }
  void on_error(Error error) noexcept override { page_->on_error(std::move(error)); }
  void release() noexcept override {
    if (!std::exchange(more_, false)) return delete this;
    client_.submit(to_submission(state_.command(), ReaderHandle(this)), options_);
  }

 private:
  ~PageReader() override = default;

  Client& client_;
  ScanState<T> state_;
  ReaderHandle page_;
  CallOptions options_;
  bool more_ = false;
};

template <class T>
struct ThroughScan {
  Client* client;
  ScanState<T> state;
  void operator()(Submission submission, const CallOptions& options) const {
    auto* const reader = new PageReader<T>(*client, state, std::move(submission.reader), options);
    submission.reader.reset(reader);
    client->submit(std::move(submission), options);
  }
};

}  // namespace detail_redis

// An input range of Result<T>; can be gone through once.
template <class T>
class ScanRange {
 public:
  ScanRange(Client& client, detail_redis::ScanState<T> state, ScanLimits limits)
      : client_(&client), state_(std::move(state)), limits_(limits) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Result<T>;

    iterator() = default;
    explicit iterator(ScanRange& range) : range_(&range) {}

    Result<T>& operator*() const { return *range_->current_; }
    iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.is_over(); }

   private:
    bool is_over() const noexcept { return !range_->current_.has_value(); }

    ScanRange* range_ = nullptr;
  };

  // Asks for the first page. Once.
  iterator begin() {
    advance();
    return iterator(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void advance() {
    if (!state_.has_items() && !state_.is_over()) {
      const CallOptions options = detail_redis::step_options(*client_, limits_);
      while (!state_.take(client_->run(state_.command(), options))) {
      }
    }
    current_.reset();
    if (auto next = state_.pop()) current_.emplace(*std::move(next));
  }

  Client* client_;
  detail_redis::ScanState<T> state_;
  ScanLimits limits_;
  std::optional<Result<T>> current_;
};

// The same for a coroutine, which may be destroyed as async.hpp says.
template <class T>
class AsyncScan {
 public:
  AsyncScan(Client& client, detail_redis::ScanState<T> state, ScanLimits limits)
      : client_(&client), state_(std::move(state)), limits_(limits) {}

  // The next one, an error, or nothing at the end.
  class [[nodiscard]] Next {
   public:
    explicit Next(AsyncScan& scan) : scan_(scan) {}
    Next on(Executor& executor) && {
      executor_ = &executor;
      return std::move(*this);
    }

    bool await_ready() const noexcept { return scan_.state_.has_items() || scan_.state_.is_over(); }
    bool await_suspend(std::coroutine_handle<> caller) {
      call_.emplace(detail_redis::ThroughScan<T>{scan_.client_, scan_.state_}, scan_.state_.command(),
                    detail_redis::step_options(*scan_.client_, scan_.limits_));
      if (executor_ != nullptr) call_.emplace(std::move(*call_).on(*executor_));
      return call_->await_suspend(caller);
    }
    std::optional<Result<T>> await_resume() {
      if (call_) (void)scan_.state_.take(call_->await_resume());
      return scan_.state_.pop();
    }

   private:
    AsyncScan& scan_;
    Executor* executor_ = nullptr;
    std::optional<AsyncCall<cmd::Page<T>, detail_redis::ThroughScan<T>>> call_;
  };
  Next next() { return Next(*this); }

 private:
  Client* client_;
  detail_redis::ScanState<T> state_;
  ScanLimits limits_;
};

namespace detail_redis {

inline ScanState<std::string> of_keys(const cmd::ScanOptions& options) {
  return {[](std::string_view, std::string_view cursor, const cmd::ScanOptions& how) { return cmd::scan(cursor, how); },
          {},
          options};
}

}  // namespace detail_redis

// All keys of the server's database.
inline ScanRange<std::string> scan(Client& client, const cmd::ScanOptions& options = {}, ScanLimits limits = {}) {
  return {client, detail_redis::of_keys(options), limits};
}
// Of a hash, a set, a sorted set: its fields with their values, its members, its members with their scores.
inline ScanRange<cmd::Field> hscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                   ScanLimits limits = {}) {
  return {client, {cmd::hscan, key, options}, limits};
}
inline ScanRange<std::string> sscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                    ScanLimits limits = {}) {
  return {client, {cmd::sscan, key, options}, limits};
}
inline ScanRange<cmd::Scored> zscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                    ScanLimits limits = {}) {
  return {client, {cmd::zscan, key, options}, limits};
}

inline AsyncScan<std::string> async_scan(Client& client, const cmd::ScanOptions& options = {}, ScanLimits limits = {}) {
  return {client, detail_redis::of_keys(options), limits};
}
inline AsyncScan<cmd::Field> async_hscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                         ScanLimits limits = {}) {
  return {client, {cmd::hscan, key, options}, limits};
}
inline AsyncScan<std::string> async_sscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                          ScanLimits limits = {}) {
  return {client, {cmd::sscan, key, options}, limits};
}
inline AsyncScan<cmd::Scored> async_zscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                          ScanLimits limits = {}) {
  return {client, {cmd::zscan, key, options}, limits};
}

}  // namespace envoyou::redis
