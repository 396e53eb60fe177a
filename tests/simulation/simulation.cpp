// Goal: the client keeps its promises whatever its callers, its server, the network and its own machine do, and in
// whatever order they do it.
// Method: the whole client (reactor, engine, links; all but sockets and the thread) runs on one thread over a clock, a
// network and a Redis in memory. Everything that happens is drawn from a seed: who submits what and how patient he is,
// how long bytes travel, what goes wrong and when, how long the host sleeps. After each step the invariants are
// checked. A seed that fails is printed with the end of its trace, and gives the same trace each time:
//
//   simulation --seeds 100000 --start 1     seeds 1 to 100,000; prints the first that fails
//   simulation --seed 4711 --trace          that one again, with all that happened
//   simulation --cluster ...                the same over a cluster
//
//   Random ──► Callers ──submit──► Instance (the client) ◄──bytes──► World: wires, Host, ModelRedis ◄── Faults
//                 │                                                        │
//                 └──────── what it was told ── compared with ── what was executed
//
// Invariants, and who checks them:
//   - the right answer to the right caller; ended once; at its deadline to the nanosecond, and not before; executed no
//     more often than is safe, and never if the caller was told so (callers.hpp)
//   - no wake-up is lost: the loop never sleeps while commands wait (world.hpp, next_due)
//   - bounds: queue, bytes, flight, attempts to connect in any second, no busy loop (run.hpp, Bounds)
//   - back within a second after the last fault; a link over which an unasked reply came is never kept
//   - the password is in no log line and in nothing that a listener is told (instance.hpp)
//   - the same seed gives the same run (--twice)
//
// That it can fail was seen by breaking the client, one place at a time; the seed that told it first:
//
//   answered twice 1 · a wake-up left out 1 · a consumer that sleeps without saying so 1 · sleeping on a full inbox 2 ·
//   deadlines in flight a millisecond late 2 · deadlines in the queue forgotten 2 · INCRBY repeated 3 (by overflowing
//   the stack) · what was sent taken for unsent 5 · "not sent" said of what may have run 5 · unasked replies on idle
//   links ignored 6 · "unavailable" said of what may have run 7 · silence never judged 7 · repeated more than once 23 ·
//   a flight without bound 3 · a connect waited for for ever 6 · a greeting that stops half-way 49 · reconnects without
//   their bucket 141
//
// And by defects that it found: a greeting that the socket took in part was never written to its end, while the loop
// turned without pause (Engine.GoesOnWithAGreetingWhenThereIsRoomAgain); an answer to CLIENT SETNAME was believed
// whatever it was (seed 61539; Handshake.TakesNoNameForAnAnswerThatIsNone).
//
// With --cluster the same callers and faults meet two shards, each a primary and a replica, that fail over and whose
// slots move key by key (cluster.hpp): what is redirected and delayed is held to the same.
//
// Not simulated: sockets, TLS, threads (so also callers that send for themselves), memory that runs out.
// tests/integration and tests/faults have those.
#include "cluster_run.hpp"
#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include <unistd.h>

namespace {

using envoyou::simulation::Outcome;

// A run of the kind that was asked for.
bool over_a_cluster = false;

Outcome run(std::uint64_t seed, bool with_trace) {
  return over_a_cluster ? envoyou::simulation::run_cluster(seed, with_trace)
                        : envoyou::simulation::run(seed, with_trace);
}

constexpr std::size_t kShownLines = 60;

struct Arguments {
  std::uint64_t start = 1;
  std::uint64_t seeds = 1'000;
  bool one = false;    // --seed
  bool trace = false;  // of that one
  bool twice = false;  // each seed twice, and the same both times
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: simulation [--cluster] [--start S] [--seeds N] [--twice] | [--cluster] --seed N [--trace]\n");
  std::exit(2);
}

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') usage();
  return value;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--trace") {
      arguments.trace = true;
    } else if (name == "--cluster") {
      over_a_cluster = true;
    } else if (name == "--twice") {
      arguments.twice = true;
    } else if (name == "--seed" && has_value) {
      arguments.one = true;
      arguments.start = number(argv[++i]);
      arguments.seeds = 1;
    } else if (name == "--seeds" && has_value) {
      arguments.seeds = number(argv[++i]);
    } else if (name == "--start" && has_value) {
      arguments.start = number(argv[++i]);
    } else {
      usage();
    }
  }
  return arguments;
}

// What ends the process (an assertion of the library, a fault of memory) names its seed, too.
volatile std::uint64_t running_seed = 0;

void on_crash(int signal) {
  char text[64] = "simulation: crashed at seed ";
  char digits[24];
  std::size_t size = 0;
  for (std::uint64_t rest = running_seed; rest > 0 || size == 0; rest /= 10) {
    digits[size++] = static_cast<char>('0' + rest % 10);
  }
  std::size_t at = std::strlen(text);
  while (size > 0) text[at++] = digits[--size];
  text[at++] = '\n';
  if (::write(STDERR_FILENO, text, at) < 0) std::_Exit(3);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void print_trace(const Outcome& outcome, std::size_t most) {
  const std::size_t skipped = outcome.trace.size() - std::min(most, outcome.trace.size());
  if (skipped > 0) std::printf("... %zu lines before\n", skipped);
  for (std::size_t i = skipped; i < outcome.trace.size(); ++i) std::printf("%s\n", outcome.trace[i].c_str());
}

int report_failure(std::uint64_t seed, const std::string& what, std::size_t lines) {
  print_trace(run(seed, true), lines);
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), what.c_str());
  std::printf("again: simulation %s--seed %llu --trace\n", over_a_cluster ? "--cluster " : "",
              static_cast<unsigned long long>(seed));
  return 1;
}

int run_one(const Arguments& arguments) {
  const Outcome outcome = run(arguments.start, arguments.trace);
  if (arguments.trace) print_trace(outcome, SIZE_MAX);
  const char* const verdict = outcome.violation ? outcome.violation->c_str() : "passed";
  std::printf("seed %llu: %s, %zu commands, %zu steps, digest %016llx\n",
              static_cast<unsigned long long>(arguments.start), verdict, outcome.commands, outcome.steps,
              static_cast<unsigned long long>(outcome.digest));
  return outcome.violation ? 1 : 0;
}

int run_many(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t commands = 0;
  std::uint64_t steps = 0;
  std::chrono::nanoseconds back{0};
  std::map<std::string_view, std::uint64_t> ends;
  std::uint64_t executed_twice = 0;
  for (std::uint64_t seed = arguments.start; seed < arguments.start + arguments.seeds; ++seed) {
    running_seed = seed;
    const Outcome outcome = run(seed, false);
    if (outcome.violation) return report_failure(seed, *outcome.violation, kShownLines);
    if (arguments.twice && run(seed, false).digest != outcome.digest) {
      return report_failure(seed, "two runs of the same seed differ", kShownLines);
    }
    commands += outcome.commands;
    steps += outcome.steps;
    back = std::max(back, outcome.back);
    executed_twice += outcome.executed_twice;
    for (const auto& [name, count] : outcome.ends) ends[name] += count;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%llu seeds from %llu: %llu commands, %llu steps, back after the last fault within %.0f ms; %.1f s\n",
              static_cast<unsigned long long>(arguments.seeds), static_cast<unsigned long long>(arguments.start),
              static_cast<unsigned long long>(commands), static_cast<unsigned long long>(steps),
              std::chrono::duration<double, std::milli>(back).count(), took.count());
  for (const auto& [name, count] : ends) {
    std::printf("  %-16.*s %llu\n", static_cast<int>(name.size()), name.data(), static_cast<unsigned long long>(count));
  }
  std::printf("  executed twice, and safe: %llu\n", static_cast<unsigned long long>(executed_twice));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  std::signal(SIGABRT, on_crash);
  std::signal(SIGSEGV, on_crash);
  running_seed = arguments.start;
  return arguments.one ? run_one(arguments) : run_many(arguments);
}
