#include <envoyou/adapters/prometheus.hpp>

#include <charconv>
#include <cmath>

namespace envoyou {
namespace {

// In HELP a quote is a quote; in a label's value it would end the value.
void append_escaped(std::string& text, std::string_view value, bool quotes_too) {
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\\' || (c == '"' && quotes_too)) {
      text += '\\';
      text += c;
    } else {
      text += c;
    }
  }
}

// A metric's name may hold nothing else; one odd name must not spoil the whole page.
std::string safe_name(std::string_view name) {
  std::string safe(name);
  for (char& c : safe) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != ':') c = '_';
  }
  if (safe.empty() || (safe[0] >= '0' && safe[0] <= '9')) safe.insert(safe.begin(), '_');
  return safe;
}

void append_number(std::string& text, double value) {
  if (std::isnan(value)) {
    text += "NaN";
    return;
  }
  if (std::isinf(value)) {
    text += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text.append(digits, end);
}

void append_family(std::string& text, const std::string& name, const MetricsRegistry::Sample& sample) {
  text += "# HELP " + name + ' ';
  append_escaped(text, sample.help, false);
  text += "\n# TYPE " + name + (sample.is_counter ? " counter\n" : " gauge\n");
}

}  // namespace

std::string to_prometheus_text(const MetricsRegistry& metrics) {
  std::string text;
  std::string family;
  bool first = true;
  metrics.visit([&](const MetricsRegistry::Sample& sample) {
    const auto name = safe_name(sample.name);
    if (first || family != sample.name) append_family(text, name, sample);
    first = false;
    family = sample.name;
    text += name;
    if (!sample.labels.empty()) {
      text += '{';
      text += sample.labels;
      text += '}';
    }
    text += ' ';
    append_number(text, sample.value);
    text += '\n';
  });
  return text;
}

std::string prometheus_label(std::string_view name, std::string_view value) {
  std::string label(name);
  label += "=\"";
  append_escaped(label, value, true);
  label += '"';
  return label;
}

}  // namespace envoyou
