/* Do I already have the answer? Include <envoyou/c/envoyou.h>; <envoyou/cache.hpp> says what holds in which mode.
 *
 * Of all functions here:
 *   key         1 to 1024 bytes of any kind.
 *   error_out   may be NULL; on failure the caller owns *error_out.
 *   source_out  may be NULL; who answered, or where the value went.
 *   Blocks      up to 50 ms, and never beyond `deadline`. Writes to Redis are not waited for.
 *   Threads     any number may call with the same services.
 *   Returns     ENVOYOU_OK, ENVOYOU_E_INVALID_ARGUMENT, ENVOYOU_E_TOO_LARGE, ENVOYOU_E_FORKED. Redis being down is not
 *               among them. */
#ifndef ENVOYOU_C_CACHE_H
#define ENVOYOU_C_CACHE_H

#include <envoyou/c/services.h>

#ifdef __cplusplus
extern "C" {
#endif

/* *value_out: the caller's (envoyou_buffer_free), or NULL with ENVOYOU_OK where there is none. */
ENVOYOU_API envoyou_status envoyou_cache_get(envoyou_services* services, envoyou_bytes key, envoyou_deadline deadline,
                                             envoyou_buffer** value_out, envoyou_source* source_out,
                                             envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* ttl_ms: how long it is kept, at most 30 days; 0: the default (REDIS_CACHE_TTL). */
ENVOYOU_API envoyou_status envoyou_cache_set(envoyou_services* services, envoyou_bytes key, envoyou_bytes value,
                                             int64_t ttl_ms, envoyou_deadline deadline, envoyou_source* source_out,
                                             envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Deleting what is not there is ENVOYOU_OK. */
ENVOYOU_API envoyou_status envoyou_cache_delete(envoyou_services* services, envoyou_bytes key,
                                                envoyou_deadline deadline, envoyou_source* source_out,
                                                envoyou_error** error_out) ENVOYOU_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
