// What a request must be to be taken in at all, whatever it goes through. Pure.
#pragma once

#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <optional>

namespace envoyou::redis {

// Of what is no command, or too long a one.
Error why_unfit(const ClientOptions& options, const Submission& submission);

// Nothing if it is fit.
inline std::optional<Error> unfit(const ClientOptions& options, const Submission& submission) {
  const Words& words = submission.words;
  if (words.count() > 0 && words.encoded().size() <= options.max_request_bytes) return std::nullopt;
  return why_unfit(options, submission);
}

}  // namespace envoyou::redis
