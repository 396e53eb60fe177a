// How fast is the client, and how fast are others?
//
//   client_bench --url URL --mode blocking|callback|coroutine|hiredis-sync|hiredis-async|raw-socket
//                --callers N --seconds S [--command get|set|evalsha] [--ca-file FILE]
//
// URL: as parse_url takes it. `blocking`, `callback` and `coroutine` are ours and take each form; hiredis knows one
// server, over TLS, too (by its own hiredis_ssl), and the raw socket one in plain. --ca-file is whom to trust over TLS;
// without it REDIS_CA_FILE of the environment, else the system's trust store.
//
// A closed loop with values of 100 bytes. Callers are threads for `blocking` (all on one client) and `hiredis-sync` (a
// connection each), requests in flight from one thread for the others (`hiredis-async` and `raw-socket`: one
// connection, N pipelined; `raw-socket` asks its N in one breath and waits for all). All ask for one key; in a cluster
// each goes round the same 64 keys, which are spread over the nodes.
//
// Back of the envelope, loopback on a machine of 2020: a round trip costs 20 us, mostly in the kernel, on both sides;
// so one caller gets 40 to 50 thousand a second whatever the client. 64 in flight share the system calls, and the
// server's 0.6 us a GET is what remains: 1 to 1.5 million. 64 blocked threads pay a wake-up each, 5 us: 150 thousand.
//
// The last line is JSON: {"mode","callers","ops_per_second","p50_us","p99_us","p999_us","client_cpu_us_per_op"}.
// Exit 2: an option or a name that it does not know, or a mode that can not do what the URL says; 1: it could not run,
// or answers were wrong.
#include "client_bench.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using envoyou::bench::Figures;
using envoyou::bench::Question;
using envoyou::bench::Setup;

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;
constexpr std::size_t kMaxCallers = 4096;
constexpr double kMaxSeconds = 3600;

struct BadUsage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Mode {
  Figures (*run)(const Setup&);
  bool several_servers;  // clusters, sentinels
  bool tls;
};

const std::map<std::string_view, Mode>& modes() {
  namespace bench = envoyou::bench;
  static const std::map<std::string_view, Mode> kModes = {
      {"blocking", {bench::run_blocking, true, true}},
      {"callback", {bench::run_callback, true, true}},
      {"coroutine", {bench::run_coroutine, true, true}},
      {"hiredis-sync", {bench::run_hiredis_sync, false, bench::kHiredisHasTls}},
      {"hiredis-async", {bench::run_hiredis_async, false, bench::kHiredisHasTls}},
      {"raw-socket", {bench::run_raw_socket, false, false}},
  };
  return kModes;
}

template <class Number>
Number number(std::string_view option, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw BadUsage(std::string(option) + ": not a number in range: " + std::string(text));
  }
  return value;
}

Question question(std::string_view name) {
  if (name == "get") return Question::kGet;
  if (name == "set") return Question::kSet;
  if (name == "evalsha") return Question::kEvalsha;
  throw BadUsage("--command: does not know " + std::string(name));
}

using Given = std::map<std::string, std::string>;

constexpr std::string_view kOptions[] = {"--url", "--mode", "--callers", "--seconds", "--command", "--ca-file"};

Given read_words(int argc, char** argv) {
  Given given;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (std::find(std::begin(kOptions), std::end(kOptions), name) == std::end(kOptions)) {
      throw BadUsage("does not know " + name);
    }
    if (i + 1 == argc) throw BadUsage(name + ": needs a value");
    if (!given.emplace(name, argv[i + 1]).second) throw BadUsage(name + ": given twice");
  }
  for (const char* needed : {"--url", "--mode", "--callers", "--seconds"}) {
    if (given.find(needed) == given.end()) throw BadUsage(std::string(needed) + ": missing");
  }
  return given;
}

void trust(envoyou::redis::ClientOptions& server, const Given& given) {
  const auto option = given.find("--ca-file");
  const bool is_given = option != given.end();
  if (is_given && !server.tls.enabled) throw BadUsage("--ca-file: --url has no TLS");
  const char* const environment = std::getenv("REDIS_CA_FILE");
  if (is_given) server.tls.ca_file = option->second;
  if (!is_given && environment != nullptr) server.tls.ca_file = environment;
  server.sentinel.tls.ca_file = server.tls.ca_file;
}

void check_that_it_can(const Setup& setup) {
  const Mode& mode = modes().at(setup.mode);
  const std::string name = "--mode " + setup.mode + ": ";
  if (setup.server.tls.enabled && !mode.tls) {
    throw BadUsage(name + (setup.mode == "raw-socket" ? "does not do TLS" : "this hiredis was built without TLS"));
  }
  if (setup.server.topology != envoyou::redis::Topology::kStandalone && !mode.several_servers) {
    throw BadUsage(name + "knows one server only, no cluster and no sentinels");
  }
}

Setup read_options(int argc, char** argv) {
  Given given = read_words(argc, argv);
  Setup setup;
  auto server = envoyou::redis::parse_url(given["--url"]);
  if (!server) throw BadUsage("--url: " + std::string(server.error().message()));
  setup.server = *std::move(server);
  trust(setup.server, given);
  setup.mode = given["--mode"];
  if (modes().find(setup.mode) == modes().end()) throw BadUsage("--mode: does not know " + setup.mode);
  setup.callers = number<std::size_t>("--callers", given["--callers"], 1, kMaxCallers);
  const double seconds = number<double>("--seconds", given["--seconds"], 0.001, kMaxSeconds);
  setup.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  if (given.find("--command") != given.end()) setup.question = question(given["--command"]);
  check_that_it_can(setup);
  return setup;
}

int run(const Setup& setup) {
  const Figures figures = modes().at(setup.mode).run(setup);
  const auto operations = static_cast<double>(figures.latencies.count());
  if (figures.errors == 0 && figures.latencies.count() == 0) {
    std::fprintf(stderr, "client_bench: no call ended within the time of --seconds: give it more\n");
    return kFailed;
  }
  if (figures.errors > 0) {
    std::fprintf(stderr, "client_bench: %llu calls failed %s\n", static_cast<unsigned long long>(figures.errors),
                 figures.first_error.c_str());
    return kFailed;
  }
  std::printf(
      "{\"mode\":\"%s\",\"callers\":%zu,\"ops_per_second\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
      "\"client_cpu_us_per_op\":%.3f}\n",
      setup.mode.c_str(), setup.callers, operations / figures.seconds, figures.latencies.quantile(0.5),
      figures.latencies.quantile(0.99), figures.latencies.quantile(0.999), 1e6 * figures.cpu_seconds / operations);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(read_options(argc, argv));
  } catch (const BadUsage& bad) {
    std::fprintf(stderr, "client_bench: %s\n", bad.what());
    return kBadUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "client_bench: %s\n", error.what());
    return kFailed;
  }
}
