/* The C interface of envoyou: rate limits, sessions and a cache over Redis that go on working while Redis is away.
 *
 *   envoyou_services* services = NULL;
 *   if (envoyou_services_open_env(NULL, &services, &error) != ENVOYOU_OK) ...
 *   envoyou_rate_check(services, envoyou_text("user_123"), &rule, 1, NULL, &decision, &error);
 *   envoyou_services_free(services);
 *
 * base.h has the rules that hold for all of it. C99, and C++ from C++11 on. */
#ifndef ENVOYOU_C_ENVOYOU_H
#define ENVOYOU_C_ENVOYOU_H

#include <envoyou/c/base.h>
#include <envoyou/c/cache.h>
#include <envoyou/c/limiter.h>
#include <envoyou/c/services.h>
#include <envoyou/c/session.h>

#endif
