// Structs that grow: the caller's header may be older or newer than this library. struct_size says which, and three
// rules hold:
//
//   smaller than the first version   refused: the struct was never initialised
//   smaller than ours                what is there is taken over our defaults
//   larger than ours                 taken if what we do not know is all zero; else refused, so that a setting that we
//                                    do not know is never dropped in silence
//
// Zero means "default" for every field that is ever added.
#pragma once

#include <envoyou/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace envoyou::capi {

// Where `field` of a struct ends: how large the struct was when this was its last field.
#define ENVOYOU_END_OF(type, field) (offsetof(type, field) + sizeof(type::field))

// What the first version of each struct measured: each has a specialisation. T::struct_size must be its first member.
template <class T>
inline constexpr std::size_t kFirstSize = sizeof(T);

template <class T>
void init_struct(T* value, std::size_t struct_size) noexcept {
  if (value == nullptr) return;
  std::memset(static_cast<void*>(value), 0, struct_size);
  // Too small a struct keeps the size 0 if it can hold one, which every function refuses.
  if (struct_size >= kFirstSize<T>) value->struct_size = struct_size;
}

inline Error uninitialised(std::string_view field) {
  return invalid_argument(field, "struct_size: call its _init first");
}

// `given` as a struct of our size. `defaults` fills what the caller's version lacks.
template <class T>
Result<T> read_struct(std::string_view field, const T* given, T defaults) {
  if (given == nullptr) return invalid_argument(field, "must not be NULL");
  const std::size_t size = given->struct_size;
  if (size < kFirstSize<T>) return uninitialised(field);
  std::memcpy(&defaults, given, std::min(size, sizeof(T)));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < size; ++i) {
    if (bytes[i] != 0) return invalid_argument(field, "holds a setting that this version of the library does not know");
  }
  defaults.struct_size = sizeof(T);
  return defaults;
}

template <class T>
Result<void> check_out_struct(std::string_view field, const T* out) {
  if (out == nullptr) return invalid_argument(field, "must not be NULL");
  if (out->struct_size < kFirstSize<T>) return uninitialised(field);
  return {};
}

// As much of `value` as the caller's struct holds; what we do not know becomes zero. REQUIRES: check_out_struct(out).
template <class T>
void write_struct(T* out, T value) {
  const std::size_t size = out->struct_size;
  value.struct_size = size;
  std::memcpy(static_cast<void*>(out), &value, std::min(size, sizeof(T)));
  if (size > sizeof(T)) std::memset(reinterpret_cast<unsigned char*>(out) + sizeof(T), 0, size - sizeof(T));
}

}  // namespace envoyou::capi
