/* The C interface in one program: a rate limit, a session, a cached value, health.
 *
 *   build/release/bin/example_c                          # in process
 *   REDIS_URL=redis://127.0.0.1 build/release/bin/example_c */
#include <envoyou/c/envoyou.h>

#include <stdio.h>

/* Shows and frees what went wrong; NULL is nothing. */
static int failed(const char* what, envoyou_error* error) {
  const envoyou_bytes message = envoyou_error_message(error);
  if (error == NULL) return 0;
  fprintf(stderr, "%s: %.*s\n", what, (int)message.size, (const char*)message.data);
  envoyou_error_free(error);
  return 1;
}

static int serve(envoyou_services* services) {
  envoyou_error* error = NULL;
  envoyou_rate_rule rule;
  envoyou_rate_decision decision;
  envoyou_new_session wanted;
  envoyou_session* session = NULL;
  envoyou_session* found = NULL;
  envoyou_buffer* buffer = NULL;

  envoyou_rate_rule_init(&rule, sizeof rule);
  rule.limit = 30;
  rule.window_ms = 60000;
  envoyou_rate_decision_init(&decision, sizeof decision);
  envoyou_rate_check(services, envoyou_text("user_123"), &rule, 1, NULL, &decision, &error);
  if (failed("check", error)) return 1;
  printf("%s, %d remaining\n", decision.allowed ? "allowed" : "denied", (int)decision.remaining);

  envoyou_new_session_init(&wanted, sizeof wanted);
  wanted.user_id = envoyou_text("user_123");
  wanted.user_data = envoyou_text("{\"plan\":\"free\"}");
  envoyou_session_create(services, &wanted, ENVOYOU_DEADLINE_DEFAULT, &session, &error);
  if (failed("create", error)) return 1;
  envoyou_session_get(services, envoyou_session_id(session), ENVOYOU_DEADLINE_DEFAULT, &found, &error);
  if (failed("get", error)) return 1;
  printf("session of %s: %s\n", (const char*)envoyou_session_user_id(found).data,
         (const char*)envoyou_session_user_data(found).data);
  envoyou_session_delete(services, envoyou_session_id(session), ENVOYOU_DEADLINE_DEFAULT, NULL, &error);
  envoyou_session_free(found);
  envoyou_session_free(session);
  if (failed("delete", error)) return 1;

  envoyou_cache_set(services, envoyou_text("greeting"), envoyou_text("hello"), 60000, 0, NULL, &error);
  if (failed("set", error)) return 1;
  envoyou_cache_get(services, envoyou_text("greeting"), 0, &buffer, NULL, &error);
  if (failed("get", error)) return 1;
  printf("cached: %s\n", buffer == NULL ? "(gone)" : (const char*)envoyou_buffer_bytes(buffer).data);
  envoyou_buffer_free(buffer);

  envoyou_health_json(services, 0, &buffer, &error);
  if (failed("health", error)) return 1;
  printf("%s\n", (const char*)envoyou_buffer_bytes(buffer).data);
  envoyou_buffer_free(buffer);
  return 0;
}

int main(void) {
  envoyou_services* services = NULL;
  envoyou_error* error = NULL;
  int result;
  envoyou_services_open_env(NULL, &services, &error);
  if (failed("open", error)) return 2;
  result = serve(services);
  envoyou_services_free(services);
  return result;
}
