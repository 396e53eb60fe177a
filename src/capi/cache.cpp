#include <envoyou/cache.hpp>

#include <memory>
#include <optional>
#include <utility>

#include "capi/arguments.hpp"
#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace capi = envoyou::capi;
using envoyou::CacheCall;
using envoyou::Milliseconds;
using envoyou::Result;

namespace {

std::optional<Milliseconds> to_ttl(int64_t ttl_ms) {
  if (ttl_ms == 0) return std::nullopt;
  return Milliseconds(ttl_ms);
}

Result<void> tell(const Result<envoyou::Source>& source, envoyou_source* source_out) {
  if (!source) return source.error();
  if (source_out != nullptr) *source_out = capi::to_c(*source);
  return {};
}

}  // namespace

extern "C" {

envoyou_status envoyou_cache_get(envoyou_services* services, envoyou_bytes key, envoyou_deadline deadline,
                                 envoyou_buffer** value_out, envoyou_source* source_out,
                                 envoyou_error** error_out) noexcept {
  capi::clear(value_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    arguments.require("value_out", value_out);
    const auto key_view = arguments.view("key", key);
    const CacheCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    auto found = services->value.cache().get(key_view, call);
    if (!found) return found.error();
    if (!found->has_value()) return tell(services->value.responses().source(), source_out);
    const auto source = (*found)->source;
    *value_out = std::make_unique<envoyou_buffer>(envoyou_buffer{std::move((*found)->bytes)}).release();
    return tell(source, source_out);
  });
}

envoyou_status envoyou_cache_set(envoyou_services* services, envoyou_bytes key, envoyou_bytes value, int64_t ttl_ms,
                                 envoyou_deadline deadline, envoyou_source* source_out,
                                 envoyou_error** error_out) noexcept {
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    const auto key_view = arguments.view("key", key);
    const auto value_view = arguments.view("value", value);
    const CacheCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    return tell(services->value.cache().set(key_view, value_view, to_ttl(ttl_ms), call), source_out);
  });
}

envoyou_status envoyou_cache_delete(envoyou_services* services, envoyou_bytes key, envoyou_deadline deadline,
                                    envoyou_source* source_out, envoyou_error** error_out) noexcept {
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    const auto key_view = arguments.view("key", key);
    const CacheCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    return tell(services->value.cache().remove(key_view, call), source_out);
  });
}

}  // extern "C"
