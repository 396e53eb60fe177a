#include "redis/capability_probe.hpp"

#include "redis/error_reply.hpp"

#include <envoyou/redis/script.hpp>
#include <envoyou/version.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::string_view kScript = "return 'envoyou-probe'";
constexpr std::string_view kNoSuch = "envoyou-probe";

// The errors of servers, proxies and hosts for what they do not offer.
constexpr std::array<std::string_view, 7> kRefusals{"unknown command", "unknown subcommand", "not supported",
                                                    "unsupported",     "is disabled",        "not allowed",
                                                    "not permitted"};

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return made;
}

bool is_refusal(std::string_view text) {
  if (classify_error(text) == Errc::kPermission) return true;
  const std::string whole = lower(text);
  return std::any_of(kRefusals.begin(), kRefusals.end(),
                     [&](std::string_view words) { return whole.find(words) != std::string::npos; });
}

struct Question {
  std::string_view name;  // for describe()
  Can Capabilities::*answer;
  // The beginning of the error that shows that the command would be let; empty: none does.
  std::string_view complaint;
};

constexpr std::array kQuestions{
    Question{"CLIENT ID", &Capabilities::client_id, ""},
    Question{"CLIENT SETINFO", &Capabilities::client_info, ""},
    Question{"CLIENT TRACKING", &Capabilities::tracking, "ERR syntax error"},
    Question{"EVALSHA", &Capabilities::evalsha, "NOSCRIPT"},
    Question{"EVAL", &Capabilities::eval, ""},
    Question{"SCRIPT LOAD", &Capabilities::script_load, ""},
    Question{"FCALL", &Capabilities::functions, "ERR Function not found"},
    Question{"CONFIG", &Capabilities::config, ""},
    Question{"INFO", &Capabilities::info, ""},
    Question{"SUBSCRIBE", &Capabilities::subscribe, ""},
};
constexpr std::size_t kConfig = 7;
constexpr std::size_t kInfo = 8;
constexpr std::size_t kSubscribe = 9;

std::string_view value_of_line(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

// Valkey calls itself so in server_name, and has its version beside the one of the Redis that it is compatible with.
void read_info(std::string_view text, Capabilities& into) {
  const std::string_view name = value_of_line(text, "server_name");
  if (into.server.empty()) into.server = name.empty() ? std::string_view("redis") : name;
  const std::string_view own = value_of_line(text, into.server + "_version");
  if (!own.empty()) into.version = own;
  if (into.mode.empty()) into.mode = value_of_line(text, "redis_mode");
  if (into.mode.empty()) into.mode = value_of_line(text, "server_mode");
}

// The answer to ACL DRYRUN is "OK" or the refusal that the command would meet, and not an error.
Can judge_dry_run(const ReplyView& answer) {
  if (!answer.is_string()) return Can::kUnknown;
  return answer.text == "OK" ? Can::kYes : Can::kNo;
}

Can judge(const Question& question, const ReplyView& answer) {
  if (!answer.is_error()) return Can::kYes;
  if (!question.complaint.empty() && answer.text.starts_with(question.complaint)) return Can::kYes;
  return is_refusal(answer.text) ? Can::kNo : Can::kUnknown;
}

}  // namespace

std::vector<Words> probe_questions(std::string_view username) {
  static const Script script{kScript};
  std::vector<Words> asked;
  asked.emplace_back("CLIENT", "ID");
  asked.emplace_back("CLIENT", "SETINFO", "LIB-NAME", "envoyou");
  asked.emplace_back("CLIENT", "TRACKING", kNoSuch);
  asked.push_back(script.words(0));
  asked.emplace_back("EVAL", kScript, "0");
  asked.emplace_back("SCRIPT", "LOAD", kScript);
  asked.emplace_back("FCALL", kNoSuch, "0");
  asked.emplace_back("CONFIG", "GET", "maxmemory-policy");
  asked.emplace_back("INFO", "server");
  // Trying it would make the link a subscriber's.
  asked.emplace_back("ACL", "DRYRUN", username.empty() ? std::string_view("default") : username, "SUBSCRIBE", kNoSuch);
  return asked;
}

void take_probe_answer(std::size_t index, const ReplyView& answer, Capabilities& into) {
  const Question& question = kQuestions[index];
  into.*question.answer = index == kSubscribe ? judge_dry_run(answer) : judge(question, answer);
  if (index == kConfig && answer.is_aggregate() && answer.elements.size() == 2) {
    into.maxmemory_policy = answer.elements[1].text;
  }
  if (index == kInfo && answer.is_string()) read_info(answer.text, into);
}

std::string describe(const Capabilities& capabilities) {
  std::string text = capabilities.server.empty() ? "a server that does not name itself" : capabilities.server;
  if (!capabilities.version.empty()) text += " " + capabilities.version;
  if (!capabilities.mode.empty()) text += ", " + capabilities.mode;
  text += capabilities.resp3 == Can::kYes ? ", RESP3" : ", RESP2";
  std::string missing = capabilities.client_name == Can::kNo ? "CLIENT SETNAME" : "";
  for (const Question& question : kQuestions) {
    if (capabilities.*question.answer != Can::kNo) continue;
    missing += missing.empty() ? "" : ", ";
    missing += question.name;
  }
  return missing.empty() ? text : text + ", without " + missing;
}

}  // namespace envoyou::redis
