/* Goal: no constant is renumbered and no field moved, which tools that compare symbols do not see.
 * Method: assertions of the compiler, with every number written out; that this compiles is the test. The layout is that
 * of 64-bit machines. */
#include <envoyou/c/envoyou.h>

#include <stdio.h>

#define PIN(name, condition) typedef char pin_##name[(condition) ? 1 : -1]
#define PIN_VALUE(name, value) PIN(name, name == value)
#define PIN_FIELD(type, field, offset, size) \
  PIN(type##_##field, offsetof(type, field) == offset && sizeof(((type*)0)->field) == size)
#define PIN_SIZE(type, size) PIN(sizeof_##type, sizeof(type) == size)

PIN_VALUE(ENVOYOU_ABI_VERSION, 1);
PIN_VALUE(ENVOYOU_DEADLINE_DEFAULT, 0);
PIN_VALUE(ENVOYOU_SOURCE_REDIS, 0);
PIN_VALUE(ENVOYOU_SOURCE_LOCAL, 1);
PIN_VALUE(ENVOYOU_RETRY_NEVER, -1);
PIN_VALUE(ENVOYOU_OK, 0);
PIN_VALUE(ENVOYOU_E_INVALID_ARGUMENT, -101);
PIN_VALUE(ENVOYOU_E_TOO_LARGE, -102);
PIN_VALUE(ENVOYOU_E_CLOSED, -103);
PIN_VALUE(ENVOYOU_E_FORKED, -104);
PIN_VALUE(ENVOYOU_E_WOULD_DEADLOCK, -105);
PIN_VALUE(ENVOYOU_E_QUEUE_FULL, -106);
PIN_VALUE(ENVOYOU_E_UNSUPPORTED, -107);
PIN_VALUE(ENVOYOU_E_TIMEOUT, -201);
PIN_VALUE(ENVOYOU_E_NOT_SENT, -202);
PIN_VALUE(ENVOYOU_E_UNAVAILABLE, -203);
PIN_VALUE(ENVOYOU_E_CONNECTION_LOST, -204);
PIN_VALUE(ENVOYOU_E_PROTOCOL, -205);
PIN_VALUE(ENVOYOU_E_FOREIGN_REPLY, -206);
PIN_VALUE(ENVOYOU_E_SERVER_ERROR, -301);
PIN_VALUE(ENVOYOU_E_WRONG_TYPE, -302);
PIN_VALUE(ENVOYOU_E_NO_SCRIPT, -303);
PIN_VALUE(ENVOYOU_E_LOADING, -304);
PIN_VALUE(ENVOYOU_E_READ_ONLY, -305);
PIN_VALUE(ENVOYOU_E_SERVER_MEMORY, -306);
PIN_VALUE(ENVOYOU_E_MISCONFIGURED, -307);
PIN_VALUE(ENVOYOU_E_REDIRECT, -308);
PIN_VALUE(ENVOYOU_E_CROSS_SLOT, -309);
PIN_VALUE(ENVOYOU_E_TLS, -401);
PIN_VALUE(ENVOYOU_E_AUTHENTICATION, -402);
PIN_VALUE(ENVOYOU_E_PERMISSION, -403);
PIN_VALUE(ENVOYOU_E_NOT_FOUND, -501);
PIN_VALUE(ENVOYOU_E_CONFLICT, -502);
PIN_VALUE(ENVOYOU_E_UNKNOWN, -503);
PIN_VALUE(ENVOYOU_E_INCOHERENT, -504);
PIN_VALUE(ENVOYOU_E_STORAGE, -601);
PIN_VALUE(ENVOYOU_E_INTERNAL, -901);
PIN_VALUE(ENVOYOU_E_OUT_OF_MEMORY, -902);

PIN_SIZE(envoyou_status, 4);
PIN_SIZE(envoyou_source, 4);
PIN_SIZE(envoyou_deadline, 8);

#if UINTPTR_MAX == UINT64_MAX
PIN_SIZE(envoyou_bytes, 16);
PIN_FIELD(envoyou_bytes, data, 0, 8);
PIN_FIELD(envoyou_bytes, size, 8, 8);

PIN_SIZE(envoyou_open_options, 24);
PIN_FIELD(envoyou_open_options, struct_size, 0, 8);
PIN_FIELD(envoyou_open_options, env_file, 8, 16);

PIN_SIZE(envoyou_rate_rule, 40);
PIN_FIELD(envoyou_rate_rule, struct_size, 0, 8);
PIN_FIELD(envoyou_rate_rule, limit, 8, 8);
PIN_FIELD(envoyou_rate_rule, window_ms, 16, 8);
PIN_FIELD(envoyou_rate_rule, name, 24, 16);

PIN_SIZE(envoyou_rate_options, 24);
PIN_FIELD(envoyou_rate_options, struct_size, 0, 8);
PIN_FIELD(envoyou_rate_options, cost, 8, 8);
PIN_FIELD(envoyou_rate_options, deadline, 16, 8);

PIN_SIZE(envoyou_rate_decision, 48);
PIN_FIELD(envoyou_rate_decision, struct_size, 0, 8);
PIN_FIELD(envoyou_rate_decision, limit, 8, 8);
PIN_FIELD(envoyou_rate_decision, remaining, 16, 8);
PIN_FIELD(envoyou_rate_decision, retry_after_ms, 24, 8);
PIN_FIELD(envoyou_rate_decision, reset_after_ms, 32, 8);
PIN_FIELD(envoyou_rate_decision, source, 40, 4);
PIN_FIELD(envoyou_rate_decision, allowed, 44, 1);
PIN_FIELD(envoyou_rate_decision, reserved, 45, 3);

PIN_SIZE(envoyou_new_session, 72);
PIN_FIELD(envoyou_new_session, struct_size, 0, 8);
PIN_FIELD(envoyou_new_session, user_id, 8, 16);
PIN_FIELD(envoyou_new_session, user_data, 24, 16);
PIN_FIELD(envoyou_new_session, device_info, 40, 16);
PIN_FIELD(envoyou_new_session, ip_address, 56, 16);

PIN_SIZE(envoyou_session_summary, 72);
PIN_FIELD(envoyou_session_summary, struct_size, 0, 8);
PIN_FIELD(envoyou_session_summary, handle, 8, 16);
PIN_FIELD(envoyou_session_summary, device_info, 24, 16);
PIN_FIELD(envoyou_session_summary, ip_address, 40, 16);
PIN_FIELD(envoyou_session_summary, created_at_unix_ms, 56, 8);
PIN_FIELD(envoyou_session_summary, last_active_unix_ms, 64, 8);
#endif

int main(void) {
  puts("every constant and every field is where it was promised");
  return 0;
}
