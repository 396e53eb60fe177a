#include <envoyou/c/envoyou.h>
#include <envoyou/errc.hpp>
#include <envoyou/version.hpp>

#include <cstring>

#include "capi/arguments.hpp"
#include "capi/handles.hpp"

extern "C" {

const char* envoyou_status_name(envoyou_status status) noexcept {
  // The texts of to_string are literals.
  return envoyou::to_string(static_cast<envoyou::Errc>(status)).data();
}

const char* envoyou_version(void) noexcept { return envoyou::kVersion.data(); }

uint32_t envoyou_abi_version(void) noexcept { return ENVOYOU_ABI_VERSION; }

envoyou_bytes envoyou_text(const char* text) noexcept {
  if (text == nullptr) return {nullptr, 0};
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

envoyou_bytes envoyou_buffer_bytes(const envoyou_buffer* buffer) noexcept {
  if (buffer == nullptr) return {nullptr, 0};
  return envoyou::capi::to_bytes(buffer->value);
}

void envoyou_buffer_free(envoyou_buffer* buffer) noexcept { delete buffer; }

}  // extern "C"
