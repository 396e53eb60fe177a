/* May this caller go on? Include <envoyou/c/envoyou.h>; <envoyou/limiter.hpp> says what holds in which mode. */
#ifndef ENVOYOU_C_LIMITER_H
#define ENVOYOU_C_LIMITER_H

#include <envoyou/c/services.h>

#ifdef __cplusplus
extern "C" {
#endif

/* At most `limit` units in any window of `window_ms`. */
typedef struct envoyou_rate_rule {
  size_t struct_size; /* set by envoyou_rate_rule_init; in an array the same in all */
  int64_t limit;      /* 1 to 2,147,483,648 */
  int64_t window_ms;  /* 1 to 366 days */
  envoyou_bytes name; /* for people: printable ASCII, at most 64; may be empty */
} envoyou_rate_rule;

/* All zero but its size: `limit` and `window_ms` have no default. NULL does nothing. */
ENVOYOU_API void envoyou_rate_rule_init(envoyou_rate_rule* rule, size_t struct_size) ENVOYOU_NOEXCEPT;

typedef struct envoyou_rate_options {
  size_t struct_size;        /* set by envoyou_rate_options_init */
  int64_t cost;              /* default 1; 0 asks and takes nothing; more than the limit is never admitted */
  envoyou_deadline deadline; /* of the request; the limiter uses at most 20 ms of it */
} envoyou_rate_options;

/* Fills in the defaults. NULL does nothing. */
ENVOYOU_API void envoyou_rate_options_init(envoyou_rate_options* options, size_t struct_size) ENVOYOU_NOEXCEPT;

enum { ENVOYOU_RETRY_NEVER = -1 };

typedef struct envoyou_rate_decision {
  size_t struct_size;     /* set by envoyou_rate_decision_init */
  int64_t limit;          /* of the rule that leaves least */
  int64_t remaining;      /* after this request if allowed, else now */
  int64_t retry_after_ms; /* 0 when allowed; else the wait after which the same cost would be admitted if nobody else
                             asks, or ENVOYOU_RETRY_NEVER */
  int64_t reset_after_ms; /* until the whole quota is back */
  envoyou_source source;
  uint8_t allowed; /* 1 or 0 */
  uint8_t reserved[3];
} envoyou_rate_decision;

/* All zero but its size. NULL does nothing. */
ENVOYOU_API void envoyou_rate_decision_init(envoyou_rate_decision* decision, size_t struct_size) ENVOYOU_NOEXCEPT;

/* Asks for options->cost units under `key`, by all rules or none.
 *
 * key           1 to 1024 bytes of any kind.
 * rules         rule_count of them one behind the other, 1 to 8.
 * options       may be NULL for the defaults.
 * decision_out  filled on ENVOYOU_OK; init it first. Denied is ENVOYOU_OK: look at decision_out->allowed.
 * error_out     may be NULL; on failure the caller owns *error_out.
 * Blocks        up to 20 ms, and never beyond options->deadline.
 * Threads       any number may call with the same services.
 * Returns       ENVOYOU_OK, ENVOYOU_E_INVALID_ARGUMENT, ENVOYOU_E_TOO_LARGE, ENVOYOU_E_FORKED. Redis being down is not
 *               among them. */
ENVOYOU_API envoyou_status envoyou_rate_check(envoyou_services* services, envoyou_bytes key,
                                              const envoyou_rate_rule* rules, size_t rule_count,
                                              const envoyou_rate_options* options, envoyou_rate_decision* decision_out,
                                              envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* The same answer; nothing changes. */
ENVOYOU_API envoyou_status envoyou_rate_peek(envoyou_services* services, envoyou_bytes key,
                                             const envoyou_rate_rule* rules, size_t rule_count,
                                             const envoyou_rate_options* options, envoyou_rate_decision* decision_out,
                                             envoyou_error** error_out) ENVOYOU_NOEXCEPT;

/* Forgets what was admitted under `key` by these rules. The answer is the state after it. */
ENVOYOU_API envoyou_status envoyou_rate_reset(envoyou_services* services, envoyou_bytes key,
                                              const envoyou_rate_rule* rules, size_t rule_count,
                                              const envoyou_rate_options* options, envoyou_rate_decision* decision_out,
                                              envoyou_error** error_out) ENVOYOU_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
