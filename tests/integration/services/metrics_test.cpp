// Goal: the names, types and labels of metrics are a promise to dashboards: they change only where the golden file
// does. Method: everything is opened with one registry and used, with Redis and without; what is then registered must
// be as tests/data/metrics.golden says, a line a name: name, type, names of labels. (That the file has all names that
// the sources have, and no others, is in tests/layers/metric_names.sh.) ENVOYOU_WRITE_GOLDEN=1 writes the lines that
// are missing to the output.
#include "fixture.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

namespace envoyou::testing::metrics_test {
namespace {

// `cache="response",result="hit"` -> "cache,result". No value of ours has a comma or a quote in it.
std::string names_of(std::string_view labels) {
  std::string names;
  while (!labels.empty()) {
    names += (names.empty() ? "" : ",") + std::string(labels.substr(0, labels.find('=')));
    const std::size_t end = labels.find("\",");
    labels = end == std::string_view::npos ? std::string_view() : labels.substr(end + 2);
  }
  return names.empty() ? "-" : names;
}

std::set<std::string> registered_in(const MetricsRegistry& metrics) {
  std::set<std::string> lines;
  metrics.visit([&](const MetricsRegistry::Sample& sample) {
    const char* const type = sample.is_counter ? " counter " : " gauge ";
    lines.insert(std::string(sample.name) + type + names_of(sample.labels));
  });
  return lines;
}

std::set<std::string> golden() {
  std::ifstream file(ENVOYOU_METRICS_GOLDEN);
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

void use_all(Services& services) {
  (void)services.limiter().check("user", {.limit = 5, .window = 1min});
  const auto session = services.sessions().create({.user_id = "user"});
  if (session) (void)services.sessions().get(session->id);
  (void)services.cache().set("key", "value");
  (void)services.cache().get("key");
}

TEST(Metrics, AreCalledAsTheGoldenFileSays) {
  auto server = RedisServer::start();
  const Runtime runtime;
  auto services = Services::open(config_for(server.url()), runtime).value();
  ASSERT_TRUE(eventually([&] { return services.redis()->is_connected(); }));
  use_all(services);
  server.stop();
  use_all(services);

  const auto expected = golden();
  const auto found = registered_in(*runtime.metrics);
  EXPECT_GE(found.size(), 30u);
  for (const std::string& line : found) {
    EXPECT_TRUE(expected.contains(line)) << "not in metrics.golden: " << line;
    if (!expected.contains(line) && std::getenv("ENVOYOU_WRITE_GOLDEN") != nullptr) std::printf("%s\n", line.c_str());
  }
}

}  // namespace
}  // namespace envoyou::testing::metrics_test
