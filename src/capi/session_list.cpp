#include <envoyou/session.hpp>

#include <memory>
#include <utility>

#include "capi/arguments.hpp"
#include "capi/grow.hpp"
#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace envoyou::capi {

template <>
inline constexpr std::size_t kFirstSize<envoyou_session_summary> = ENVOYOU_END_OF(envoyou_session_summary,
                                                                                  last_active_unix_ms);

}  // namespace envoyou::capi

namespace capi = envoyou::capi;
using envoyou::Result;
using envoyou::SessionCall;

extern "C" {

envoyou_status envoyou_session_list_of(envoyou_services* services, envoyou_bytes user_id, envoyou_deadline deadline,
                                       envoyou_session_list** list_out, envoyou_error** error_out) noexcept {
  capi::clear(list_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    arguments.require("list_out", list_out);
    const auto user = arguments.view("user_id", user_id);
    const SessionCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    auto list = services->value.sessions().list(user, call);
    if (!list) return list.error();
    *list_out = std::make_unique<envoyou_session_list>(envoyou_session_list{*std::move(list)}).release();
    return {};
  });
}

envoyou_status envoyou_session_revoke(envoyou_services* services, envoyou_bytes user_id, envoyou_bytes handle,
                                      envoyou_deadline deadline, envoyou_error** error_out) noexcept {
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    const auto user = arguments.view("user_id", user_id);
    const auto which = arguments.view("handle", handle);
    const SessionCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    return services->value.sessions().revoke(user, which, call);
  });
}

envoyou_status envoyou_session_revoke_all(envoyou_services* services, envoyou_bytes user_id, envoyou_deadline deadline,
                                          uint64_t* ended_out, envoyou_error** error_out) noexcept {
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    const auto user = arguments.view("user_id", user_id);
    const SessionCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    const auto ended = services->value.sessions().revoke_all(user, call);
    if (!ended) return ended.error();
    if (ended_out != nullptr) *ended_out = *ended;
    return {};
  });
}

void envoyou_session_summary_init(envoyou_session_summary* summary, size_t struct_size) noexcept {
  capi::init_struct(summary, struct_size);
}

size_t envoyou_session_list_size(const envoyou_session_list* list) noexcept {
  return list == nullptr ? 0 : list->value.size();
}

envoyou_status envoyou_session_list_at(const envoyou_session_list* list, size_t index,
                                       envoyou_session_summary* summary_out) noexcept {
  return capi::guarded(nullptr, [&]() -> Result<void> {
    if (auto checked = capi::check_out_struct("summary_out", summary_out); !checked) return checked;
    if (index >= envoyou_session_list_size(list)) return envoyou::invalid_argument("index", "beyond the list's end");
    const auto& found = list->value[index];
    envoyou_session_summary summary;
    capi::init_struct(&summary, sizeof summary);
    summary.handle = capi::to_bytes(found.handle);
    summary.device_info = capi::to_bytes(found.device_info);
    summary.ip_address = capi::to_bytes(found.ip_address);
    summary.created_at_unix_ms = envoyou::to_unix_ms(found.created_at);
    summary.last_active_unix_ms = envoyou::to_unix_ms(found.last_active);
    capi::write_struct(summary_out, summary);
    return {};
  });
}

void envoyou_session_list_free(envoyou_session_list* list) noexcept { delete list; }

}  // extern "C"
