// A client that paces itself by what servers tell of their quotas.
//
// The plan. Of a quota we know: its size q, how many requests are left r, and the time t until it is back. A client can
// spend the rest at once and then stand still for t, or go on at a pace that meets the end of t with nothing left. The
// pacer does the first while there is plenty, since most clients never come near their limit and should not notice it,
// and the second below a share of the quota (`spread_below`):
//
//   gap = 0            where r / q >= spread_below, and r > 0
//   gap = t / (r + 1)  else
//
// t / (r + 1) sets r requests evenly into t, and the one after them at its end. For r = 0 it is t, the whole wait, with
// no case of its own. An example, q = 10 a minute, spread_below = 0.5, six requests at once at the start:
//
//   sent at  0 s (six)  12 s  24 s  36 s  48 s  60 s, the next window
//   left     4          3     2     1     0
//
// The gap is counted from the last request, not from its answer: a slow server does not slow the pace down. Where
// nothing is left it is counted from the answer, since the server counted t when it made that.
//
// After each answer all is planned anew, so errors do not add up, and a server may count as it likes. A sliding window
// says "60 s until the whole is back" with each answer: the gaps grow as r falls, and when the first requests leave the
// window r rises and they shrink again. There r settles at about spread_below of the quota, or half of it if that is
// less, and about that share of the quota stays unused: what being never denied costs.
//
// Between a request and its answer r is counted down here. So several requests under way do not take what is left for
// each of them; what they may overshoot by is what other clients of the same identity take at the same time.
//
// Several quotas: each plans, the longest wait counts. When t has passed the quota is taken to be back, whole, and the
// next answer tells. Quotas of another unit than requests are left out: bytes are not known before, and of concurrency
// waiting gives nothing back.
//
// Retry-After goes before all that (draft -11, section 7): the quotas of that answer wait until then and no longer, and
// nothing is sent before. After it one request goes out; what is left is still 0, so the next waits for its answer or
// t.
//
// The bounds. A server may be wrong, or lie: t = 10^15. A plan never reaches further than max_wait from when it is
// made, so that the server is asked anew then; Retry-After no further than max_retry_after.
#include <envoyou/limiter/pacing.hpp>

#include "base/bytes.hpp"
#include "base/problems.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace envoyou {

namespace {

using std::chrono::seconds;

// --- Structured fields: RFC 9651, lists of items and dictionaries of items, for reading

struct FieldValue {
  enum class Kind : std::uint8_t { kInteger, kString, kToken, kOther };  // other: well formed, and of no use here
  Kind kind = Kind::kOther;
  std::int64_t integer = 0;
  std::string text = {};
};

struct FieldParameter {
  std::string key;
  FieldValue value;
};

// A member of a list, or of a dictionary; then it has a key.
struct FieldItem {
  std::string key = {};
  FieldValue value = {};
  std::vector<FieldParameter> parameters = {};

  const FieldValue* parameter(std::string_view name) const noexcept {
    const auto found = std::ranges::find(parameters, name, &FieldParameter::key);
    return found == parameters.end() ? nullptr : &found->value;
  }
};

bool is_digit_char(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_lower_char(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_upper_char(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_one_of(char c, std::string_view set) noexcept { return set.find(c) != std::string_view::npos; }
bool is_alphanumeric(char c) noexcept { return is_digit_char(c) || is_lower_char(c) || is_upper_char(c); }
bool is_printable_char(char c) noexcept { return c >= 0x20 && c <= 0x7e; }

class FieldParser {
 public:
  FieldParser(std::string_view field, std::string_view text) : field_(field), text_(text) {}

  Result<std::vector<FieldItem>> list() { return members(false); }
  Result<std::vector<FieldItem>> dictionary() { return members(true); }

 private:
  Result<std::vector<FieldItem>> members(bool with_keys) {
    if (text_.size() > kMaxRateFieldBytes) return too_long();
    std::vector<FieldItem> items;
    take_all(" ");
    do {
      FieldItem made;
      if (!(with_keys ? member(made) : item(made)) || !keep(items, std::move(made))) return error_;
    } while (take_comma());
    take_all(" ");
    if (at_ != text_.size()) fail("a comma or the end");
    if (failed()) return error_;
    return items;
  }

  Error too_long() const {
    return invalid_argument(field_, "must be at most " + std::to_string(kMaxRateFieldBytes) + " bytes, got " +
                                        std::to_string(text_.size()));
  }

  // A member that is there already takes its place in a dictionary.
  bool keep(std::vector<FieldItem>& items, FieldItem item) {
    if (!item.key.empty()) std::erase_if(items, [&](const FieldItem& other) { return other.key == item.key; });
    if (items.size() == kMaxRateFieldItems) {
      return fail("no more than " + std::to_string(kMaxRateFieldItems) + " members");
    }
    items.push_back(std::move(item));
    return true;
  }

  // A comma and what is blank around it. A comma with nothing behind it fails.
  bool take_comma() {
    const std::size_t before = at_;
    take_all(" \t");
    if (!take(',')) {
      at_ = before;
      return false;
    }
    take_all(" \t");
    return at_ < text_.size() || fail("a member behind the comma");
  }

  bool member(FieldItem& to) {
    if (!key(to.key)) return false;
    if (take('=')) return item(to);
    to.value = {};
    return parameters(to);
  }

  bool item(FieldItem& to) { return bare_item(to.value) && parameters(to); }

  bool parameters(FieldItem& to) {
    while (take(';')) {
      take_all(" ");
      FieldParameter made;
      if (!key(made.key)) return false;
      if (take('=') && !bare_item(made.value)) return false;
      std::erase_if(to.parameters, [&](const FieldParameter& other) { return other.key == made.key; });
      if (to.parameters.size() == kMaxRateFieldParameters) {
        return fail("no more than " + std::to_string(kMaxRateFieldParameters) + " parameters");
      }
      to.parameters.push_back(std::move(made));
    }
    return true;
  }

  bool key(std::string& to) {
    if (!(is_lower_char(peek()) || peek() == '*')) return fail("a name in lower case");
    to = take_while([](char c) { return is_lower_char(c) || is_digit_char(c) || is_one_of(c, "_-.*"); });
    return true;
  }

  bool bare_item(FieldValue& to) {
    const char c = peek();
    if (c == '-' || is_digit_char(c)) return number(to);
    if (c == '"') return string(to);
    if (c == '*' || is_lower_char(c) || is_upper_char(c)) return token(to);
    if (take(':')) return bytes();
    if (take('?')) return take('0') || take('1') || fail("0 or 1");
    if (take('@')) return date(to);
    if (take('%')) return display_string();
    return fail("a value");
  }

  // An integer of up to 15 digits, or a decimal of up to 12 and 3.
  bool number(FieldValue& to) {
    const std::size_t begin = at_;
    take('-');
    const std::string whole(take_while(is_digit_char));
    if (whole.empty() || whole.size() > 15) return at_ = begin, fail("a number of 1 to 15 digits");
    if (take('.')) {
      const std::size_t fraction = take_while(is_digit_char).size();
      return (whole.size() <= 12 && fraction >= 1 && fraction <= 3) ||
             (at_ = begin, fail("a decimal of at most 12 digits and 3"));
    }
    to.kind = FieldValue::Kind::kInteger;
    std::from_chars(text_.data() + begin, text_.data() + at_, to.integer);
    return true;
  }

  bool string(FieldValue& to) {
    to.kind = FieldValue::Kind::kString;
    ++at_;
    while (!take('"')) {
      if (take('\\') && peek() != '"' && peek() != '\\') return fail("a quote or a backslash");
      if (!is_printable_char(peek())) return fail("a closing quote");
      to.text += text_[at_++];
    }
    return true;
  }

  bool token(FieldValue& to) {
    to.kind = FieldValue::Kind::kToken;
    to.text = take_while([](char c) { return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~:/"); });
    return true;
  }

  bool bytes() {
    take_while([](char c) { return is_alphanumeric(c) || is_one_of(c, "+/="); });
    return take(':') || fail("a closing colon");
  }

  bool date(FieldValue& to) {
    FieldValue time;
    if (!number(time)) return false;
    to.kind = FieldValue::Kind::kOther;
    return time.kind == FieldValue::Kind::kInteger || fail("whole seconds");
  }

  bool display_string() {
    if (!take('"')) return fail("a quote");
    const std::size_t begin = at_;
    while (is_printable_char(peek()) && peek() != '"') ++at_;
    const std::string_view inside = text_.substr(begin, at_ - begin);
    if (!take('"')) return fail("a closing quote");
    const auto decoded = base::percent_decode(inside);
    const bool good = decoded && base::is_valid_utf8(*decoded) && has_lower_escapes(inside);
    return good || (at_ = begin, fail("UTF-8 in lower-case escapes"));
  }

  static bool has_lower_escapes(std::string_view text) noexcept {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
      if (std::ranges::any_of(text.substr(at + 1, 2), is_upper_char)) return false;
    }
    return true;
  }

  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) noexcept {
    const bool there = at_ < text_.size() && text_[at_] == c;
    at_ += there ? 1 : 0;
    return there;
  }
  template <class F>
  std::string_view take_while(F&& fits) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && fits(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  void take_all(std::string_view set) {
    take_while([set](char c) { return is_one_of(c, set); });
  }

  // Remembers the first failure. Always false.
  bool fail(std::string_view expected) {
    if (failed()) return false;
    const std::string got = at_ < text_.size() ? base::printable(text_.substr(at_, 16)) : "the end";
    error_ = invalid_argument(field_,
                              "expected " + std::string(expected) + " at byte " + std::to_string(at_) + ", got " + got);
    return false;
  }
  bool failed() const noexcept { return error_.code() != Errc::kOk; }

  std::string_view field_;
  std::string_view text_;
  std::size_t at_ = 0;
  Error error_{Errc::kOk};
};

// --- Quotas

constexpr seconds kMaxHintTime = std::chrono::hours(24 * 3660);  // whatever is longer is as good as never

// A number that a member must have, or may have: not negative.
Result<std::optional<std::int64_t>> count_of(std::string_view field, std::string_view member, std::string_view name,
                                             const FieldValue* value, bool required) {
  const auto bad = [&](std::string_view problem) {
    return invalid_argument(field, std::string(name) + " of " + base::printable(member) + " " + std::string(problem));
  };
  if (value == nullptr) {
    if (required) return bad("is missing");
    return std::optional<std::int64_t>();
  }
  if (value->kind != FieldValue::Kind::kInteger || value->integer < 0) return bad("must be a whole number from 0 on");
  return std::optional(value->integer);
}

std::optional<seconds> to_time(std::optional<std::int64_t> count) {
  if (!count) return std::nullopt;
  return std::min(seconds(*count), kMaxHintTime);
}

bool is_name(const FieldValue& value) noexcept {
  return value.kind == FieldValue::Kind::kString || value.kind == FieldValue::Kind::kToken;
}

Result<QuotaHint> read_limit(const FieldItem& item) {
  constexpr std::string_view kField = "RateLimit";
  if (!is_name(item.value)) return invalid_argument(kField, "each member must begin with a policy's name");
  const auto remaining = count_of(kField, item.value.text, "r", item.parameter("r"), true);
  if (!remaining) return remaining.error();
  const auto reset = count_of(kField, item.value.text, "t", item.parameter("t"), false);
  if (!reset) return reset.error();
  return QuotaHint{.name = item.value.text, .remaining = *remaining, .reset = to_time(*reset)};
}

Result<std::string> unit_of(const FieldItem& item) {
  const FieldValue* unit = item.parameter("qu");
  if (unit == nullptr) return std::string("requests");
  if (unit->kind == FieldValue::Kind::kString) return unit->text;
  return invalid_argument("RateLimit-Policy", "qu of " + base::printable(item.value.text) + " must be a string");
}

// `"burst";q=100;w=60`, or before -08 `100;w=60`, where the quota itself is the value.
Result<QuotaHint> read_policy(const FieldItem& item) {
  constexpr std::string_view kField = "RateLimit-Policy";
  const bool unnamed = item.value.kind == FieldValue::Kind::kInteger;
  if (!unnamed && !is_name(item.value)) return invalid_argument(kField, "each member must be a name or a quota");
  const auto quota = count_of(kField, item.value.text, "q", unnamed ? &item.value : item.parameter("q"), true);
  if (!quota) return quota.error();
  const auto window = count_of(kField, item.value.text, "w", item.parameter("w"), false);
  if (!window) return window.error();
  auto unit = unit_of(item);
  if (!unit) return unit.error();
  return QuotaHint{.name = item.value.text, .quota = *quota, .window = to_time(*window), .unit = *std::move(unit)};
}

Result<std::vector<QuotaHint>> read_all(const Result<std::vector<FieldItem>>& items,
                                        Result<QuotaHint> (*read)(const FieldItem&)) {
  if (!items) return items.error();
  std::vector<QuotaHint> hints;
  for (const FieldItem& item : *items) {
    auto hint = read(item);
    if (!hint) return hint.error();
    hints.push_back(*std::move(hint));
  }
  return hints;
}

// Whether it is the dictionary of -07: a key and '=' come first.
bool is_dictionary(std::string_view value) noexcept {
  const std::size_t begin = std::min(value.find_first_not_of(' '), value.size());
  const std::size_t end = value.find_first_not_of("abcdefghijklmnopqrstuvwxyz", begin);
  return end != std::string_view::npos && end > begin && value[end] == '=';
}

Result<std::vector<QuotaHint>> read_dictionary(std::string_view value) {
  const auto members = FieldParser("RateLimit", value).dictionary();
  if (!members) return members.error();
  std::array<std::int64_t, 3> counts{};
  constexpr std::array<std::string_view, 3> kKeys = {"limit", "remaining", "reset"};
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const auto member = std::ranges::find(*members, kKeys[i], &FieldItem::key);
    const auto count = count_of("RateLimit", "", kKeys[i], member == members->end() ? nullptr : &member->value, true);
    if (!count) return count.error();
    counts[i] = count->value_or(0);
  }
  return std::vector{QuotaHint{.quota = counts[0], .remaining = counts[1], .reset = to_time(counts[2])}};
}

// The first number of a field that may be a list; nullopt: the field is absent.
Result<std::optional<std::int64_t>> first_number(const std::string& field, std::string_view value) {
  if (value.empty()) return std::optional<std::int64_t>();
  const auto items = FieldParser(field, value).list();
  if (!items) return items.error();
  const FieldValue& first = items->front().value;
  if (first.kind == FieldValue::Kind::kInteger && first.integer >= 0) return std::optional(first.integer);
  return invalid_argument(field, "must be a whole number from 0 on, got " + base::printable(value));
}

constexpr std::int64_t kFirstEpochSeconds = 1'000'000'000;
constexpr std::int64_t kFirstEpochMilliseconds = 100'000'000'000;

std::int64_t seconds_until(WallTime then, WallTime now) noexcept {
  return then <= now ? 0 : std::chrono::ceil<seconds>(then - now).count();
}

std::optional<seconds> read_reset(std::optional<std::int64_t> value, WallTime now) noexcept {
  if (!value || *value < kFirstEpochSeconds) return to_time(value);
  const bool in_ms = *value >= kFirstEpochMilliseconds;
  return to_time(seconds_until(in_ms ? from_unix_ms(*value) : from_unix_ms(*value * 1000), now));
}

}  // namespace

Result<std::vector<QuotaHint>> parse_rate_limit(std::string_view value) {
  if (is_dictionary(value)) return read_dictionary(value);
  return read_all(FieldParser("RateLimit", value).list(), read_limit);
}

Result<std::vector<QuotaHint>> parse_rate_limit_policy(std::string_view value) {
  return read_all(FieldParser("RateLimit-Policy", value).list(), read_policy);
}

Result<QuotaHint> parse_rate_limit_trio(std::string_view prefix, std::string_view limit, std::string_view remaining,
                                        std::string_view reset, WallTime server_now) {
  const auto field = [&](std::string_view name) { return std::string(prefix) + std::string(name); };
  const auto left = first_number(field("Remaining"), remaining);
  if (!left) return left.error();
  if (!left->has_value()) return invalid_argument(field("Remaining"), "is missing");
  const auto quota = first_number(field("Limit"), limit);
  if (!quota) return quota.error();
  const auto back = first_number(field("Reset"), reset);
  if (!back) return back.error();
  return QuotaHint{.quota = *quota, .remaining = *left, .reset = read_reset(*back, server_now)};
}

// --- Times of the calendar

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct DateParts {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// Reads a date by a pattern: A a day of the week cut to three letters, W a whole one, M a month, and digits: D two for
// the day, E the same with a blank for the first, Y four and y two for the year, h m s two each. Z is GMT, all else
// itself.
class DateReader {
 public:
  DateReader(std::string_view text, std::string_view pattern) : text_(text), pattern_(pattern) {}

  std::optional<DateParts> read() {
    for (const char c : pattern_) {
      if (!part(c)) return std::nullopt;
    }
    return text_.empty() ? std::optional(parts_) : std::nullopt;
  }

 private:
  bool part(char c) {
    switch (c) {
      case 'A': return std::ranges::any_of(kDays, [this](std::string_view day) { return take(day.substr(0, 3)); });
      case 'W': return std::ranges::any_of(kDays, [this](std::string_view day) { return take(day); });
      case 'M': return month();
      case 'D': return digits(2, parts_.day);
      case 'E': return take(" ") ? digits(1, parts_.day) : digits(2, parts_.day);
      case 'Y': return digits(4, parts_.year);
      case 'y': return digits(2, parts_.year);
      case 'h': return digits(2, parts_.hour);
      case 'm': return digits(2, parts_.minute);
      case 's': return digits(2, parts_.second);
      case 'Z': return take("GMT");
      default: return take(std::string_view(&c, 1));
    }
  }
  bool month() {
    for (unsigned i = 0; i < kMonths.size(); ++i) {
      if (take(kMonths[i])) return parts_.month = i + 1, true;
    }
    return false;
  }
  bool digits(std::size_t count, int& to) {
    const std::string_view found = text_.substr(0, count);
    if (found.size() != count || !std::ranges::all_of(found, is_digit_char)) return false;
    std::from_chars(found.data(), found.data() + count, to);
    text_.remove_prefix(count);
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  std::string_view text_;
  std::string_view pattern_;
  DateParts parts_;
};

// The second 60 is a leap second, and taken for the one after.
std::optional<WallTime> to_wall_time(const DateParts& parts) {
  using namespace std::chrono;
  const year_month_day date{year(parts.year), month(parts.month), day(static_cast<unsigned>(parts.day))};
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return WallTime(sys_days(date)) + hours(parts.hour) + minutes(parts.minute) + seconds(parts.second);
}

int year_of(WallTime time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  return static_cast<int>(date.year());
}

// The year of two digits that is at most 50 years ahead of now, and the latest of those.
int full_year(int two_digits, WallTime now) {
  const int latest = year_of(now) + 50;
  const int year = latest - latest % 100 + two_digits;
  return year > latest ? year - 100 : year;
}

}  // namespace

Result<WallTime> parse_http_date(std::string_view field, std::string_view value, WallTime now) {
  for (const std::string_view pattern : {"A, D M Y h:m:s Z", "W, D-M-y h:m:s Z", "A M E h:m:s Y"}) {
    auto parts = DateReader(value, pattern).read();
    if (!parts) continue;
    if (pattern.starts_with('W')) parts->year = full_year(parts->year, now);
    if (const auto time = to_wall_time(*parts)) return *time;
  }
  return invalid_argument(field, "must be an HTTP date, got " + base::printable(value));
}

Result<seconds> parse_retry_after(std::string_view value, WallTime server_now) {
  if (!value.empty() && std::ranges::all_of(value, is_digit_char)) {
    // More digits than a number holds are a long time all the same.
    return std::min(seconds(base::parse_int64(value).value_or(kMaxHintTime.count())), kMaxHintTime);
  }
  const auto date = parse_http_date("Retry-After", value, server_now);
  if (date) return std::min(seconds(seconds_until(*date, server_now)), kMaxHintTime);
  return invalid_argument("Retry-After", "must be seconds or an HTTP date, got " + base::printable(value));
}

// --- A whole response

namespace {

using HeaderFields = std::span<const std::pair<std::string, std::string>>;

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return is_upper_char(c) ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The lines of a field, joined; empty: absent.
std::string joined(HeaderFields headers, std::string_view name) {
  std::string text;
  for (const auto& [field, value] : headers) {
    if (!is_same_name(field, name) || value.empty()) continue;
    if (!text.empty()) text += ", ";
    text += value;
  }
  return text;
}

WallTime time_of_response(HeaderFields headers, WallTime now) {
  const std::string date = joined(headers, "Date");
  return date.empty() ? now : parse_http_date("Date", date, now).value_or(now);
}

bool is_from_cache(HeaderFields headers) { return base::parse_int64(joined(headers, "Age")).value_or(0) > 0; }

// Keeps what was parsed, or the error.
template <class T>
std::optional<T> kept(Result<T> parsed, RateHints& hints) {
  if (parsed) return *std::move(parsed);
  hints.ignored.push_back(parsed.error());
  return std::nullopt;
}

std::optional<std::vector<QuotaHint>> read_trio(HeaderFields headers, std::string_view prefix, WallTime now,
                                                RateHints& hints) {
  const auto value = [&](std::string_view name) { return joined(headers, std::string(prefix) + std::string(name)); };
  const std::string remaining = value("Remaining");
  if (remaining.empty()) return std::nullopt;
  auto hint = kept(parse_rate_limit_trio(prefix, value("Limit"), remaining, value("Reset"), now), hints);
  if (!hint) return std::nullopt;
  return std::vector{*std::move(hint)};
}

std::vector<QuotaHint> read_quotas(HeaderFields headers, WallTime now, RateHints& hints) {
  std::optional<std::vector<QuotaHint>> found;
  if (const auto value = joined(headers, "RateLimit"); !value.empty()) found = kept(parse_rate_limit(value), hints);
  if (!found) found = read_trio(headers, "RateLimit-", now, hints);
  if (!found) found = read_trio(headers, "X-RateLimit-", now, hints);
  return std::move(found).value_or(std::vector<QuotaHint>());
}

// By name; those without one by their quota.
bool is_of_policy(const QuotaHint& hint, const QuotaHint& policy) noexcept {
  return hint.name == policy.name && (!hint.name.empty() || hint.quota == policy.quota);
}

// Adds what the policies say. One that no hint is of tells that there is a quota, and no more.
void merge_policies(std::vector<QuotaHint>& hints, std::vector<QuotaHint> policies) {
  for (QuotaHint& policy : policies) {
    bool known = false;
    for (QuotaHint& hint : hints) {
      if (!is_of_policy(hint, policy)) continue;
      hint.quota = policy.quota;
      hint.window = policy.window;
      hint.unit = policy.unit;
      known = true;
    }
    if (!known) hints.push_back(std::move(policy));
  }
}

}  // namespace

RateHints read_rate_hints(std::span<const std::pair<std::string, std::string>> headers, WallTime now) {
  RateHints hints;
  const WallTime server_now = time_of_response(headers, now);
  if (const auto value = joined(headers, "Retry-After"); !value.empty()) {
    hints.retry_after = kept(parse_retry_after(value, server_now), hints);
  }
  if (is_from_cache(headers)) return hints;
  auto quotas = read_quotas(headers, server_now, hints);
  if (const auto value = joined(headers, "RateLimit-Policy"); !value.empty()) {
    if (auto policies = kept(parse_rate_limit_policy(value), hints)) merge_policies(quotas, *std::move(policies));
  }
  hints.quotas = std::move(quotas);
  return hints;
}

// --- The pacer

namespace {

std::string wait_bound(Milliseconds got) {
  return "must be between 0 and " + std::to_string(kMaxPacerWait.count()) + " ms, got " + std::to_string(got.count());
}

bool is_good_wait(Milliseconds wait) noexcept { return wait >= Milliseconds(0) && wait <= kMaxPacerWait; }

}  // namespace

Result<Pacer> Pacer::create(PacerOptions options) {
  base::Problems problems;
  if (!(options.spread_below >= 0 && options.spread_below <= 1)) {
    problems.add("spread_below", "must be between 0 and 1, got " + std::to_string(options.spread_below));
  }
  if (!is_good_wait(options.max_wait)) problems.add("max_wait", wait_bound(options.max_wait));
  if (!is_good_wait(options.max_retry_after)) problems.add("max_retry_after", wait_bound(options.max_retry_after));
  if (!problems.empty()) return problems.result().error();
  return Pacer(options);
}

Milliseconds Pacer::wait(TimePoint now) const noexcept {
  TimePoint next = std::max(now, not_before_.value_or(now));
  for (const Quota& quota : quotas_) next = std::max(next, quota.next_at);
  return std::chrono::ceil<Milliseconds>(next - now);
}

void Pacer::sent(TimePoint now) {
  last_sent_ = now;
  for (Quota& quota : quotas_) {
    quota.remaining = std::max<std::int64_t>(0, quota.remaining - 1);
    plan(quota, now);
  }
}

void Pacer::answered(const RateHints& hints, TimePoint now) {
  if (hints.retry_after) {
    const seconds told = std::clamp(*hints.retry_after, seconds(0), kMaxHintTime);
    const TimePoint until = now + std::min<Milliseconds>(told, options_.max_retry_after);
    not_before_ = std::max(not_before_.value_or(until), until);
  }
  for (const QuotaHint& hint : hints.quotas) {
    if (!hint.remaining || hint.unit != "requests") continue;
    if (!hint.reset && !hint.window) continue;
    learn(hint, now);
    if (hints.retry_after) quota_named(hint.name).next_at = now;
  }
}

// The quota of this name; a new one takes the place of the one that is back first when there are too many.
Pacer::Quota& Pacer::quota_named(const std::string& name) {
  const auto found = std::ranges::find(quotas_, name, &Quota::name);
  if (found != quotas_.end()) return *found;
  if (quotas_.size() == kMaxPacedQuotas) quotas_.erase(std::ranges::min_element(quotas_, {}, &Quota::back_at));
  return quotas_.emplace_back(Quota{.name = name});
}

// A server that does not say how much there is has at least as much as it ever said is left.
void Pacer::learn(const QuotaHint& hint, TimePoint now) {
  Quota& quota = quota_named(hint.name);
  quota.remaining = std::max<std::int64_t>(0, *hint.remaining);
  quota.quota = hint.quota.value_or(std::max(quota.quota, quota.remaining));
  quota.back_at = now + std::clamp(hint.reset ? *hint.reset : *hint.window, seconds(0), kMaxHintTime);
  plan(quota, now);
}

void Pacer::plan(Quota& quota, TimePoint now) const noexcept {
  const TimePoint from = quota.remaining > 0 ? last_sent_.value_or(now) : now;
  quota.next_at = std::clamp(from + gap(quota, now), now, now + options_.max_wait);
}

TimePoint::duration Pacer::gap(const Quota& quota, TimePoint now) const noexcept {
  if (now >= quota.back_at) return TimePoint::duration::zero();
  const double share =
      static_cast<double>(quota.remaining) / static_cast<double>(std::max<std::int64_t>(1, quota.quota));
  if (quota.remaining > 0 && share >= options_.spread_below) return TimePoint::duration::zero();
  return (quota.back_at - now) / (quota.remaining + 1);
}

}  // namespace envoyou
