// Storage of the last error, and the names of statuses and types that messages use.
#include "Error.h"

#include <cstdarg>
#include <cstdio>

namespace moe::rt {

static thread_local std::string lastError;

static std::string printList(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = std::vsnprintf(nullptr, 0, format, arguments);
  std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  if (length > 0)
    std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

std::string print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string text = printList(format, arguments);
  va_end(arguments);
  return text;
}

moe_status fail(moe_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  try {
    lastError = printList(format, arguments);
  } catch (const std::exception &) {
    lastError.clear(); // No memory for the text: the status must do.
  }
  va_end(arguments);
  return status;
}

} // namespace moe::rt

extern "C" const char *moe_last_error(void) { return moe::rt::lastError.c_str(); }

extern "C" const char *moe_status_name(moe_status status) {
  switch (status) {
  case MOE_OK:
    return "MOE_OK";
  case MOE_INVALID_ARGUMENT:
    return "MOE_INVALID_ARGUMENT";
  case MOE_VERSION_MISMATCH:
    return "MOE_VERSION_MISMATCH";
  case MOE_UNSUPPORTED:
    return "MOE_UNSUPPORTED";
  case MOE_NO_DRIVER:
    return "MOE_NO_DRIVER";
  case MOE_COMPILE_FAILED:
    return "MOE_COMPILE_FAILED";
  case MOE_DRIVER_FAILED:
    return "MOE_DRIVER_FAILED";
  case MOE_IO_FAILED:
    return "MOE_IO_FAILED";
  case MOE_FINDING:
    return "MOE_FINDING";
  }
  return "unknown moe_status";
}

extern "C" const char *moe_dtype_name(moe_dtype dtype) {
  switch (dtype) {
  case MOE_F32:
    return "f32";
  case MOE_F64:
    return "f64";
  case MOE_BF16:
    return "bf16";
  case MOE_F16:
    return "f16";
  case MOE_I32:
    return "i32";
  case MOE_I64:
    return "i64";
  case MOE_BOOL:
    return "bool";
  case MOE_I16:
    return "i16";
  }
  return "unknown dtype";
}

extern "C" size_t moe_dtype_bytes(moe_dtype dtype) {
  switch (dtype) {
  case MOE_F64:
  case MOE_I64:
    return 8;
  case MOE_F32:
  case MOE_I32:
    return 4;
  case MOE_BF16:
  case MOE_F16:
  case MOE_I16:
    return 2;
  case MOE_BOOL:
    return 1;
  }
  return 0;
}
