#include "capi/guard.hpp"

#include <memory>
#include <string>
#include <utility>

#include "capi/handles.hpp"

namespace envoyou::capi {
namespace {

constexpr char kOutOfMemoryText[] = "out of memory";
constexpr envoyou_error kOutOfMemory = {ENVOYOU_E_OUT_OF_MEMORY, 1, kOutOfMemoryText, sizeof kOutOfMemoryText - 1};

struct OwnedError : envoyou_error {
  OwnedError(Errc errc, bool retryable, std::string_view text_to_keep)
      : envoyou_error{static_cast<envoyou_status>(errc), retryable ? 1 : 0, nullptr, 0}, message(text_to_keep) {
    text = message.c_str();
    size = message.size();
  }
  std::string message;
};

}  // namespace

envoyou_status report_out_of_memory(envoyou_error** error_out) noexcept {
  // Handed out without const, as every error; the functions that take one do not write to it.
  if (error_out != nullptr) *error_out = const_cast<envoyou_error*>(&kOutOfMemory);
  return ENVOYOU_E_OUT_OF_MEMORY;
}

envoyou_status report(envoyou_error** error_out, const Error& error) noexcept {
  if (error_out != nullptr) {
    try {
      *error_out = std::make_unique<OwnedError>(error.code(), error.is_retryable(), error.message()).release();
    } catch (const std::bad_alloc&) {
      // The status is still the true one.
      report_out_of_memory(error_out);
    }
  }
  return static_cast<envoyou_status>(error.code());
}

envoyou_status report_defect(envoyou_error** error_out, const char* what) noexcept {
  if (error_out == nullptr) return ENVOYOU_E_INTERNAL;
  try {
    return report(error_out, Error(Errc::kInternal, std::string("a defect of this library: ") + what));
  } catch (...) {
    report_out_of_memory(error_out);
    return ENVOYOU_E_INTERNAL;
  }
}

}  // namespace envoyou::capi

extern "C" {

envoyou_status envoyou_error_code(const envoyou_error* error) noexcept {
  return error == nullptr ? ENVOYOU_OK : error->code;
}

envoyou_bytes envoyou_error_message(const envoyou_error* error) noexcept {
  if (error == nullptr) return {nullptr, 0};
  return {reinterpret_cast<const uint8_t*>(error->text), error->size};
}

int32_t envoyou_error_is_retryable(const envoyou_error* error) noexcept {
  return error == nullptr ? 0 : error->is_retryable;
}

void envoyou_error_free(envoyou_error* error) noexcept {
  if (error == &envoyou::capi::kOutOfMemory) return;
  delete static_cast<envoyou::capi::OwnedError*>(error);
}

}  // extern "C"
