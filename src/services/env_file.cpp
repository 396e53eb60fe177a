#include "services/env_file.hpp"

#include <fstream>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "base/problems.hpp"

namespace envoyou::services {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

// What may stand behind a closed quote.
bool is_end_of_line(std::string_view rest) {
  const auto text = trim(rest);
  return text.empty() || text[0] == '#';
}

char unescaped(char escape) {
  switch (escape) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    default: return escape;
  }
}

// `text` begins behind the opening quote.
Result<std::string> read_double_quoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (!is_end_of_line(text.substr(i + 1))) return Error(Errc::kInvalidArgument, "text after the closing quote");
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char escape = text[++i];
      if (std::string_view("ntr\\\"$").find(escape) == std::string_view::npos) value += '\\';
      value += unescaped(escape);
    } else {
      value += text[i];
    }
  }
  return Error(Errc::kInvalidArgument, "the quote is not closed");
}

Result<std::string> read_single_quoted(std::string_view text) {
  const auto end = text.find('\'');
  if (end == std::string_view::npos) return Error(Errc::kInvalidArgument, "the quote is not closed");
  if (!is_end_of_line(text.substr(end + 1))) return Error(Errc::kInvalidArgument, "text after the closing quote");
  return std::string(text.substr(0, end));
}

std::string read_bare(std::string_view text) {
  if (text[0] == '#') return {};
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && kBlanks.find(text[i - 1]) != std::string_view::npos)
      return std::string(trim(text.substr(0, i)));
  }
  return std::string(text);
}

Result<std::string> read_value(std::string_view text) {
  if (text.empty()) return std::string();
  if (text[0] == '"') return read_double_quoted(text.substr(1));
  if (text[0] == '\'') return read_single_quoted(text.substr(1));
  return read_bare(text);
}

Result<std::pair<std::string, std::string>> read_assignment(std::string_view line) {
  constexpr std::string_view kExport = "export";
  if (line.starts_with(kExport) && line.size() > kExport.size() &&
      kBlanks.find(line[kExport.size()]) != std::string_view::npos) {
    line = trim(line.substr(kExport.size()));
  }
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return Error(Errc::kInvalidArgument, "must be NAME=value");
  const auto name = trim(line.substr(0, equals));
  if (!is_name(name)) return Error(Errc::kInvalidArgument, "a name is made of letters, digits and '_'");
  auto value = read_value(trim(line.substr(equals + 1)));
  if (!value) return value.error();
  return std::pair(std::string(name), *std::move(value));
}

}  // namespace

Result<Variables> parse_env_file(std::string_view file, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return invalid_argument(file, "holds a NUL byte");
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Variables variables;
  base::Problems problems;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#') continue;
    auto assignment = read_assignment(line);
    if (!assignment) {
      problems.add(std::string(file) + ":" + std::to_string(number), assignment.error().message());
      continue;
    }
    variables.insert_or_assign(std::move(assignment->first), std::move(assignment->second));
  }
  if (auto checked = problems.result(); !checked) return checked.error();
  return variables;
}

Result<std::string> read_whole_file(std::string_view path, std::size_t max_bytes) {
  std::ifstream file{std::string(path), std::ios::binary};
  if (!file) return Error(Errc::kInvalidArgument, "cannot be read: " + base::printable(path));
  std::string text(max_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder opens and then does not read.
  if (file.bad() || (file.fail() && !file.eof())) {
    return Error(Errc::kInvalidArgument, "cannot be read: " + base::printable(path));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_bytes) {
    return Error(Errc::kTooLarge, base::printable(path) + " is larger than " + std::to_string(max_bytes) + " bytes");
  }
  return text;
}

}  // namespace envoyou::services
