#include <envoyou/config.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "capi/arguments.hpp"
#include "capi/grow.hpp"
#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace envoyou::capi {

template <>
inline constexpr std::size_t kFirstSize<envoyou_open_options> = ENVOYOU_END_OF(envoyou_open_options, env_file);

namespace {

Result<envoyou_open_options> read_options(const envoyou_open_options* options) {
  envoyou_open_options defaults;
  init_struct(&defaults, sizeof defaults);
  if (options == nullptr) return defaults;
  return read_struct("options", options, defaults);
}

Result<void> open(Result<Config> config, envoyou_services** services_out) {
  if (!config) return config.error();
  auto services = Services::open(*std::move(config));
  if (!services) return services.error();
  *services_out = std::make_unique<envoyou_services>(envoyou_services{*std::move(services)}).release();
  return {};
}

}  // namespace
}  // namespace envoyou::capi

using envoyou::Config;
using envoyou::Result;
namespace capi = envoyou::capi;

extern "C" {

void envoyou_open_options_init(envoyou_open_options* options, size_t struct_size) noexcept {
  capi::init_struct(options, struct_size);
}

envoyou_status envoyou_services_open_env(const envoyou_open_options* options, envoyou_services** services_out,
                                         envoyou_error** error_out) noexcept {
  capi::clear(services_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    const auto read = capi::read_options(options);
    if (!read) return read.error();
    capi::Arguments arguments;
    arguments.require("services_out", services_out);
    const auto env_file = arguments.view("options.env_file", read->env_file);
    if (auto checked = arguments.result(); !checked) return checked;
    return capi::open(Config::from_env(env_file), services_out);
  });
}

envoyou_status envoyou_services_open_json(envoyou_bytes json, const envoyou_open_options* options,
                                          envoyou_services** services_out, envoyou_error** error_out) noexcept {
  capi::clear(services_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    const auto read = capi::read_options(options);
    if (!read) return read.error();
    capi::Arguments arguments;
    arguments.require("services_out", services_out);
    const auto text = arguments.view("json", json);
    if (auto checked = arguments.result(); !checked) return checked;
    return capi::open(Config::from_json(text), services_out);
  });
}

void envoyou_services_free(envoyou_services* services) noexcept { delete services; }

envoyou_deadline envoyou_deadline_after(const envoyou_services* services, uint32_t budget_ms) noexcept {
  if (services == nullptr) return ENVOYOU_DEADLINE_DEFAULT;
  const auto& clock = *services->value.runtime().clock;
  const auto deadline = budget_ms == 0 ? services->value.request_deadline()
                                       : envoyou::Deadline::after(clock, std::chrono::milliseconds(budget_ms));
  // Never the number that means "default".
  const std::chrono::nanoseconds moment = deadline.time().time_since_epoch();
  return std::max<envoyou_deadline>(moment.count(), 1);
}

envoyou_status envoyou_health_json(envoyou_services* services, envoyou_deadline deadline, envoyou_buffer** json_out,
                                   envoyou_error** error_out) noexcept {
  capi::clear(json_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    arguments.require("json_out", json_out);
    const auto until = arguments.deadline(deadline);
    if (auto checked = arguments.result(); !checked) return checked;
    *json_out = std::make_unique<envoyou_buffer>(envoyou_buffer{services->value.health(until).to_json()}).release();
    return {};
  });
}

}  // extern "C"
