/* What all parts of the C interface share: bytes, statuses, errors, versions. Include <envoyou/c/envoyou.h>.
 *
 * The rules of this interface (docs/c-api.md has them with examples):
 *
 *   - Texts and bytes go in as envoyou_bytes: a pointer and a size, never NUL-terminated, {NULL, 0} is empty. They are
 *     borrowed for the call only.
 *   - What comes out as a pointer to a handle belongs to the caller, who ends it with the _free of the same noun. Bytes
 *     that a handle shows live as long as the handle. Every _free takes NULL. Out handles are NULL after a failure.
 *   - A function that can fail returns ENVOYOU_OK or a negative status, which is enough to branch on. The error object
 *     is for people; ask for it or pass NULL.
 *   - Being denied, not finding and being answered locally are answers, not errors.
 *   - A struct that can grow begins with its struct_size and is filled by its _init first.
 *   - No function throws, prints, or changes a signal's disposition. No callback, no thread-local state. */
#ifndef ENVOYOU_C_BASE_H
#define ENVOYOU_C_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ENVOYOU_API __attribute__((visibility("default")))
#else
#define ENVOYOU_API
#endif

#ifdef __cplusplus
#define ENVOYOU_NOEXCEPT noexcept
extern "C" {
#else
#define ENVOYOU_NOEXCEPT
#endif

/* The version of this interface's binary promise: the number in the library's soname. */
#define ENVOYOU_ABI_VERSION 1

/* Bytes of somebody else. Passed by value; will never grow. */
typedef struct envoyou_bytes {
  const uint8_t* data;
  size_t size;
} envoyou_bytes;

/* A moment until which the caller wants to wait: made by envoyou_deadline_after once a request, and handed to every
 * call that serves it. ENVOYOU_DEADLINE_DEFAULT: the library's own budget, from now. */
typedef int64_t envoyou_deadline;
enum { ENVOYOU_DEADLINE_DEFAULT = 0 };

/* Who gave an answer. */
typedef int32_t envoyou_source;
enum {
  ENVOYOU_SOURCE_REDIS = 0, /* Redis, or something coherent with it */
  ENVOYOU_SOURCE_LOCAL = 1  /* this process, because Redis was not there or none is configured */
};

/* Numbers are never changed and never used again; new ones may come, so treat an unknown negative one as a failure. */
typedef int32_t envoyou_status;
enum {
  ENVOYOU_OK = 0,

  ENVOYOU_E_INVALID_ARGUMENT = -101, /* a value the caller gave; the message names field and value */
  ENVOYOU_E_TOO_LARGE = -102,        /* over a stated bound; nothing was sent or stored */
  ENVOYOU_E_CLOSED = -103,
  ENVOYOU_E_FORKED = -104, /* opened before fork(); open again in the child */
  ENVOYOU_E_WOULD_DEADLOCK = -105,
  ENVOYOU_E_QUEUE_FULL = -106,
  ENVOYOU_E_UNSUPPORTED = -107,

  ENVOYOU_E_TIMEOUT = -201, /* after sending: may or may not have been executed */
  ENVOYOU_E_NOT_SENT = -202,
  ENVOYOU_E_UNAVAILABLE = -203,
  ENVOYOU_E_CONNECTION_LOST = -204,
  ENVOYOU_E_PROTOCOL = -205,
  ENVOYOU_E_FOREIGN_REPLY = -206,

  ENVOYOU_E_SERVER_ERROR = -301,
  ENVOYOU_E_WRONG_TYPE = -302,
  ENVOYOU_E_NO_SCRIPT = -303,
  ENVOYOU_E_LOADING = -304,
  ENVOYOU_E_READ_ONLY = -305,
  ENVOYOU_E_SERVER_MEMORY = -306,
  ENVOYOU_E_MISCONFIGURED = -307,
  ENVOYOU_E_REDIRECT = -308,
  ENVOYOU_E_CROSS_SLOT = -309,

  ENVOYOU_E_TLS = -401,
  ENVOYOU_E_AUTHENTICATION = -402,
  ENVOYOU_E_PERMISSION = -403,

  ENVOYOU_E_NOT_FOUND = -501, /* no such session or handle */
  ENVOYOU_E_CONFLICT = -502,  /* the version given is not the current one */
  ENVOYOU_E_UNKNOWN = -503,   /* can not be known while Redis is away: not the same as "not found" */
  ENVOYOU_E_INCOHERENT = -504,

  ENVOYOU_E_STORAGE = -601, /* the embedded database failed */

  ENVOYOU_E_INTERNAL = -901, /* a defect of this library */
  ENVOYOU_E_OUT_OF_MEMORY = -902
};

/* "invalid_argument" for ENVOYOU_E_INVALID_ARGUMENT; "unknown_code" for a number this library does not know.
 * Static text with a NUL at its end. */
ENVOYOU_API const char* envoyou_status_name(envoyou_status status) ENVOYOU_NOEXCEPT;

/* The product's version, "0.1.0". Static text with a NUL at its end. */
ENVOYOU_API const char* envoyou_version(void) ENVOYOU_NOEXCEPT;

/* ENVOYOU_ABI_VERSION of the library that is running, which may be newer than the header. */
ENVOYOU_API uint32_t envoyou_abi_version(void) ENVOYOU_NOEXCEPT;

/* The bytes of a text with a NUL at its end, without that NUL. NULL is empty. Borrows `text`. */
ENVOYOU_API envoyou_bytes envoyou_text(const char* text) ENVOYOU_NOEXCEPT;

/* Why a call failed: a status and a text for people. Immutable; any thread may read it.
 * Made by every call with an error_out; freed by envoyou_error_free. */
typedef struct envoyou_error envoyou_error;

/* The status that the failed call returned. NULL: ENVOYOU_OK. */
ENVOYOU_API envoyou_status envoyou_error_code(const envoyou_error* error) ENVOYOU_NOEXCEPT;

/* What failed, where, with which value; never a secret. Has a NUL behind its last byte. Lives as long as the error.
 * NULL: empty. */
ENVOYOU_API envoyou_bytes envoyou_error_message(const envoyou_error* error) ENVOYOU_NOEXCEPT;

/* 1 where the same call may succeed later, else 0. NULL: 0. */
ENVOYOU_API int32_t envoyou_error_is_retryable(const envoyou_error* error) ENVOYOU_NOEXCEPT;

/* NULL is allowed. */
ENVOYOU_API void envoyou_error_free(envoyou_error* error) ENVOYOU_NOEXCEPT;

/* Bytes that belong to the caller. Immutable; any thread may read them. Freed by envoyou_buffer_free. */
typedef struct envoyou_buffer envoyou_buffer;

/* Has a NUL behind its last byte. Lives as long as the buffer. NULL: empty. */
ENVOYOU_API envoyou_bytes envoyou_buffer_bytes(const envoyou_buffer* buffer) ENVOYOU_NOEXCEPT;

/* NULL is allowed. */
ENVOYOU_API void envoyou_buffer_free(envoyou_buffer* buffer) ENVOYOU_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
