// Everything but the opt-in adapters (envoyou/adapters/…) and the test helpers (envoyou/testing/…).
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/cache.hpp>
#include <envoyou/clock.hpp>
#include <envoyou/config.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/errc.hpp>
#include <envoyou/fallback.hpp>
#include <envoyou/http.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/limiter/address.hpp>
#include <envoyou/limiter/headers.hpp>
#include <envoyou/limiter/live.hpp>
#include <envoyou/limiter/pacing.hpp>
#include <envoyou/limiter/policy.hpp>
#include <envoyou/limiter/policy_limiter.hpp>
#include <envoyou/log.hpp>
#include <envoyou/metrics.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>
#include <envoyou/secret.hpp>
#include <envoyou/services.hpp>
#include <envoyou/session.hpp>
#include <envoyou/source.hpp>
#include <envoyou/version.hpp>
