// The numbers of the C interface are those of C++, and its structs have the layout that was promised. Nothing here
// runs; that it compiles is the point. tests/capi pins the constants themselves.
#include <envoyou/c/envoyou.h>
#include <envoyou/errc.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/source.hpp>

#include <cstddef>

namespace {

using envoyou::Errc;
using envoyou::Source;

constexpr bool is(Errc errc, envoyou_status status) { return static_cast<envoyou_status>(errc) == status; }
constexpr bool is(Source source, envoyou_source number) { return static_cast<envoyou_source>(source) == number; }

static_assert(is(Errc::kOk, ENVOYOU_OK));
static_assert(is(Errc::kInvalidArgument, ENVOYOU_E_INVALID_ARGUMENT));
static_assert(is(Errc::kTooLarge, ENVOYOU_E_TOO_LARGE));
static_assert(is(Errc::kClosed, ENVOYOU_E_CLOSED));
static_assert(is(Errc::kForked, ENVOYOU_E_FORKED));
static_assert(is(Errc::kWouldDeadlock, ENVOYOU_E_WOULD_DEADLOCK));
static_assert(is(Errc::kQueueFull, ENVOYOU_E_QUEUE_FULL));
static_assert(is(Errc::kUnsupported, ENVOYOU_E_UNSUPPORTED));
static_assert(is(Errc::kTimeout, ENVOYOU_E_TIMEOUT));
static_assert(is(Errc::kNotSent, ENVOYOU_E_NOT_SENT));
static_assert(is(Errc::kUnavailable, ENVOYOU_E_UNAVAILABLE));
static_assert(is(Errc::kConnectionLost, ENVOYOU_E_CONNECTION_LOST));
static_assert(is(Errc::kProtocol, ENVOYOU_E_PROTOCOL));
static_assert(is(Errc::kForeignReply, ENVOYOU_E_FOREIGN_REPLY));
static_assert(is(Errc::kServerError, ENVOYOU_E_SERVER_ERROR));
static_assert(is(Errc::kWrongType, ENVOYOU_E_WRONG_TYPE));
static_assert(is(Errc::kNoScript, ENVOYOU_E_NO_SCRIPT));
static_assert(is(Errc::kLoading, ENVOYOU_E_LOADING));
static_assert(is(Errc::kReadOnly, ENVOYOU_E_READ_ONLY));
static_assert(is(Errc::kServerMemory, ENVOYOU_E_SERVER_MEMORY));
static_assert(is(Errc::kMisconfigured, ENVOYOU_E_MISCONFIGURED));
static_assert(is(Errc::kRedirect, ENVOYOU_E_REDIRECT));
static_assert(is(Errc::kCrossSlot, ENVOYOU_E_CROSS_SLOT));
static_assert(is(Errc::kTls, ENVOYOU_E_TLS));
static_assert(is(Errc::kAuthentication, ENVOYOU_E_AUTHENTICATION));
static_assert(is(Errc::kPermission, ENVOYOU_E_PERMISSION));
static_assert(is(Errc::kNotFound, ENVOYOU_E_NOT_FOUND));
static_assert(is(Errc::kConflict, ENVOYOU_E_CONFLICT));
static_assert(is(Errc::kUnknown, ENVOYOU_E_UNKNOWN));
static_assert(is(Errc::kIncoherent, ENVOYOU_E_INCOHERENT));
static_assert(is(Errc::kStorage, ENVOYOU_E_STORAGE));
static_assert(is(Errc::kInternal, ENVOYOU_E_INTERNAL));
static_assert(is(Errc::kOutOfMemory, ENVOYOU_E_OUT_OF_MEMORY));
static_assert(is(Source::kRedis, ENVOYOU_SOURCE_REDIS));
static_assert(is(Source::kLocal, ENVOYOU_SOURCE_LOCAL));

// struct_size comes first in each: grow.hpp reads it before it knows how much of the rest is there.
static_assert(offsetof(envoyou_open_options, struct_size) == 0);
static_assert(offsetof(envoyou_rate_rule, struct_size) == 0);
static_assert(offsetof(envoyou_rate_options, struct_size) == 0);
static_assert(offsetof(envoyou_rate_decision, struct_size) == 0);
static_assert(offsetof(envoyou_new_session, struct_size) == 0);
static_assert(offsetof(envoyou_session_summary, struct_size) == 0);

}  // namespace
