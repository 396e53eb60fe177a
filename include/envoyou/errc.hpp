// What can go wrong, as numbers. The C ABI uses the same numbers (envoyou/c/envoyou.h; a test compares them), so they
// are never renumbered and never reused. Groups: -1xx arguments and state, -2xx network, -3xx what the server said,
// -4xx TLS and authentication, -5xx outcomes of the domain, -6xx local storage, -9xx internal.
//
// Expected outcomes (a miss, a denied request, an answer given by a stand-in) are values, not errors.
#pragma once

#include <cstdint>
#include <string_view>

namespace envoyou {

enum class Errc : std::int32_t {
  kOk = 0,

  kInvalidArgument = -101,  // a value the caller gave is not acceptable; the message names field and value
  kTooLarge = -102,         // over a stated bound; nothing was sent or stored
  kClosed = -103,           // the object was closed, or is being destroyed
  kForked = -104,           // the object was made before fork(); open a new one in the child
  kWouldDeadlock = -105,    // a blocking call from the I/O thread
  kQueueFull = -106,        // a bounded queue is full: back-pressure
  kUnsupported = -107,      // the server or the build lacks it

  kTimeout = -201,         // the deadline passed after sending: the command may or may not have been executed
  kNotSent = -202,         // the deadline passed before sending: it was certainly not executed
  kUnavailable = -203,     // no connection to Redis: certainly not executed
  kConnectionLost = -204,  // the link went down after sending: may or may not have been executed
  kProtocol = -205,        // the server sent what is not RESP, or more than the caps allow
  kForeignReply = -206,    // a reply that belongs to another question; its link has been closed

  kServerError = -301,    // an error reply without a code of its own here
  kWrongType = -302,      // WRONGTYPE
  kNoScript = -303,       // NOSCRIPT (handled inside; seen only with raw commands)
  kLoading = -304,        // LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, BUSY, max clients: for a while
  kReadOnly = -305,       // READONLY: a replica
  kServerMemory = -306,   // OOM: the server may not take writes
  kMisconfigured = -307,  // MISCONF: the server can not persist
  kRedirect = -308,       // MOVED, ASK: a cluster, where one server was expected; or more redirects than are followed
  kCrossSlot = -309,      // the keys of one command lie in different slots of a cluster: it was not sent

  kTls = -401,             // handshake or certificate refused; the message says which
  kAuthentication = -402,  // WRONGPASS, NOAUTH
  kPermission = -403,      // NOPERM

  kNotFound = -501,    // no such session, handle, entry
  kConflict = -502,    // the version given is not the current one
  kUnknown = -503,     // can not be known while Redis is away: not the same as "not found"
  kIncoherent = -504,  // a stored value does not restate its key, or does not decode

  kStorage = -601,  // the embedded database failed

  kInternal = -901,  // a defect of this library
  kOutOfMemory = -902,
};

// The constant's name without the k, in snake case: "invalid_argument". "unknown_code" for other numbers.
std::string_view to_string(Errc code) noexcept;

}  // namespace envoyou
