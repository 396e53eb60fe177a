/* The few words that a test in C needs. A failed check is told with its line and the test goes on; main returns
 * check_failures(). */
#ifndef ENVOYOU_TESTS_CAPI_CHECK_H
#define ENVOYOU_TESTS_CAPI_CHECK_H

#include <envoyou/c/envoyou.h>

#include <stdio.h>
#include <string.h>

static int check_failed_count = 0;

static int check_failures(void) { return check_failed_count == 0 ? 0 : 1; }

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      ++check_failed_count;                                                     \
    }                                                                           \
  } while (0)

static void check_status(envoyou_status expected, envoyou_status seen, envoyou_error* error, const char* call,
                         int line) {
  const envoyou_bytes message = envoyou_error_message(error);
  if (seen != expected) {
    fprintf(stderr, "%s:%d: %s: expected %s, got %s: %.*s\n", __FILE__, line, call, envoyou_status_name(expected),
            envoyou_status_name(seen), (int)message.size, message.data == NULL ? "" : (const char*)message.data);
    ++check_failed_count;
  }
  if (envoyou_error_code(error) != seen) {
    fprintf(stderr, "%s:%d: %s: the error says %d, the status %d\n", __FILE__, line, call,
            (int)envoyou_error_code(error), (int)seen);
    ++check_failed_count;
  }
  envoyou_error_free(error);
}

/* `call` names its error object `error`, which is made and freed here. */
#define EXPECT_STATUS(expected, call)                           \
  do {                                                          \
    envoyou_error* error = NULL;                                \
    const envoyou_status check_seen = (call);                   \
    check_status(expected, check_seen, error, #call, __LINE__); \
  } while (0)
#define EXPECT_OK(call) EXPECT_STATUS(ENVOYOU_OK, call)

#endif
