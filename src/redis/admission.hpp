// What a request must be to be taken in at all, whatever it goes through. Pure.
#pragma once

#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace envoyou::redis {

// Nothing if it is fit.
inline std::optional<Error> unfit(const ClientOptions& options, const Submission& submission) {
  if (submission.words.count() == 0) return invalid_argument("command", "has no words");
  const std::size_t bytes = submission.words.encoded().size();
  if (bytes <= options.max_request_bytes) return std::nullopt;
  return Error(Errc::kTooLarge, "command: " + std::to_string(bytes) + " bytes, max_request_bytes is " +
                                    std::to_string(options.max_request_bytes));
}

}  // namespace envoyou::redis
