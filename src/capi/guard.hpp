// The border: nothing that is thrown crosses it, and what failed becomes a status and perhaps an object. Every function
// of the C interface that can fail is one call of guarded(); nothing else in this layer holds a `try`.
#pragma once

#include <envoyou/c/envoyou.h>
#include <envoyou/result.hpp>

#include <exception>
#include <new>

namespace envoyou::capi {

// Puts an error object into *error_out if anybody wants one, and gives its status. Falls back to a constant object
// where there is no memory for another.
envoyou_status report(envoyou_error** error_out, const Error& error) noexcept;
envoyou_status report_out_of_memory(envoyou_error** error_out) noexcept;
// For what was thrown although the library does not throw.
envoyou_status report_defect(envoyou_error** error_out, const char* what) noexcept;

// Runs `body`, which gives a Result<void>.
template <class Body>
envoyou_status guarded(envoyou_error** error_out, Body&& body) noexcept {
  try {
    const Result<void> done = body();
    if (done) return ENVOYOU_OK;
    return report(error_out, done.error());
  } catch (const std::bad_alloc&) {
    return report_out_of_memory(error_out);
  } catch (const std::exception& failure) {
    return report_defect(error_out, failure.what());
  } catch (...) {
    return report_defect(error_out, "an exception that is none");
  }
}

}  // namespace envoyou::capi
