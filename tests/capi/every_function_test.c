/* Goal: a program in C99 can use every function of the C interface, and gets from each what its comment says.
 * Method: opens from the environment, as a user does; tests/capi/CMakeLists.txt runs it in process and over a Redis.
 * Keys carry the process id, so that it can run again on the same Redis. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static char unique_text[64];

static int bytes_equal(envoyou_bytes bytes, const char* text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

static envoyou_bytes unique(const char* what) {
  snprintf(unique_text, sizeof unique_text, "%s-%ld", what, (long)getpid());
  return envoyou_text(unique_text);
}

static envoyou_source expected_source(void) {
  const char* url = getenv("REDIS_URL");
  return url == NULL || *url == '\0' ? ENVOYOU_SOURCE_LOCAL : ENVOYOU_SOURCE_REDIS;
}

static void versions_and_names(void) {
  CHECK(strcmp(envoyou_version(), "0.1.0") == 0);
  CHECK(envoyou_abi_version() == ENVOYOU_ABI_VERSION);
  CHECK(strcmp(envoyou_status_name(ENVOYOU_E_INVALID_ARGUMENT), "invalid_argument") == 0);
  CHECK(strcmp(envoyou_status_name(-12345), "unknown_code") == 0);
  CHECK(envoyou_text(NULL).size == 0);
  CHECK(bytes_equal(envoyou_text("abc"), "abc"));
}

static void null_is_accepted(void) {
  envoyou_error_free(NULL);
  envoyou_buffer_free(NULL);
  envoyou_services_free(NULL);
  envoyou_session_free(NULL);
  envoyou_session_list_free(NULL);
  envoyou_open_options_init(NULL, 0);
  envoyou_rate_rule_init(NULL, 0);
  envoyou_rate_options_init(NULL, 0);
  envoyou_rate_decision_init(NULL, 0);
  envoyou_new_session_init(NULL, 0);
  envoyou_session_summary_init(NULL, 0);
  CHECK(envoyou_error_code(NULL) == ENVOYOU_OK);
  CHECK(envoyou_error_message(NULL).size == 0);
  CHECK(envoyou_error_is_retryable(NULL) == 0);
  CHECK(envoyou_buffer_bytes(NULL).size == 0);
  CHECK(envoyou_deadline_after(NULL, 5) == ENVOYOU_DEADLINE_DEFAULT);
  CHECK(envoyou_session_id(NULL).size == 0);
  CHECK(envoyou_session_list_size(NULL) == 0);
}

static void opening_reports_what_is_wrong(void) {
  envoyou_services* services = (envoyou_services*)&unique_text; /* must be NULL after a failure */
  envoyou_error* refusal = NULL;
  envoyou_open_options options;
  CHECK(envoyou_services_open_json(envoyou_text("{\"typo\": 1, \"redis_cache_ttl\": 0}"), NULL, &services, &refusal) ==
        ENVOYOU_E_INVALID_ARGUMENT);
  CHECK(services == NULL);
  CHECK(envoyou_error_code(refusal) == ENVOYOU_E_INVALID_ARGUMENT);
  CHECK(envoyou_error_is_retryable(refusal) == 0);
  CHECK(envoyou_error_message(refusal).size > 0);
  if (envoyou_error_message(refusal).data != NULL) {
    CHECK(strstr((const char*)envoyou_error_message(refusal).data, "typo") != NULL);
    CHECK(strstr((const char*)envoyou_error_message(refusal).data, "redis_cache_ttl") != NULL);
  }
  envoyou_error_free(refusal);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_services_open_json(envoyou_text("{}"), NULL, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_services_open_json(envoyou_text("["), NULL, &services, &error));
  envoyou_open_options_init(&options, sizeof options);
  options.env_file = envoyou_text("/"); /* there, and no file */
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_services_open_env(&options, &services, &error));
  CHECK(envoyou_services_open_env(&options, &services, NULL) == ENVOYOU_E_INVALID_ARGUMENT);
}

static envoyou_rate_rule rule_of(int64_t limit, int64_t window_ms) {
  envoyou_rate_rule rule;
  envoyou_rate_rule_init(&rule, sizeof rule);
  rule.limit = limit;
  rule.window_ms = window_ms;
  return rule;
}

static void rate_limits(envoyou_services* services) {
  envoyou_rate_rule rules[2];
  envoyou_rate_options options;
  envoyou_rate_decision decision;
  const envoyou_bytes key = unique("rate");
  rules[0] = rule_of(3, 60000);
  rules[1] = rule_of(100, 3600000);
  rules[1].name = envoyou_text("hourly");
  envoyou_rate_options_init(&options, sizeof options);
  CHECK(options.cost == 1 && options.deadline == ENVOYOU_DEADLINE_DEFAULT);
  envoyou_rate_decision_init(&decision, sizeof decision);

  EXPECT_OK(envoyou_rate_check(services, key, rules, 1, NULL, &decision, &error));
  CHECK(decision.allowed == 1 && decision.limit == 3 && decision.remaining == 2 && decision.retry_after_ms == 0);
  CHECK(decision.source == expected_source());
  options.cost = 2;
  options.deadline = envoyou_deadline_after(services, 0);
  EXPECT_OK(envoyou_rate_check(services, key, rules, 1, &options, &decision, &error));
  CHECK(decision.allowed == 1 && decision.remaining == 0);
  EXPECT_OK(envoyou_rate_check(services, key, rules, 1, NULL, &decision, &error));
  CHECK(decision.allowed == 0 && decision.retry_after_ms > 0 && decision.retry_after_ms <= 60000);
  CHECK(decision.reset_after_ms > 0);
  EXPECT_OK(envoyou_rate_peek(services, key, rules, 1, NULL, &decision, &error));
  CHECK(decision.allowed == 0 && decision.remaining == 0);
  EXPECT_OK(envoyou_rate_reset(services, key, rules, 1, NULL, &decision, &error));
  EXPECT_OK(envoyou_rate_peek(services, key, rules, 1, NULL, &decision, &error));
  CHECK(decision.allowed == 1);
  options.cost = 4;
  options.deadline = envoyou_deadline_after(services, 200);
  EXPECT_OK(envoyou_rate_check(services, key, rules, 1, &options, &decision, &error));
  CHECK(decision.allowed == 0 && decision.retry_after_ms == ENVOYOU_RETRY_NEVER);
  EXPECT_OK(envoyou_rate_check(services, unique("both"), rules, 2, NULL, &decision, &error));
  CHECK(decision.allowed == 1 && decision.limit == 3 && decision.remaining == 2);
}

static void bad_rate_arguments(envoyou_services* services) {
  envoyou_rate_rule rule = rule_of(3, 60000);
  envoyou_rate_rule bad = rule_of(0, 60000);
  envoyou_rate_options options;
  envoyou_rate_decision decision;
  envoyou_bytes null_with_size = {NULL, 3};
  static char long_key[2000];
  const envoyou_bytes key = unique("bad-rate");
  envoyou_rate_decision_init(&decision, sizeof decision);
  envoyou_rate_options_init(&options, sizeof options);
  memset(long_key, 'x', sizeof long_key - 1);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(NULL, key, &rule, 1, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, NULL, 1, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rule, 0, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rule, 9, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rule, 1, NULL, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, null_with_size, &rule, 1, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, envoyou_text(""), &rule, 1, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_TOO_LARGE,
                envoyou_rate_check(services, envoyou_text(long_key), &rule, 1, NULL, &decision, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &bad, 1, NULL, &decision, &error));
  bad = rule_of(1, INT64_MAX);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &bad, 1, NULL, &decision, &error));
  bad = rule_of(1, -1);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &bad, 1, NULL, &decision, &error));
  options.cost = -1;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rule, 1, &options, &decision, &error));
  options.cost = 1;
  options.deadline = -5;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rule, 1, &options, &decision, &error));
  EXPECT_OK(envoyou_rate_peek(services, key, &rule, 1, NULL, &decision, &error));
  CHECK(decision.remaining == 3); /* nothing of the above counted */
}

/* Keeps an id beyond the session that showed it. */
static envoyou_bytes copy_of(envoyou_bytes bytes, char* to, size_t size) {
  envoyou_bytes copy;
  CHECK(bytes.size < size);
  memcpy(to, bytes.data, bytes.size < size ? bytes.size : 0);
  copy.data = (const uint8_t*)to;
  copy.size = bytes.size;
  return copy;
}

static envoyou_session* created(envoyou_services* services, envoyou_bytes user) {
  envoyou_session* session = NULL;
  envoyou_new_session wanted;
  envoyou_new_session_init(&wanted, sizeof wanted);
  wanted.user_id = user;
  wanted.user_data = envoyou_text("{\"n\":1,\"theme\":\"dark\"}");
  wanted.ip_address = envoyou_text("192.0.2.1");
  EXPECT_OK(envoyou_session_create(services, &wanted, envoyou_deadline_after(services, 0), &session, &error));
  CHECK(session != NULL);
  return session;
}

static void what_a_session_shows(envoyou_services* services) {
  envoyou_session* session = created(services, unique("shows"));
  if (session == NULL) return;
  CHECK(envoyou_session_id(session).size == 48);
  CHECK(envoyou_session_handle(session).size > 0);
  CHECK(bytes_equal(envoyou_session_user_id(session), unique_text));
  CHECK(bytes_equal(envoyou_session_device_info(session), "{}"));
  CHECK(bytes_equal(envoyou_session_ip_address(session), "192.0.2.1"));
  CHECK(envoyou_session_created_at_unix_ms(session) > 1500000000000);
  CHECK(envoyou_session_last_active_unix_ms(session) >= envoyou_session_created_at_unix_ms(session));
  CHECK(envoyou_session_expires_at_unix_ms(session) > envoyou_session_last_active_unix_ms(session));
  CHECK(envoyou_session_version(session) == 1);
  CHECK(envoyou_session_source(session) == expected_source());
  envoyou_session_free(session);
}

static void a_sessions_life(envoyou_services* services) {
  char id_text[64];
  char old_text[64];
  envoyou_session* session = created(services, unique("life"));
  envoyou_bytes id;
  envoyou_bytes old;
  int32_t flag = -1;
  if (session == NULL) return;
  id = copy_of(envoyou_session_id(session), id_text, sizeof id_text);
  envoyou_session_free(session);

  EXPECT_OK(envoyou_session_get(services, id, 0, &session, &error));
  CHECK(bytes_equal(envoyou_session_user_data(session), "{\"n\":1,\"theme\":\"dark\"}"));
  envoyou_session_free(session);
  EXPECT_OK(envoyou_session_validate(services, id, 0, &flag, &error));
  CHECK(flag == 1);
  EXPECT_OK(envoyou_session_replace(services, id, 1, envoyou_text("{\"a\":1}"), 0, &session, &error));
  CHECK(envoyou_session_version(session) == 2);
  envoyou_session_free(session);
  EXPECT_STATUS(ENVOYOU_E_CONFLICT, envoyou_session_replace(services, id, 1, envoyou_text("{}"), 0, NULL, &error));
  EXPECT_OK(envoyou_session_merge(services, id, envoyou_text("{\"a\":null,\"b\":2}"), 0, &session, &error));
  CHECK(bytes_equal(envoyou_session_user_data(session), "{\"b\":2}"));
  envoyou_session_free(session);
  EXPECT_OK(envoyou_session_merge(services, id, envoyou_text("{}"), 0, NULL, &error));
  EXPECT_OK(envoyou_session_touch(services, id, 0, &error));
  EXPECT_OK(envoyou_session_rotate(services, id, 0, &session, &error));
  old = copy_of(id, old_text, sizeof old_text);
  id = copy_of(envoyou_session_id(session), id_text, sizeof id_text);
  envoyou_session_free(session);
  EXPECT_STATUS(ENVOYOU_E_NOT_FOUND, envoyou_session_get(services, old, 0, &session, &error));
  CHECK(session == NULL);
  EXPECT_OK(envoyou_session_delete(services, id, 0, &flag, &error));
  CHECK(flag == 1);
  EXPECT_OK(envoyou_session_delete(services, id, 0, &flag, &error));
  CHECK(flag == 0);
  EXPECT_OK(envoyou_session_delete(services, id, 0, NULL, &error));
  EXPECT_OK(envoyou_session_validate(services, id, 0, &flag, &error));
  CHECK(flag == 0);
  EXPECT_STATUS(ENVOYOU_E_NOT_FOUND, envoyou_session_touch(services, id, 0, &error));
}

static void a_users_sessions(envoyou_services* services) {
  char user_text[64];
  const envoyou_bytes user = copy_of(unique("many"), user_text, sizeof user_text);
  envoyou_session* first = created(services, user);
  envoyou_session* second = created(services, user);
  envoyou_session_list* list = NULL;
  envoyou_session_summary summary;
  uint64_t ended = 99;
  envoyou_session_summary_init(&summary, sizeof summary);
  EXPECT_OK(envoyou_session_list_of(services, user, 0, &list, &error));
  CHECK(envoyou_session_list_size(list) == 2);
  CHECK(envoyou_session_list_at(list, 0, &summary) == ENVOYOU_OK);
  CHECK(summary.handle.size > 0 && summary.created_at_unix_ms > 0 && summary.last_active_unix_ms > 0);
  CHECK(bytes_equal(summary.ip_address, "192.0.2.1") && bytes_equal(summary.device_info, "{}"));
  CHECK(envoyou_session_list_at(list, 2, &summary) == ENVOYOU_E_INVALID_ARGUMENT);
  CHECK(envoyou_session_list_at(NULL, 0, &summary) == ENVOYOU_E_INVALID_ARGUMENT);
  CHECK(envoyou_session_list_at(list, 0, NULL) == ENVOYOU_E_INVALID_ARGUMENT);
  EXPECT_OK(envoyou_session_revoke(services, user, envoyou_session_handle(first), 0, &error));
  EXPECT_STATUS(ENVOYOU_E_NOT_FOUND, envoyou_session_revoke(services, user, envoyou_session_handle(first), 0, &error));
  EXPECT_OK(envoyou_session_revoke_all(services, user, 0, &ended, &error));
  CHECK(ended == 1);
  EXPECT_OK(envoyou_session_revoke_all(services, user, 0, NULL, &error));
  envoyou_session_list_free(list);
  EXPECT_OK(envoyou_session_list_of(services, user, 0, &list, &error));
  CHECK(envoyou_session_list_size(list) == 0);
  envoyou_session_list_free(list);
  envoyou_session_free(first);
  envoyou_session_free(second);
}

static void bad_session_arguments(envoyou_services* services) {
  envoyou_session* session = NULL;
  envoyou_new_session wanted;
  const envoyou_bytes malformed = envoyou_text("no-such-id");
  int32_t flag = -1;
  envoyou_new_session_init(&wanted, sizeof wanted);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_session_create(services, &wanted, 0, &session, &error)); /* no user */
  wanted.user_id = envoyou_text("line\nbreak");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted, 0, &session, &error));
  wanted.user_id = envoyou_text("\xff\xfe");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted, 0, &session, &error));
  wanted.user_id = envoyou_text("u");
  wanted.user_data = envoyou_text("{\"a\":");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted, 0, &session, &error));
  wanted.user_data = envoyou_text("[]");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted, 0, &session, &error));
  wanted.user_data = envoyou_text("");
  wanted.ip_address = envoyou_text("300.1.1.1");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted, 0, &session, &error));
  CHECK(session == NULL);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, NULL, 0, &session, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(NULL, &wanted, 0, &session, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_get(services, malformed, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_rotate(services, malformed, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_validate(services, malformed, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_NOT_FOUND, envoyou_session_get(services, malformed, 0, &session, &error));
  EXPECT_STATUS(ENVOYOU_E_NOT_FOUND, envoyou_session_get(services, envoyou_text(""), 0, &session, &error));
  EXPECT_OK(envoyou_session_validate(services, malformed, 0, &flag, &error));
  CHECK(flag == 0);
}

static void caching(envoyou_services* services) {
  envoyou_buffer* value = NULL;
  envoyou_source source = -1;
  envoyou_bytes binary = {(const uint8_t*)"a\0b\xff", 4};
  char key_text[64];
  const envoyou_bytes key = copy_of(unique("cache"), key_text, sizeof key_text);
  EXPECT_OK(envoyou_cache_get(services, key, 0, &value, &source, &error));
  CHECK(value == NULL && source == expected_source());
  EXPECT_OK(envoyou_cache_set(services, key, binary, 60000, 0, &source, &error));
  CHECK(source == expected_source());
  EXPECT_OK(envoyou_cache_get(services, key, envoyou_deadline_after(services, 500), &value, &source, &error));
  CHECK(value != NULL && source == expected_source());
  CHECK(envoyou_buffer_bytes(value).size == 4);
  if (value != NULL) CHECK(memcmp(envoyou_buffer_bytes(value).data, binary.data, 4) == 0);
  envoyou_buffer_free(value);
  EXPECT_OK(envoyou_cache_set(services, key, envoyou_text(""), 0, 0, NULL, &error));
  EXPECT_OK(envoyou_cache_delete(services, key, 0, NULL, &error));
  EXPECT_OK(envoyou_cache_delete(services, key, 0, &source, &error));
  EXPECT_OK(envoyou_cache_get(services, key, 0, &value, NULL, &error));
  CHECK(value == NULL);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_cache_get(services, envoyou_text(""), 0, &value, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_cache_get(services, key, 0, NULL, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_cache_set(services, key, binary, -1, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_cache_set(services, key, binary, INT64_MAX, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_cache_delete(NULL, key, 0, NULL, &error));
}

static void health(envoyou_services* services) {
  envoyou_buffer* json = NULL;
  EXPECT_OK(envoyou_health_json(services, ENVOYOU_DEADLINE_DEFAULT, &json, &error));
  CHECK(json != NULL && strstr((const char*)envoyou_buffer_bytes(json).data, "\"status\":\"healthy\"") != NULL);
  envoyou_buffer_free(json);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_health_json(services, 0, NULL, &error));
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_health_json(NULL, 0, &json, &error));
}

int main(void) {
  envoyou_services* services = NULL;
  envoyou_services* another = NULL;
  versions_and_names();
  null_is_accepted();
  opening_reports_what_is_wrong();
  EXPECT_OK(envoyou_services_open_json(envoyou_text("{\"session_idle_seconds\": 60}"), NULL, &another, &error));
  envoyou_services_free(another);
  EXPECT_OK(envoyou_services_open_env(NULL, &services, &error));
  if (services == NULL) return 1;
  rate_limits(services);
  bad_rate_arguments(services);
  what_a_session_shows(services);
  a_sessions_life(services);
  a_users_sessions(services);
  bad_session_arguments(services);
  caching(services);
  health(services);
  envoyou_services_free(services);
  if (check_failures() == 0) puts("every function did what it says");
  return check_failures();
}
