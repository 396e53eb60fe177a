#include <envoyou/errc.hpp>

namespace envoyou {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::kOk: return "ok";
    case Errc::kInvalidArgument: return "invalid_argument";
    case Errc::kTooLarge: return "too_large";
    case Errc::kClosed: return "closed";
    case Errc::kForked: return "forked";
    case Errc::kWouldDeadlock: return "would_deadlock";
    case Errc::kQueueFull: return "queue_full";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kTimeout: return "timeout";
    case Errc::kNotSent: return "not_sent";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kConnectionLost: return "connection_lost";
    case Errc::kProtocol: return "protocol";
    case Errc::kForeignReply: return "foreign_reply";
    case Errc::kServerError: return "server_error";
    case Errc::kWrongType: return "wrong_type";
    case Errc::kNoScript: return "no_script";
    case Errc::kLoading: return "loading";
    case Errc::kReadOnly: return "read_only";
    case Errc::kServerMemory: return "server_memory";
    case Errc::kMisconfigured: return "misconfigured";
    case Errc::kRedirect: return "redirect";
    case Errc::kCrossSlot: return "cross_slot";
    case Errc::kTls: return "tls";
    case Errc::kAuthentication: return "authentication";
    case Errc::kPermission: return "permission";
    case Errc::kNotFound: return "not_found";
    case Errc::kConflict: return "conflict";
    case Errc::kUnknown: return "unknown";
    case Errc::kIncoherent: return "incoherent";
    case Errc::kStorage: return "storage";
    case Errc::kInternal: return "internal";
    case Errc::kOutOfMemory: return "out_of_memory";
  }
  return "unknown_code";
}

}  // namespace envoyou
