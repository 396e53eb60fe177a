/* Goal: programs made with an older or a newer header work with this library, or are told why not.
 * Method: for each struct the four cases: never initialised, ours, newer with nothing new set, newer with something new
 * set. In process. */
#include "check.h"

/* What a later header may look like: ours, and more behind it. */
struct newer_options {
  envoyou_open_options ours;
  uint64_t more[2];
};
struct newer_rule {
  envoyou_rate_rule ours;
  uint64_t more[2];
};
struct newer_rate_options {
  envoyou_rate_options ours;
  uint64_t more[2];
};
struct newer_decision {
  envoyou_rate_decision ours;
  uint64_t more[2];
};
struct newer_session {
  envoyou_new_session ours;
  uint64_t more[2];
};
struct newer_summary {
  envoyou_session_summary ours;
  uint64_t more[2];
};

static void opening(void) {
  struct newer_options options;
  envoyou_services* services = NULL;
  const envoyou_bytes json = envoyou_text("{}");
  memset(&options, 0, sizeof options);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_services_open_json(json, &options.ours, &services, &error));
  memset(&options, 0xff, sizeof options);
  envoyou_open_options_init(&options.ours, sizeof options);
  CHECK(options.ours.struct_size == sizeof options && options.more[1] == 0);
  EXPECT_OK(envoyou_services_open_json(json, &options.ours, &services, &error));
  envoyou_services_free(services);
  options.more[1] = 1;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_services_open_json(json, &options.ours, &services, &error));
  CHECK(services == NULL);
}

static void rate(envoyou_services* services) {
  struct newer_rule rules[2];
  struct newer_rate_options options;
  struct newer_decision decision;
  const envoyou_bytes key = envoyou_text("k");
  size_t i;
  memset(rules, 0, sizeof rules);
  memset(&options, 0, sizeof options);
  memset(&decision, 0, sizeof decision);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, key, &rules[0].ours, 1, NULL, &decision.ours, &error)); /* no decision */
  decision.more[1] = 77;
  envoyou_rate_decision_init(&decision.ours, sizeof decision);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, key, &rules[0].ours, 1, NULL, &decision.ours, &error)); /* no rule */
  for (i = 0; i < 2; ++i) {
    envoyou_rate_rule_init(&rules[i].ours, sizeof rules[i]);
    rules[i].ours.limit = (int64_t)(5 + i);
    rules[i].ours.window_ms = 1000 * (int64_t)(1 + i);
  }
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_rate_check(services, key, &rules[0].ours, 1, &options.ours,
                                                               &decision.ours, &error)); /* no options */
  envoyou_rate_options_init(&options.ours, sizeof options);
  decision.more[1] = 77;
  EXPECT_OK(envoyou_rate_check(services, key, &rules[0].ours, 2, &options.ours, &decision.ours, &error));
  CHECK(decision.ours.allowed == 1 && decision.ours.limit == 5 && decision.ours.remaining == 4);
  CHECK(decision.ours.struct_size == sizeof decision && decision.more[1] == 0);
  options.more[0] = 1;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, key, &rules[0].ours, 2, &options.ours, &decision.ours, &error));
  rules[1].more[0] = 1;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, key, &rules[0].ours, 2, NULL, &decision.ours, &error));
  rules[1].more[0] = 0;
  rules[1].ours.struct_size = sizeof(envoyou_rate_rule);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, key, &rules[0].ours, 2, NULL, &decision.ours, &error));
}

static void sessions(envoyou_services* services) {
  struct newer_session wanted;
  struct newer_summary summary;
  envoyou_session* session = NULL;
  envoyou_session_list* list = NULL;
  memset(&wanted, 0, sizeof wanted);
  memset(&summary, 0, sizeof summary);
  wanted.ours.user_id = envoyou_text("u");
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted.ours, 0, &session, &error));
  envoyou_new_session_init(&wanted.ours, sizeof wanted);
  wanted.ours.user_id = envoyou_text("u");
  EXPECT_OK(envoyou_session_create(services, &wanted.ours, 0, &session, &error));
  envoyou_session_free(session);
  wanted.more[1] = 1;
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT, envoyou_session_create(services, &wanted.ours, 0, &session, &error));

  EXPECT_OK(envoyou_session_list_of(services, envoyou_text("u"), 0, &list, &error));
  CHECK(envoyou_session_list_at(list, 0, &summary.ours) == ENVOYOU_E_INVALID_ARGUMENT);
  summary.more[1] = 77;
  envoyou_session_summary_init(&summary.ours, sizeof summary);
  summary.more[1] = 77;
  CHECK(envoyou_session_list_at(list, 0, &summary.ours) == ENVOYOU_OK);
  CHECK(summary.ours.struct_size == sizeof summary && summary.more[1] == 0);
  envoyou_session_list_free(list);
}

static void an_init_that_is_too_small_leaves_a_struct_that_is_refused(envoyou_services* services) {
  envoyou_rate_rule rule;
  envoyou_rate_decision decision;
  envoyou_rate_decision_init(&decision, sizeof decision);
  memset(&rule, 0xff, sizeof rule);
  envoyou_rate_rule_init(&rule, sizeof(size_t));
  CHECK(rule.struct_size == 0);
  EXPECT_STATUS(ENVOYOU_E_INVALID_ARGUMENT,
                envoyou_rate_check(services, envoyou_text("k"), &rule, 1, NULL, &decision, &error));
}

int main(void) {
  envoyou_services* services = NULL;
  opening();
  EXPECT_OK(envoyou_services_open_json(envoyou_text("{}"), NULL, &services, &error));
  if (services == NULL) return 1;
  rate(services);
  sessions(services);
  an_init_that_is_too_small_leaves_a_struct_that_is_refused(services);
  envoyou_services_free(services);
  if (check_failures() == 0) puts("every struct may grow");
  return check_failures();
}
