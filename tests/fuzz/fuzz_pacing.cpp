// Goal: nothing that a server tells of its quotas makes a client crash or wait beyond his bounds, and what this
// library's servers tell is read as they meant it. Method: libFuzzer. An input is read as each of the fields, and as a
// whole response of `name: value` lines that a pacer hears while time goes on; and its bytes are made into a decision,
// whose fields are read back.
#include <envoyou/limiter/headers.hpp>
#include <envoyou/limiter/pacing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace envoyou;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr WallTime kNow = WallTime(Milliseconds(1'700'000'000'000));
constexpr Milliseconds kMaxWait{60'000};
constexpr Milliseconds kMaxRetryAfter{90'000};

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const QuotaHint& hint) {
  constexpr std::int64_t kMax = 999'999'999'999'999;
  constexpr std::chrono::hours kTenYears(24 * 3660);
  must(hint.quota.value_or(0) >= 0 && hint.quota.value_or(0) <= kMax);
  must(hint.remaining.value_or(0) >= 0 && hint.remaining.value_or(0) <= kMax);
  must(!hint.reset || (hint.reset->count() >= 0 && *hint.reset <= kTenYears));
  must(!hint.window || (hint.window->count() >= 0 && *hint.window <= kTenYears));
}

void try_values(std::string_view text) {
  if (const auto hints = parse_rate_limit(text)) {
    must(!hints->empty() && hints->size() <= kMaxRateFieldItems);
    std::ranges::for_each(*hints, check);
  }
  if (const auto hints = parse_rate_limit_policy(text)) std::ranges::for_each(*hints, check);
  if (const auto hint = parse_rate_limit_trio("X-RateLimit-", text, text, text, kNow)) check(*hint);
  if (const auto wait = parse_retry_after(text, kNow)) must(wait->count() >= 0);
}

Fields lines_of(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t colon = std::min(line.find(": "), line.size());
    fields.emplace_back(line.substr(0, colon), line.substr(std::min(line.size(), colon + 2)));
  }
  return fields;
}

void try_pacer(const Fields& fields, std::uint8_t choice) {
  const RateHints hints = read_rate_hints(fields, kNow);
  std::ranges::for_each(hints.quotas, check);
  auto pacer =
      Pacer::create({.spread_below = (choice % 5) / 4.0, .max_wait = kMaxWait, .max_retry_after = kMaxRetryAfter});
  TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 4; ++i) {
    pacer->sent(now);
    pacer->answered(hints, now);
    const Milliseconds wait = pacer->wait(now);
    must(wait >= Milliseconds(0) && wait <= (hints.retry_after ? std::max(kMaxWait, kMaxRetryAfter) : kMaxWait));
    now += wait;
    must(pacer->wait(now) == Milliseconds(0));
    now += Milliseconds(choice);
  }
}

// A number made of the next bytes.
std::int64_t take(std::string_view& bytes, std::int64_t max) {
  std::uint64_t number = 0;
  for (int i = 0; i < 5 && !bytes.empty(); ++i) {
    number = number << 8 | static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
  }
  return static_cast<std::int64_t>(number % static_cast<std::uint64_t>(max + 1));
}

Decision make_decision(std::string_view bytes) {
  Decision made;
  made.allowed = take(bytes, 1) == 1;
  made.retry_after = Milliseconds(take(bytes, kMaxRateWindow.count()));
  for (std::int64_t rules = 1 + take(bytes, 7); rules > 0; --rules) {
    RateRule rule{.limit = 1 + take(bytes, kMaxRateLimit - 1),
                  .window = Milliseconds(1 + take(bytes, kMaxRateWindow.count() - 1))};
    rule.name = std::string(bytes.substr(0, static_cast<std::size_t>(take(bytes, 64))));
    rule.algorithm = static_cast<Algorithm>(take(bytes, 5));
    const std::int64_t remaining = take(bytes, rule.limit);
    made.rules.push_back({rule, remaining, Milliseconds(take(bytes, rule.window.count())), !made.allowed});
  }
  return made;
}

void try_server(std::string_view bytes) {
  const Decision decision = make_decision(bytes);
  const RateHints hints = read_rate_hints(rate_limit_headers(decision, {.partition_key = std::string(bytes)}), kNow);
  must(hints.ignored.empty() && hints.quotas.size() >= decision.rules.size());
  for (std::size_t i = 0; i < decision.rules.size(); ++i) {
    must(hints.quotas[i].remaining == decision.rules[i].remaining);
    must(hints.quotas[i].reset == std::chrono::ceil<std::chrono::seconds>(decision.rules[i].reset_after));
  }
  must(hints.retry_after.has_value() == !decision.allowed);
  must(!rate_limit_problem(decision).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_values(text);
  try_pacer(lines_of(text), size == 0 ? std::uint8_t{0} : data[0]);
  try_pacer({{"RateLimit", std::string(text)}, {"RateLimit-Policy", std::string(text)}}, 1);
  try_pacer({{"Date", std::string(text)}, {"Retry-After", std::string(text)}}, 2);
  try_server(text);
  return 0;
}
