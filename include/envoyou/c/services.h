/* Opening everything, one budget for one request, and health. Include <envoyou/c/envoyou.h>. */
#ifndef ENVOYOU_C_SERVICES_H
#define ENVOYOU_C_SERVICES_H

#include <envoyou/c/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A rate limiter, a session store and a cache over one Redis, or in process where none is configured. Any number of
 * threads may use the same one. Made by envoyou_services_open_env and _open_json; freed by envoyou_services_free. */
typedef struct envoyou_services envoyou_services;

typedef struct envoyou_open_options {
  size_t struct_size;     /* set by envoyou_open_options_init */
  envoyou_bytes env_file; /* a .env file below the environment, if it exists; empty: none. Not for open_json */
} envoyou_open_options;

/* Fills in the defaults. Call it as envoyou_open_options_init(&options, sizeof options). NULL does nothing. */
ENVOYOU_API void envoyou_open_options_init(envoyou_open_options* options, size_t struct_size) ENVOYOU_NOEXCEPT;

/* Opens everything as the environment says (REDIS_URL, ENVOYOU_SECRET, ...: docs/configuration.md).
 *
 * options       may be NULL for the defaults.
 * services_out  on ENVOYOU_OK the caller's, to be ended with envoyou_services_free; else NULL.
 * error_out     may be NULL; on failure the caller owns *error_out (envoyou_error_free). Names every bad setting.
 * Blocks        up to 100 ms for Redis' first answer, and for the session database.
 * Threads       any, but not while another thread changes the environment.
 * Returns       ENVOYOU_OK, ENVOYOU_E_INVALID_ARGUMENT, ENVOYOU_E_TOO_LARGE (env_file), ENVOYOU_E_TLS (a certificate's
 *               file), ENVOYOU_E_STORAGE (the session database), ENVOYOU_E_INTERNAL. Redis being down is not among
 *               them. */
ENVOYOU_API envoyou_status envoyou_services_open_env(const envoyou_open_options* options,
                                                     envoyou_services** services_out,
                                                     envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* The same from a JSON object: {"redis_url": "redis://localhost", "session_idle_seconds": 600}; the names of the
 * environment in lower case. Does not look at the environment. Also returns ENVOYOU_E_TOO_LARGE for a text over 256
 * KiB. */
ENVOYOU_API envoyou_status envoyou_services_open_json(envoyou_bytes json, const envoyou_open_options* options,
                                                      envoyou_services** services_out,
                                                      envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Closes everything. NULL is allowed. Blocks for at most 200 ms, whatever Redis does. REQUIRES: no other call uses
 * `services`, now or later; sessions, buffers and errors that came from it stay good. */
ENVOYOU_API void envoyou_services_free(envoyou_services* services) ENVOYOU_NOEXCEPT;

/* A deadline `budget_ms` from now; 0: the default budget of a request (100 ms). Make one for each request, and hand it
 * to every call that serves it, so that they share one budget. NULL: ENVOYOU_DEADLINE_DEFAULT. Never blocks. */
ENVOYOU_API envoyou_deadline envoyou_deadline_after(const envoyou_services* services,
                                                    uint32_t budget_ms) ENVOYOU_NOEXCEPT;

/* How everything is, as a JSON document (docs/configuration.md shows it). Degraded is an answer, not an error.
 *
 * json_out      on ENVOYOU_OK the caller's, to be ended with envoyou_buffer_free; else NULL.
 * error_out     may be NULL; on failure the caller owns *error_out.
 * Blocks        until `deadline` at most: it asks Redis.
 * Threads       any.
 * Returns       ENVOYOU_OK, ENVOYOU_E_INVALID_ARGUMENT. */
ENVOYOU_API envoyou_status envoyou_health_json(envoyou_services* services, envoyou_deadline deadline,
                                               envoyou_buffer** json_out, envoyou_error** error_out) ENVOYOU_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
