#include <envoyou/session.hpp>

#include <memory>
#include <string>
#include <utility>

#include "capi/arguments.hpp"
#include "capi/grow.hpp"
#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace envoyou::capi {

template <>
inline constexpr std::size_t kFirstSize<envoyou_new_session> = ENVOYOU_END_OF(envoyou_new_session, ip_address);

namespace {

Result<NewSession> read_new_session(const envoyou_new_session* given) {
  envoyou_new_session defaults;
  init_struct(&defaults, sizeof defaults);
  const auto read = read_struct("session", given, defaults);
  if (!read) return read.error();
  Arguments arguments;
  NewSession made;
  made.user_id = arguments.view("session.user_id", read->user_id);
  made.ip_address = arguments.view("session.ip_address", read->ip_address);
  const auto user_data = arguments.view("session.user_data", read->user_data);
  const auto device_info = arguments.view("session.device_info", read->device_info);
  if (!user_data.empty()) made.user_data = user_data;
  if (!device_info.empty()) made.device_info = device_info;
  if (auto checked = arguments.result(); !checked) return checked.error();
  return made;
}

// What every function that works on one session is given.
struct OnOne {
  SessionStore& store;
  std::string_view id;
  SessionCall call;
};

// Checks what they have in common, then calls `then(OnOne)`, which gives a Result<void>.
template <class Then>
envoyou_status on_one(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                      envoyou_error** error_out, Then then) noexcept {
  return guarded(error_out, [&]() -> Result<void> {
    Arguments arguments;
    arguments.require("services", services);
    const auto view = arguments.view("id", id);
    const SessionCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    return then(OnOne{services->value.sessions(), view, call});
  });
}

// An id that is malformed names no session either: an answer, not an error.
Result<void> tell(const Result<bool>& lived, int32_t* lived_out) {
  if (!lived && lived.error().code() != Errc::kNotFound) return lived.error();
  if (lived_out != nullptr) *lived_out = lived.value_or(false) ? 1 : 0;
  return {};
}

Result<void> hand_over(Result<Session> session, envoyou_session** session_out) {
  if (!session) return session.error();
  if (session_out != nullptr) {
    *session_out = std::make_unique<envoyou_session>(envoyou_session{*std::move(session)}).release();
  }
  return {};
}

}  // namespace
}  // namespace envoyou::capi

namespace capi = envoyou::capi;
using envoyou::Result;
using envoyou::SessionCall;

extern "C" {

void envoyou_new_session_init(envoyou_new_session* session, size_t struct_size) noexcept {
  capi::init_struct(session, struct_size);
}

envoyou_status envoyou_session_create(envoyou_services* services, const envoyou_new_session* session,
                                      envoyou_deadline deadline, envoyou_session** session_out,
                                      envoyou_error** error_out) noexcept {
  capi::clear(session_out);
  return capi::guarded(error_out, [&]() -> Result<void> {
    capi::Arguments arguments;
    arguments.require("services", services);
    arguments.require("session_out", session_out);
    const SessionCall call{arguments.deadline(deadline)};
    if (auto checked = arguments.result(); !checked) return checked;
    const auto wanted = capi::read_new_session(session);
    if (!wanted) return wanted.error();
    return capi::hand_over(services->value.sessions().create(*wanted, call), session_out);
  });
}

envoyou_status envoyou_session_get(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                   envoyou_session** session_out, envoyou_error** error_out) noexcept {
  capi::clear(session_out);
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    if (session_out == nullptr) return envoyou::invalid_argument("session_out", "must not be NULL");
    return capi::hand_over(on.store.get(on.id, on.call), session_out);
  });
}

envoyou_status envoyou_session_validate(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                        int32_t* live_out, envoyou_error** error_out) noexcept {
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    if (live_out == nullptr) return envoyou::invalid_argument("live_out", "must not be NULL");
    return capi::tell(on.store.validate(on.id, on.call), live_out);
  });
}

envoyou_status envoyou_session_replace(envoyou_services* services, envoyou_bytes id, uint64_t version,
                                       envoyou_bytes user_data, envoyou_deadline deadline,
                                       envoyou_session** session_out, envoyou_error** error_out) noexcept {
  capi::clear(session_out);
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    capi::Arguments arguments;
    const auto data = arguments.view("user_data", user_data);
    if (auto checked = arguments.result(); !checked) return checked;
    return capi::hand_over(on.store.replace(on.id, version, data, on.call), session_out);
  });
}

envoyou_status envoyou_session_merge(envoyou_services* services, envoyou_bytes id, envoyou_bytes patch,
                                     envoyou_deadline deadline, envoyou_session** session_out,
                                     envoyou_error** error_out) noexcept {
  capi::clear(session_out);
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    capi::Arguments arguments;
    const auto text = arguments.view("patch", patch);
    if (auto checked = arguments.result(); !checked) return checked;
    return capi::hand_over(on.store.merge(on.id, text, on.call), session_out);
  });
}

envoyou_status envoyou_session_touch(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                     envoyou_error** error_out) noexcept {
  return capi::on_one(services, id, deadline, error_out,
                      [&](const capi::OnOne& on) -> Result<void> { return on.store.touch(on.id, on.call); });
}

envoyou_status envoyou_session_rotate(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                      envoyou_session** session_out, envoyou_error** error_out) noexcept {
  capi::clear(session_out);
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    // Else the new id would be lost, and the session with it.
    if (session_out == nullptr) return envoyou::invalid_argument("session_out", "must not be NULL");
    return capi::hand_over(on.store.rotate(on.id, on.call), session_out);
  });
}

envoyou_status envoyou_session_delete(envoyou_services* services, envoyou_bytes id, envoyou_deadline deadline,
                                      int32_t* ended_out, envoyou_error** error_out) noexcept {
  return capi::on_one(services, id, deadline, error_out, [&](const capi::OnOne& on) -> Result<void> {
    return capi::tell(on.store.remove(on.id, on.call), ended_out);
  });
}

envoyou_bytes envoyou_session_id(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.id);
}

envoyou_bytes envoyou_session_handle(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.handle);
}

envoyou_bytes envoyou_session_user_id(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.user_id);
}

envoyou_bytes envoyou_session_user_data(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.user_data);
}

envoyou_bytes envoyou_session_device_info(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.device_info);
}

envoyou_bytes envoyou_session_ip_address(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_bytes{nullptr, 0} : capi::to_bytes(session->value.ip_address);
}

int64_t envoyou_session_created_at_unix_ms(const envoyou_session* session) noexcept {
  return session == nullptr ? 0 : envoyou::to_unix_ms(session->value.created_at);
}

int64_t envoyou_session_last_active_unix_ms(const envoyou_session* session) noexcept {
  return session == nullptr ? 0 : envoyou::to_unix_ms(session->value.last_active);
}

int64_t envoyou_session_expires_at_unix_ms(const envoyou_session* session) noexcept {
  return session == nullptr ? 0 : envoyou::to_unix_ms(session->value.expires_at);
}

uint64_t envoyou_session_version(const envoyou_session* session) noexcept {
  return session == nullptr ? 0 : session->value.version;
}

envoyou_source envoyou_session_source(const envoyou_session* session) noexcept {
  return session == nullptr ? envoyou_source{ENVOYOU_SOURCE_REDIS} : capi::to_c(session->value.source);
}

void envoyou_session_free(envoyou_session* session) noexcept { delete session; }

}  // extern "C"
