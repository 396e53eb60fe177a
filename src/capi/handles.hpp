// What is behind the opaque handles of the C interface. Each is made by make_handle and ended by its _free.
#pragma once

#include <envoyou/c/envoyou.h>
#include <envoyou/services.hpp>
#include <envoyou/session.hpp>

#include <cstddef>
#include <string>
#include <vector>

struct envoyou_services {
  envoyou::Services value;
};

struct envoyou_buffer {
  std::string value;
};

struct envoyou_session {
  envoyou::Session value;
};

struct envoyou_session_list {
  std::vector<envoyou::SessionSummary> value;
};

// A view, so that the error for "out of memory" can be a constant. Others are OwnedError (guard.hpp).
struct envoyou_error {
  envoyou_status code;
  int32_t is_retryable;
  const char* text;
  std::size_t size;
};
