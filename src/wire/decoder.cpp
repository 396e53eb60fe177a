// Two ways through, one buffer before them:
//
//   feed --> inbox_ --> read_plain_reply ------------------------> view into inbox_
//                '----> hiredis' reader, 512 B to 16 KiB at a time --> view into arena_
//
// A reply goes the short way if it is whole and plain, else the long way. What the reader was given beyond the end of
// its reply is taken back, so the next reply has the choice again. Slices, because the reader moves the rest of its
// buffer to the front after each reply and looks for the end of a line from its start.
//
// hiredis 1.2 has no limit on nesting, on the bytes of a bulk string, or on the length of a line. So: nesting,
// elements and bytes are charged in the object functions, before they allocate; an announced bulk and a line without
// an end are looked for in what the reader has not consumed, after each slice (`check_pending`).
//
// hiredis reads doubles with strtod, which obeys the host's locale: the reader runs under the locale "C" of its thread.
#include "wire/decoder.hpp"

#include "wire/arena.hpp"
#include "wire/budget.hpp"
#include "wire/plain_reply.hpp"

#include <hiredis/read.h>
#include <locale.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <type_traits>

namespace envoyou::wire {

namespace {

using redis::ReplyType;
using redis::ReplyView;

constexpr std::size_t kFirstSlice = 512;
constexpr std::size_t kMaxSlice = 16u << 10;
constexpr std::size_t kMaxKeptInbox = 256u << 10;
constexpr std::size_t kMaxKeptReader = 256u << 10;
constexpr std::size_t kVerbatimPrefix = 4;  // "txt:"
constexpr std::size_t kMinLine = 32;        // any integer or length fits, so no cap on lines concerns them

// What the object functions draw on, and the reason when they refuse.
struct Build {
  explicit Build(const DecoderLimits& limits) : budget(limits) {}

  void reset() noexcept {
    arena.reset();
    budget.reset();
    refused_as = Errc::kOk;
    refused = nullptr;
  }
  std::nullptr_t refuse(Errc code, const char* why) noexcept {
    refused_as = code;
    refused = why;
    return nullptr;
  }

  Arena arena;
  Budget budget;
  Errc refused_as = Errc::kOk;
  const char* refused = nullptr;
};

constexpr const char* kTooManyBytes = "reply over the limit of bytes";
constexpr const char* kTooManyElements = "reply over the limit of elements or bytes";
constexpr const char* kTooDeep = "reply nested too deep";
constexpr const char* kLineTooLong = "line over the limit of bytes";
constexpr const char* kLoneReturn = "not a reply: line with a CR that is not its end";
constexpr const char* kNoMemory = "no memory for a reply";

Build& build_of(const redisReadTask* task) noexcept { return *static_cast<Build*>(task->privdata); }

// The place of the task's value: in the array it belongs to, or one of its own.
ReplyView* place(const redisReadTask* task) noexcept {
  Build& build = build_of(task);
  if (task->parent != nullptr) {
    auto* const array = static_cast<ReplyView*>(task->parent->obj);
    auto* const first = const_cast<ReplyView*>(array->elements.data());
    return new (first + task->idx) ReplyView;
  }
  if (!build.budget.take_root()) return build.refuse(Errc::kProtocol, kTooManyBytes);
  auto* const root = build.arena.allocate_array<ReplyView>(1);
  if (root == nullptr) return build.refuse(Errc::kOutOfMemory, kNoMemory);
  return new (root) ReplyView;
}

// Null if refused. hiredis moves its buffer in the midst of a reply, so its texts can not be looked into.
ReplyView* put_text(Build& build, ReplyView* reply, std::string_view text) noexcept {
  if (reply == nullptr) return nullptr;
  if (!build.budget.take_text(text.size())) return build.refuse(Errc::kProtocol, kTooManyBytes);
  auto* const copy = build.arena.allocate_array<char>(text.size());
  if (copy == nullptr) return build.refuse(Errc::kOutOfMemory, kNoMemory);
  std::memcpy(copy, text.data(), text.size());
  reply->text = {copy, text.size()};
  return reply;
}

bool is_bulk(int type) noexcept { return type == REDIS_REPLY_STRING || type == REDIS_REPLY_VERB; }

// hiredis ends a line at the first CR LF and takes a lone CR for text, also in front of a number; `check_pending` would
// refuse the same line, were it to come in pieces. Null if the line is good.
const char* check_line(const Build& build, std::string_view line) noexcept {
  if (line.size() >= build.budget.limits().max_line_bytes) return kLineTooLong;
  return line.find('\r') == std::string_view::npos ? nullptr : kLoneReturn;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  Build& build = build_of(task);
  // hiredis has made sure that the two bytes behind a bulk string are there, and not that they are its end.
  if (text[size] != '\r' || text[size + 1] != '\n') {
    return build.refuse(Errc::kProtocol, "bulk string without its end");
  }
  std::string_view content(text, size);
  if (!is_bulk(task->type)) {
    if (const char* why = check_line(build, content)) return build.refuse(Errc::kProtocol, why);
  }
  if (task->type == REDIS_REPLY_VERB) content.remove_prefix(kVerbatimPrefix);
  ReplyView* const reply = put_text(build, place(task), content);
  if (reply == nullptr) return nullptr;
  reply->type = task->type == REDIS_REPLY_ERROR ? ReplyType::kError : ReplyType::kString;
  return reply;
}

std::size_t depth_of(const redisReadTask* task) noexcept {
  std::size_t depth = 1;
  while ((task = task->parent) != nullptr) ++depth;
  return depth;
}

bool to_aggregate(int type, ReplyType& out) noexcept {
  switch (type) {
    case REDIS_REPLY_ARRAY: out = ReplyType::kArray; return true;
    case REDIS_REPLY_MAP: out = ReplyType::kMap; return true;
    case REDIS_REPLY_SET: out = ReplyType::kSet; return true;
    case REDIS_REPLY_PUSH: out = ReplyType::kPush; return true;
    default: return false;
  }
}

void* create_array(const redisReadTask* task, std::size_t count) noexcept {
  Build& build = build_of(task);
  ReplyType type = ReplyType::kArray;
  if (!to_aggregate(task->type, type)) {
    return build.refuse(Errc::kProtocol, "reply with an attribute, which is not supported");
  }
  if (depth_of(task) > build.budget.limits().max_depth) {
    return build.refuse(Errc::kProtocol, kTooDeep);
  }
  ReplyView* const reply = place(task);
  if (reply == nullptr) return nullptr;
  if (!build.budget.take_elements(count)) return build.refuse(Errc::kProtocol, kTooManyElements);
  auto* const elements = build.arena.allocate_array<ReplyView>(count);
  if (elements == nullptr) return build.refuse(Errc::kOutOfMemory, kNoMemory);
  reply->type = type;
  reply->elements = {elements, count};
  return reply;
}

void* create_integer(const redisReadTask* task, long long value) noexcept {
  ReplyView* const reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->type = ReplyType::kInteger;
  reply->integer = value;
  return reply;
}

void* create_double(const redisReadTask* task, double value, char* text, std::size_t size) noexcept {
  Build& build = build_of(task);
  if (const char* why = check_line(build, {text, size})) return build.refuse(Errc::kProtocol, why);
  ReplyView* const reply = put_text(build, place(task), {text, size});
  if (reply == nullptr) return nullptr;
  reply->type = ReplyType::kDouble;
  reply->number = value;
  return reply;
}

void* create_null(const redisReadTask* task) noexcept { return place(task); }

void* create_boolean(const redisReadTask* task, int value) noexcept {
  ReplyView* const reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->type = ReplyType::kBoolean;
  reply->integer = value != 0 ? 1 : 0;
  return reply;
}

class ThreadLocale {
 public:
  explicit ThreadLocale(locale_t locale) noexcept : before_(uselocale(locale)) {}
  ~ThreadLocale() { uselocale(before_); }
  ThreadLocale(const ThreadLocale&) = delete;
  ThreadLocale& operator=(const ThreadLocale&) = delete;

 private:
  locale_t before_;
};

// Lengths and integers are short; the other lines are texts and doubles.
std::size_t max_line_of(int type, const DecoderLimits& limits) noexcept {
  switch (type) {
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
    case REDIS_REPLY_BIGNUM:
    case REDIS_REPLY_DOUBLE: return limits.max_line_bytes;
    default: return kMinLine;
  }
}

DecoderLimits with_room_for_numbers(DecoderLimits limits) noexcept {
  limits.max_line_bytes = std::max(limits.max_line_bytes, kMinLine);
  return limits;
}

struct FreeReader {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};
struct FreeLocale {
  void operator()(locale_t locale) const noexcept { freelocale(locale); }
};

}  // namespace

struct Decoder::Impl {
  explicit Impl(const DecoderLimits& limits)
      : build(with_room_for_numbers(limits)), c_locale(newlocale(LC_NUMERIC_MASK, "C", locale_t{})) {
    make_reader();
  }

  Result<const ReplyView*> next();
  void feed(std::string_view bytes);
  std::size_t buffered() const noexcept { return inbox.size() - consumed + in_reader; }

 private:
  void make_reader();
  std::string_view unread() const noexcept { return std::string_view(inbox).substr(consumed); }
  Result<const ReplyView*> next_by_reader();
  void feed_reader(std::size_t slice);
  void take_back_surplus();
  const char* check_pending() const noexcept;
  Error fail();

  redisReplyObjectFunctions functions{
      create_string, create_array, create_integer, create_double, create_null, create_boolean,
      nullptr,  // nothing to free: the arena owns all
  };
  Build build;
  std::unique_ptr<std::remove_pointer_t<locale_t>, FreeLocale> c_locale;
  std::unique_ptr<redisReader, FreeReader> reader;
  ReplyView plain;
  std::string inbox;
  std::size_t consumed = 0;   // of inbox
  std::size_t in_reader = 0;  // bytes of the reply that the reader is at; 0: it is at none
  std::optional<Error> failure;
};

void Decoder::Impl::make_reader() {
  reader.reset(redisReaderCreateWithFunctions(&functions));
  if (reader == nullptr) {
    failure = Error(Errc::kOutOfMemory, kNoMemory);
    return;
  }
  reader->privdata = &build;
  const auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
  // hiredis counts elements in an int, and takes 0 for "no limit".
  const std::size_t limit = std::clamp<std::size_t>(build.budget.limits().max_elements, 1, most);
  reader->maxelements = static_cast<long long>(limit);
}

void Decoder::Impl::feed(std::string_view bytes) {
  if (consumed == inbox.size()) {
    if (inbox.capacity() > kMaxKeptInbox) inbox = std::string();
    inbox.clear();
  } else {
    inbox.erase(0, consumed);
  }
  consumed = 0;
  inbox.append(bytes);
}

Result<const ReplyView*> Decoder::Impl::next() {
  if (failure) return *failure;
  if (in_reader == 0) {
    build.reset();
    if (unread().empty()) return nullptr;
    const std::size_t size = read_plain_reply(unread(), build.arena, build.budget, plain);
    consumed += size;
    if (size > 0) return &plain;
    build.reset();
  }
  return next_by_reader();
}

Result<const ReplyView*> Decoder::Impl::next_by_reader() {
  const ThreadLocale locale(c_locale.get());
  std::size_t slice = in_reader == 0 ? kFirstSlice : kMaxSlice;
  while (!unread().empty()) {
    feed_reader(slice);
    slice = std::min(2 * slice, kMaxSlice);
    void* object = nullptr;
    if (redisReaderGetReply(reader.get(), &object) != REDIS_OK) return fail();
    if (object != nullptr) {
      take_back_surplus();
      return static_cast<const ReplyView*>(object);
    }
    if (const char* why = check_pending()) {
      build.refuse(Errc::kProtocol, why);
      return fail();
    }
  }
  return nullptr;
}

void Decoder::Impl::feed_reader(std::size_t slice) {
  const std::string_view bytes = unread().substr(0, slice);
  redisReaderFeed(reader.get(), bytes.data(), bytes.size());  // a failure shows in the next call of it
  consumed += bytes.size();
  in_reader += bytes.size();
}

// The reply is whole: what the reader has not consumed goes back to the inbox, from which it came.
void Decoder::Impl::take_back_surplus() {
  consumed -= reader->len - reader->pos;
  reader->pos = reader->len;
  if (in_reader > kMaxKeptReader) make_reader();
  in_reader = 0;
}

// What the reader waits for: the rest of a bulk string whose length it knows, or the end of a line. Null if that may
// come. Looks no further than the first CR, so a line that comes in drops or is full of them costs no more than
// another.
const char* Decoder::Impl::check_pending() const noexcept {
  const int type = reader->ridx < 0 ? -1 : reader->task[reader->ridx]->type;
  const std::string_view pending(reader->buf + reader->pos, reader->len - reader->pos);
  const std::size_t end = pending.find('\r');
  if (end == std::string_view::npos || end + 1 == pending.size()) {
    return pending.size() > max_line_of(type, build.budget.limits()) ? kLineTooLong : nullptr;
  }
  if (pending[end + 1] != '\n') return kLoneReturn;
  if (!is_bulk(type)) return nullptr;
  std::size_t size = 0;
  std::from_chars(pending.data(), pending.data() + end, size);
  if (type == REDIS_REPLY_VERB) size -= std::min(size, kVerbatimPrefix);
  return size > build.budget.bytes() ? kTooManyBytes : nullptr;
}

Error Decoder::Impl::fail() {
  if (build.refused != nullptr) {
    failure = Error(build.refused_as, build.refused);
  } else if (reader->err == REDIS_ERR_OOM) {
    failure = Error(Errc::kOutOfMemory, kNoMemory);
  } else {
    std::string why(reader->errstr);
    if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
    failure = Error(Errc::kProtocol, "not a reply: " + why);
  }
  return *failure;
}

Decoder::Decoder(DecoderLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

void Decoder::feed(std::string_view bytes) { impl_->feed(bytes); }
Result<const redis::ReplyView*> Decoder::next() { return impl_->next(); }
std::size_t Decoder::buffered() const noexcept { return impl_->buffered(); }

}  // namespace envoyou::wire
