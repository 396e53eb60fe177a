#include "faults/load.hpp"

#include <openssl/evp.h>

#include <array>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::chrono::milliseconds kGiveUp{10'000};  // far beyond the bar, so that a slow answer is seen as slow

}  // namespace

AnswerSource source_of(const HttpResponse& response) {
  const std::string_view source = response.header("X-Envoyou-Source");
  if (source == "redis") return AnswerSource::kRedis;
  return source == "local" ? AnswerSource::kLocal : AnswerSource::kUnknown;
}

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (unsigned int index = 0; index < size; ++index) {
    result.append({kHex[digest[index] >> 4], kHex[digest[index] & 15]});
  }
  return result;
}

Load::Load(LoadOptions options) : options_(options), samples_(static_cast<std::size_t>(options.clients)) {
  for (int number = 0; number < options_.distinct_things; ++number) {
    digests_.push_back(sha256_hex("load/" + std::to_string(number)));
  }
  for (int client = 0; client < options_.clients; ++client) {
    threads_.emplace_back([this, client] { run_client(client); });
  }
}

Load::~Load() { stop(); }

std::vector<Sample> Load::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  std::vector<Sample> all;
  for (auto& own : samples_) all.insert(all.end(), own.begin(), own.end());
  return all;
}

void Load::run_client(int client) {
  const auto interval =
      std::chrono::nanoseconds(std::chrono::seconds(1)) * options_.clients / options_.requests_per_second;
  HttpClient http(options_.port);
  auto& samples = samples_[static_cast<std::size_t>(client)];
  auto next = LoadClock::now() + interval * client / options_.clients;
  for (int number = client; !stopping_; number += options_.clients) {
    std::this_thread::sleep_until(next);
    samples.push_back(request(http, number % options_.distinct_things));
    next += interval;
  }
}

Sample Load::request(HttpClient& http, int number) const {
  Sample sample;
  sample.start = LoadClock::now();
  const HttpResponse response =
      http.request("GET", "/api/things/load/" + std::to_string(number), {{"X-API-Key", "load"}}, {}, kGiveUp);
  sample.end = LoadClock::now();
  sample.status = response.status;
  sample.error = response.error;
  sample.source = source_of(response);
  const bool has_digest = response.body.find(digests_[static_cast<std::size_t>(number)]) != std::string::npos;
  sample.wrong_body = response.status == 200 && !has_digest;
  return sample;
}

}  // namespace envoyou::testing
