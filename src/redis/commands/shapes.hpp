// How a reply becomes a value of C++: by the type of the value. A type knows its shapes in RESP2 and RESP3, and a list
// or an optional of it follows.
//
//   void             OK                          double           a double, or a string that is one
//   std::int64_t     an integer                  T or null        std::optional<T>
//   bool             an integer 0 or 1, boolean  a list of T      std::vector<T> (null: empty)
//   std::string      a string                    pairs            flat (RESP2, and maps) or a list each (RESP3)
//
// A reply of another shape is kForeignReply: it can not be the answer to this question.
#pragma once

#include <envoyou/redis/command.hpp>
#include <envoyou/redis/commands/types.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis::cmd {

// An error inside of a reply is that error.
Error no_such_shape(std::string_view expected, const ReplyView& reply);

template <class T>
struct Shape;

template <class T>
Result<T> decode_shape(const ReplyView& reply, std::uint64_t) {
  return Shape<T>::read(reply);
}

inline bool is_list(const ReplyView& reply) noexcept { return reply.is_aggregate() && reply.type != ReplyType::kPush; }

template <>
struct Shape<void> {
  static Result<void> read(const ReplyView& reply) { return decode_ok(reply, 0); }
};
template <>
struct Shape<std::int64_t> {
  static Result<std::int64_t> read(const ReplyView& reply) { return decode_integer(reply, 0); }
};
template <>
struct Shape<std::string> {
  static Result<std::string> read(const ReplyView& reply) { return decode_string(reply, 0); }
};
template <>
struct Shape<Reply> {
  static Result<Reply> read(const ReplyView& reply) { return Reply::from(reply); }
};
template <>
struct Shape<bool> {
  static Result<bool> read(const ReplyView& reply);
};
template <>
struct Shape<double> {
  static Result<double> read(const ReplyView& reply);
};

template <class T>
struct Shape<std::optional<T>> {
  static Result<std::optional<T>> read(const ReplyView& reply) {
    if (reply.is_null()) return std::optional<T>();
    auto value = Shape<T>::read(reply);
    if (!value) return value.error();
    return std::optional<T>(std::move(value).value());
  }
};

template <class T>
struct Shape<std::vector<T>> {
  static Result<std::vector<T>> read(const ReplyView& reply) {
    std::vector<T> values;
    if (reply.is_null()) return values;
    if (!is_list(reply)) return no_such_shape("a list", reply);
    values.reserve(reply.elements.size());
    for (const ReplyView& element : reply.elements) {
      auto value = Shape<T>::read(element);
      if (!value) return value.error();
      values.push_back(std::move(value).value());
    }
    return values;
  }
};

// Reads pairs of any kind: `take(first, second)` gives an error or nothing.
template <class Take>
Result<void> read_pairs(const ReplyView& reply, Take take) {
  if (reply.is_null()) return {};
  if (!is_list(reply)) return no_such_shape("a list of pairs", reply);
  const auto& elements = reply.elements;
  if (!elements.empty() && is_list(elements[0])) {
    for (const ReplyView& pair : elements) {
      if (!is_list(pair) || pair.elements.size() != 2) return no_such_shape("a pair", pair);
      if (auto taken = take(pair.elements[0], pair.elements[1]); !taken) return taken;
    }
    return {};
  }
  if (elements.size() % 2 != 0) return no_such_shape("pairs", reply);
  for (std::size_t i = 0; i < elements.size(); i += 2) {
    if (auto taken = take(elements[i], elements[i + 1]); !taken) return taken;
  }
  return {};
}

template <class A, class B>
struct Shape<std::pair<A, B>> {
  static Result<std::pair<A, B>> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() != 2) return no_such_shape("a pair", reply);
    auto first = Shape<A>::read(reply.elements[0]);
    if (!first) return first.error();
    auto second = Shape<B>::read(reply.elements[1]);
    if (!second) return second.error();
    return std::pair<A, B>(std::move(first).value(), std::move(second).value());
  }
};

template <class A, class B>
struct Shape<std::vector<std::pair<A, B>>> {
  static Result<std::vector<std::pair<A, B>>> read(const ReplyView& reply) {
    std::vector<std::pair<A, B>> pairs;
    auto done = read_pairs(reply, [&](const ReplyView& a, const ReplyView& b) -> Result<void> {
      auto first = Shape<A>::read(a);
      if (!first) return first.error();
      auto second = Shape<B>::read(b);
      if (!second) return second.error();
      pairs.emplace_back(std::move(first).value(), std::move(second).value());
      return {};
    });
    if (!done) return done.error();
    return pairs;
  }
};

template <>
struct Shape<std::vector<Scored>> {
  static Result<std::vector<Scored>> read(const ReplyView& reply);
};

template <class T>
struct Shape<Page<T>> {
  static Result<Page<T>> read(const ReplyView& reply) {
    auto both = Shape<std::pair<std::string, std::vector<T>>>::read(reply);
    if (!both) return both.error();
    return Page<T>{std::move(both->first), std::move(both->second)};
  }
};

// Commands that only read; that may not be repeated; that leave and answer the same the second time; that wait.
template <class T>
Command<T> reads(Words words) {
  return {std::move(words), decode_shape<T>, Repeat::kIsSafe};
}
template <class T>
Command<T> writes(Words words) {
  return {std::move(words), decode_shape<T>, Repeat::kNever};
}
template <class T>
Command<T> sets(Words words) {
  return {std::move(words), decode_shape<T>, Repeat::kIsSafe};
}
template <class T>
Command<T> waits(Words words, Milliseconds timeout) {
  Command<T> command(std::move(words), decode_shape<T>, Repeat::kNever);
  command.waits = timeout;
  return command;
}

// Words of other types.
Words& add_double(Words& words, double value);
Words& add_seconds(Words& words, Milliseconds value);  // "0.25"
Words& add_all(Words& words, const Strings& strings);
Words& add_counted(Words& words, const Strings& strings);  // their number first
Words& add_pairs(Words& words, const Pairs& pairs);
// EVAL, FCALL and their kin: what is called, how many keys, the keys, the arguments.
Words calling(std::string_view name, std::string_view what, const Strings& keys, const Strings& arguments);
inline Words with_all(std::string_view name, const Strings& strings) {
  Words words(name);
  add_all(words, strings);
  return words;
}
inline Words keyed(std::string_view name, std::string_view key, const Strings& rest) {
  Words words(name, key);
  add_all(words, rest);
  return words;
}
Words& add_flag(Words& words, bool given, std::string_view word);
template <class T>
Words& add_option(Words& words, std::string_view name, const std::optional<T>& value) {
  if (value) words.add(name).add(*value);
  return words;
}
Words& add_limit(Words& words, const std::optional<Limit>& limit);
Words& add_scan(Words& words, const ScanOptions& options);

}  // namespace envoyou::redis::cmd
