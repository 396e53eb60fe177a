#include "redis/admission.hpp"

#include <string>

namespace envoyou::redis {

Error why_unfit(const ClientOptions& options, const Submission& submission) {
  if (submission.words.count() == 0) return invalid_argument("command", "has no words");
  return Error(Errc::kTooLarge, "command: " + std::to_string(submission.words.encoded().size()) +
                                    " bytes, max_request_bytes is " + std::to_string(options.max_request_bytes));
}

}  // namespace envoyou::redis
