// Goal: whatever is thrown behind the border becomes a status and an error object, and having no memory for the object
// is survived. Method: bodies that throw; the constant object is freed more than once.
#include "capi/guard.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace envoyou::capi::guard_test {
namespace {

std::string message_of(const envoyou_error* error) {
  const auto message = envoyou_error_message(error);
  return std::string(reinterpret_cast<const char*>(message.data), message.size);
}

TEST(Guard, PassesAnErrorOnWithItsText) {
  envoyou_error* error = nullptr;
  EXPECT_EQ(guarded(&error, []() -> Result<void> { return Error(Errc::kUnknown, "can not be known"); }),
            ENVOYOU_E_UNKNOWN);
  EXPECT_EQ(envoyou_error_code(error), ENVOYOU_E_UNKNOWN);
  EXPECT_EQ(envoyou_error_is_retryable(error), 1);
  EXPECT_EQ(message_of(error), "can not be known");
  envoyou_error_free(error);
}

TEST(Guard, LeavesTheErrorAloneOnSuccess) {
  envoyou_error* const untouched = reinterpret_cast<envoyou_error*>(0x10);
  envoyou_error* error = untouched;
  EXPECT_EQ(guarded(&error, []() -> Result<void> { return {}; }), ENVOYOU_OK);
  EXPECT_EQ(error, untouched);
}

TEST(Guard, NobodyNeedsToWantTheError) {
  EXPECT_EQ(guarded(nullptr, []() -> Result<void> { return Error(Errc::kConflict); }), ENVOYOU_E_CONFLICT);
  EXPECT_EQ(guarded(nullptr, []() -> Result<void> { throw std::runtime_error("x"); }), ENVOYOU_E_INTERNAL);
  EXPECT_EQ(guarded(nullptr, []() -> Result<void> { throw std::bad_alloc(); }), ENVOYOU_E_OUT_OF_MEMORY);
}

TEST(Guard, HavingNoMemoryIsToldByAConstantThatCanBeFreed) {
  for (int i = 0; i < 2; ++i) {
    envoyou_error* error = nullptr;
    EXPECT_EQ(guarded(&error, []() -> Result<void> { throw std::bad_alloc(); }), ENVOYOU_E_OUT_OF_MEMORY);
    EXPECT_EQ(envoyou_error_code(error), ENVOYOU_E_OUT_OF_MEMORY);
    EXPECT_EQ(message_of(error), "out of memory");
    envoyou_error_free(error);
  }
}

TEST(Guard, WhateverIsThrownIsADefectAndAStatus) {
  envoyou_error* error = nullptr;
  EXPECT_EQ(guarded(&error, []() -> Result<void> { throw std::runtime_error("boom"); }), ENVOYOU_E_INTERNAL);
  EXPECT_NE(message_of(error).find("boom"), std::string::npos);
  envoyou_error_free(error);
  EXPECT_EQ(guarded(&error, []() -> Result<void> { throw 42; }), ENVOYOU_E_INTERNAL);
  envoyou_error_free(error);
}

}  // namespace
}  // namespace envoyou::capi::guard_test
