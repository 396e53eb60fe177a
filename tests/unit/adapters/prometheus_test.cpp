// Goal: what a Prometheus server reads is well-formed whatever a label or a help text holds.
// Method: registries in, text out, compared whole.
#include <envoyou/adapters/prometheus.hpp>

#include <gtest/gtest.h>

namespace envoyou::prometheus_test {
namespace {

TEST(PrometheusText, OfNothingIsNothing) { EXPECT_EQ(to_prometheus_text(MetricsRegistry()), ""); }

TEST(PrometheusText, TellsHelpAndTypeOnceAFamily) {
  MetricsRegistry metrics;
  metrics.counter("b_total", "x=\"2\"", "Second.").add(3);
  metrics.counter("b_total", "x=\"1\"", "ignored").add();
  metrics.gauge("a", "", "First.").set(-5);
  EXPECT_EQ(to_prometheus_text(metrics),
            "# HELP a First.\n# TYPE a gauge\na -5\n"
            "# HELP b_total Second.\n# TYPE b_total counter\nb_total{x=\"1\"} 1\nb_total{x=\"2\"} 3\n");
}

TEST(PrometheusText, EscapesHelpAndMendsNames) {
  MetricsRegistry metrics;
  metrics.gauge("1 odd-name", "", "a \"b\" \\ c\nd").set(1);
  EXPECT_EQ(to_prometheus_text(metrics),
            "# HELP _1_odd_name a \"b\" \\\\ c\\nd\n# TYPE _1_odd_name gauge\n_1_odd_name 1\n");
}

TEST(PrometheusText, LargeCountsKeepTheirDigits) {
  MetricsRegistry metrics;
  metrics.counter("c", "", "C.").add(9'007'199'254'740'991);
  EXPECT_NE(to_prometheus_text(metrics).find("c 9007199254740991\n"), std::string::npos) << to_prometheus_text(metrics);
}

TEST(PrometheusLabel, EscapesItsValue) {
  EXPECT_EQ(prometheus_label("module", "limiter"), "module=\"limiter\"");
  EXPECT_EQ(prometheus_label("x", "a\"b\\c\nd"), "x=\"a\\\"b\\\\c\\nd\"");
}

}  // namespace
}  // namespace envoyou::prometheus_test
