/* Who is this? Include <envoyou/c/envoyou.h>; <envoyou/session.hpp> says what holds in which mode.
 *
 * An id is a credential: never log it. A handle is not, and can be shown.
 *
 * Unless a function says otherwise:
 *   error_out   may be NULL; on failure the caller owns *error_out.
 *   Blocks      until `deadline` at most, besides what the embedded database takes.
 *   Threads     any number may call with the same services.
 *   Returns     ENVOYOU_OK, ENVOYOU_E_INVALID_ARGUMENT, ENVOYOU_E_TOO_LARGE, ENVOYOU_E_STORAGE, ENVOYOU_E_FORKED, and
 *               what it names itself. Functions that take an id: also ENVOYOU_E_NOT_FOUND (no live session has it) and
 *               ENVOYOU_E_UNKNOWN (Redis is away, and this process does not know the session; answer 503, not 401). */
#ifndef ENVOYOU_C_SESSION_H
#define ENVOYOU_C_SESSION_H

#include <envoyou/c/services.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A session as it was when the call answered. Immutable; any thread may read it. Freed by envoyou_session_free. */
typedef struct envoyou_session envoyou_session;

/* A user's sessions as they were when the call answered. Immutable. Freed by envoyou_session_list_free. */
typedef struct envoyou_session_list envoyou_session_list;

typedef struct envoyou_new_session {
  size_t struct_size;        /* set by envoyou_new_session_init */
  envoyou_bytes user_id;     /* 1 to 256 bytes of UTF-8 without control characters */
  envoyou_bytes user_data;   /* a JSON object, at most 64 KiB; empty: {} */
  envoyou_bytes device_info; /* a JSON object, at most 4 KiB; empty: {} */
  envoyou_bytes ip_address;  /* IPv4 or IPv6; may be empty */
} envoyou_new_session;

/* All empty but its size. NULL does nothing. */
ENVOYOU_API void envoyou_new_session_init(envoyou_new_session* session, size_t struct_size) ENVOYOU_NOEXCEPT;

/* Makes a session with a new id. On ENVOYOU_OK *session_out is the caller's, else NULL. */
ENVOYOU_API envoyou_status envoyou_session_create(envoyou_services* services, const envoyou_new_session* session,
                                                  envoyou_deadline deadline, envoyou_session** session_out,
                                                  envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* The session of this id, which becomes the caller's own copy. Counts as activity. */
ENVOYOU_API envoyou_status envoyou_session_get(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                               envoyou_session** session_out,
                                               envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Is there a live session? *live_out is 1 or 0 on ENVOYOU_OK. No activity; never ENVOYOU_E_NOT_FOUND. */
ENVOYOU_API envoyou_status envoyou_session_validate(envoyou_services* services, envoyou_bytes id,
                                                    envoyou_deadline deadline, int32_t* live_out,
                                                    envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Replaces the data if the session's version is still `version`. Also returns ENVOYOU_E_CONFLICT.
 * session_out may be NULL. */
ENVOYOU_API envoyou_status envoyou_session_replace(envoyou_services* services, envoyou_bytes id, uint64_t version,
                                                   envoyou_bytes user_data, envoyou_deadline deadline,
                                                   envoyou_session** session_out,
                                                   envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Merges a JSON merge patch (RFC 7396) into the data, atomically. session_out may be NULL. */
ENVOYOU_API envoyou_status envoyou_session_merge(envoyou_services* services, envoyou_bytes id, envoyou_bytes patch,
                                                 envoyou_deadline deadline, envoyou_session** session_out,
                                                 envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Marks activity now. */
ENVOYOU_API envoyou_status envoyou_session_touch(envoyou_services* services, envoyou_bytes id,
                                                 envoyou_deadline deadline, envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* A new id for the same session; the old one dies. On ENVOYOU_OK *session_out, which holds the new id, is the
 * caller's. */
ENVOYOU_API envoyou_status envoyou_session_rotate(envoyou_services* services, envoyou_bytes id,
                                                  envoyou_deadline deadline, envoyou_session** session_out,
                                                  envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Ends the session. ended_out may be NULL; *ended_out is 1 if it lived, else 0. Never ENVOYOU_E_NOT_FOUND. */
ENVOYOU_API envoyou_status envoyou_session_delete(envoyou_services* services, envoyou_bytes id,
                                                  envoyou_deadline deadline, int32_t* ended_out,
                                                  envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* A user's live sessions, newest first. In an outage: those known here. On ENVOYOU_OK *list_out is the caller's. */
ENVOYOU_API envoyou_status envoyou_session_list_of(envoyou_services* services, envoyou_bytes user_id,
                                                   envoyou_deadline deadline, envoyou_session_list** list_out,
                                                   envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Ends one of a user's sessions by its handle. Also returns ENVOYOU_E_NOT_FOUND: the user has none with this handle. */
ENVOYOU_API envoyou_status envoyou_session_revoke(envoyou_services* services, envoyou_bytes user_id,
                                                  envoyou_bytes handle, envoyou_deadline deadline,
                                                  envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Ends all of a user's sessions. ended_out may be NULL; *ended_out is how many are known to have ended. */
ENVOYOU_API envoyou_status envoyou_session_revoke_all(envoyou_services* services, envoyou_bytes user_id,
                                                      envoyou_deadline deadline, uint64_t* ended_out,
                                                      envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* What a session holds. Bytes live as long as the session and have a NUL behind their last one. NULL: empty, or 0. */
ENVOYOU_API envoyou_bytes envoyou_session_id(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_bytes envoyou_session_handle(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_bytes envoyou_session_user_id(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_bytes envoyou_session_user_data(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_bytes envoyou_session_device_info(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_bytes envoyou_session_ip_address(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API int64_t envoyou_session_created_at_unix_ms(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API int64_t envoyou_session_last_active_unix_ms(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API int64_t envoyou_session_expires_at_unix_ms(const envoyou_session* session) ENVOYOU_NOEXCEPT;
/* Grows with every change of the data. */
ENVOYOU_API uint64_t envoyou_session_version(const envoyou_session* session) ENVOYOU_NOEXCEPT;
ENVOYOU_API envoyou_source envoyou_session_source(const envoyou_session* session) ENVOYOU_NOEXCEPT;

/* NULL is allowed. */
ENVOYOU_API void envoyou_session_free(envoyou_session* session) ENVOYOU_NOEXCEPT;

typedef struct envoyou_session_summary {
  size_t struct_size; /* set by envoyou_session_summary_init */
  envoyou_bytes handle;
  envoyou_bytes device_info;
  envoyou_bytes ip_address;
  int64_t created_at_unix_ms;
  int64_t last_active_unix_ms;
} envoyou_session_summary;

/* All zero but its size. NULL does nothing. */
ENVOYOU_API void envoyou_session_summary_init(envoyou_session_summary* summary, size_t struct_size) ENVOYOU_NOEXCEPT;

/* NULL: 0. */
ENVOYOU_API size_t envoyou_session_list_size(const envoyou_session_list* list) ENVOYOU_NOEXCEPT;

/* Fills *summary_out, whose bytes live as long as the list. Returns ENVOYOU_OK or ENVOYOU_E_INVALID_ARGUMENT (no list,
 * an index beyond its end, a summary without its size). */
ENVOYOU_API envoyou_status envoyou_session_list_at(const envoyou_session_list* list, size_t index,
                                                   envoyou_session_summary* summary_out) ENVOYOU_NOEXCEPT;

/* NULL is allowed. */
ENVOYOU_API void envoyou_session_list_free(envoyou_session_list* list) ENVOYOU_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
