// The prelude that stands in for runtime/device/prelude.cuh when generated CUDA is compiled as host C++: same
// functions, same meaning, every access checked by the executor (Executor.h). One CUDA thread is one fiber; `moe_host`
// points to the services of the executor and to the coordinates of the thread that runs.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

struct moe_host_services {
  struct {
    unsigned x;
  } thread, block, grid;
  void *engine;
  /// Reports an access to global memory that is out of bounds or misaligned; writes are also recorded.
  void (*access)(void *engine, const void *address, unsigned bytes, bool write);
  /// All 32 lanes of a warp: hands in 8 bytes, gets the 8 bytes of lane `from`. `kind` must be the same in all lanes.
  uint64_t (*exchange)(void *engine, int kind, uint64_t value, int from);
  void (*sync_block)(void *engine);
};
extern "C" moe_host_services *moe_host;
moe_host_services *moe_host;

#define threadIdx (moe_host->thread)
#define blockIdx (moe_host->block)
#define gridDim (moe_host->grid)
#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __restrict__ __restrict

#define MOE_DEVICE inline
#define MOE_INFINITY std::numeric_limits<float>::infinity()
#define MOE_NAN std::numeric_limits<float>::quiet_NaN()
#define MOE_INT_MAX 2147483647
#define MOE_INT_MIN (-2147483647 - 1)

struct alignas(16) moe_quad {
  unsigned word[4];
};

//===-- Global memory
//-------------------------------------------------------------------------------------------------===//

template <typename To, typename From> void moe_host_load(const From *from, long long index, To *into, unsigned bytes) {
  moe_host->access(moe_host->engine, from + index, bytes, false);
  std::memcpy(into, from + index, bytes);
}
template <typename To, typename From> void moe_host_store(To *into, long long index, const From *from, unsigned bytes) {
  moe_host->access(moe_host->engine, into + index, bytes, true);
  std::memcpy(into + index, from, bytes);
}
template <typename T> T moe_load1(const T *from, long long index) {
  T value;
  moe_host_load(from, index, &value, sizeof(T));
  return value;
}
inline void moe_load2(const float *from, long long index, float *into) { moe_host_load(from, index, into, 8); }
inline void moe_load4(const float *from, long long index, float *into) { moe_host_load(from, index, into, 16); }
inline void moe_load2(const double *from, long long index, double *into) { moe_host_load(from, index, into, 16); }
inline void moe_load2(const int *from, long long index, int *into) { moe_host_load(from, index, into, 8); }
inline void moe_load4(const int *from, long long index, int *into) { moe_host_load(from, index, into, 16); }
inline void moe_load2(const unsigned short *from, long long index, unsigned *into) {
  moe_host_load(from, index, into, 4);
}
inline void moe_load4(const unsigned short *from, long long index, unsigned *into) {
  moe_host_load(from, index, into, 8);
}
inline void moe_load8(const unsigned short *from, long long index, unsigned *into) {
  moe_host_load(from, index, into, 16);
}
inline moe_quad moe_load_quad(const moe_quad *from, long long index) { return moe_load1(from, index); }

template <typename T> struct moe_same {
  using type = T;
};
template <typename T> void moe_store1(T *into, long long index, typename moe_same<T>::type value) {
  moe_host_store(into, index, &value, sizeof(T));
}
inline void moe_store2(float *into, long long index, const float *from) { moe_host_store(into, index, from, 8); }
inline void moe_store4(float *into, long long index, const float *from) { moe_host_store(into, index, from, 16); }
inline void moe_store2(int *into, long long index, const int *from) { moe_host_store(into, index, from, 8); }
inline void moe_store4(int *into, long long index, const int *from) { moe_host_store(into, index, from, 16); }
inline void moe_store2(double *into, long long index, const double *from) { moe_host_store(into, index, from, 16); }
inline void moe_store2(unsigned short *into, long long index, const unsigned *from) {
  moe_host_store(into, index, from, 4);
}
inline void moe_store4(unsigned short *into, long long index, const unsigned *from) {
  moe_host_store(into, index, from, 8);
}
inline void moe_store8(unsigned short *into, long long index, const unsigned *from) {
  moe_host_store(into, index, from, 16);
}
inline void moe_store_quad(moe_quad *into, long long index, const moe_quad &value) { moe_store1(into, index, value); }
inline int moe_constant(const int *table, int index) { return table[index]; }
template <typename T> T *moe_at(void *block, long long offset) {
  return reinterpret_cast<T *>(static_cast<char *>(block) + offset);
}

//===-- Shared memory
//-------------------------------------------------------------------------------------------------===//

template <typename T> void moe_host_put(unsigned *shared, int word, const T &value) {
  std::memcpy(shared + word, &value, sizeof(T));
}
inline void moe_put(unsigned *shared, int word, float value) { moe_host_put(shared, word, value); }
inline void moe_put(unsigned *shared, int word, int value) { moe_host_put(shared, word, value); }
inline void moe_put(unsigned *shared, int word, bool value) {
  moe_host_put(shared, word, static_cast<unsigned>(value));
}
inline void moe_put(unsigned *shared, int word, double value) { moe_host_put(shared, word, value); }
inline void moe_put4(unsigned *shared, int word, const float *from) { std::memcpy(shared + word, from, 16); }
inline void moe_put_quad(unsigned *shared, int word, const moe_quad &value) { moe_host_put(shared, word, value); }
template <typename T> T moe_get(const unsigned *shared, int word) {
  T value;
  std::memcpy(&value, shared + word, sizeof(T));
  return value;
}
template <> inline bool moe_get<bool>(const unsigned *shared, int word) { return shared[word] != 0; }
template <typename T> T moe_swap(unsigned *shared, int word, T value) {
  T old = moe_get<T>(shared, word);
  moe_host_put(shared, word, value);
  return old;
}

//===-- Other threads
//-------------------------------------------------------------------------------------------------===//

enum { MOE_HOST_SHUFFLE_XOR, MOE_HOST_FROM_LANE, MOE_HOST_SYNC_WARP };

template <typename T> T moe_host_exchange(int kind, T value, int from) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = moe_host->exchange(moe_host->engine, kind, bits, from);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <typename T> T moe_shuffle_xor(T value, int offset) {
  return moe_host_exchange(MOE_HOST_SHUFFLE_XOR, value, static_cast<int>(moe_host->thread.x % 32) ^ offset);
}
template <int Lanes, typename T> T moe_from_lane(T value, int from) {
  int lane = moe_host->thread.x % 32;
  return moe_host_exchange(MOE_HOST_FROM_LANE, value, lane / Lanes * Lanes + (from & (Lanes - 1)));
}
inline unsigned moe_warp_max(unsigned value) {
  for (int offset = 1; offset < 32; offset *= 2) {
    unsigned other = moe_shuffle_xor(value, offset);
    value = other > value ? other : value;
  }
  return value;
}
inline int moe_warp_min(int value) {
  for (int offset = 1; offset < 32; offset *= 2) {
    int other = moe_shuffle_xor(value, offset);
    value = other < value ? other : value;
  }
  return value;
}
inline void moe_sync_warp() { moe_host_exchange(MOE_HOST_SYNC_WARP, 0, 0); }
inline bool moe_any(bool condition) { return moe_warp_max(condition) != 0; }
inline void moe_sync_block() { moe_host->sync_block(moe_host->engine); }
inline void moe_fence() {}
inline unsigned moe_atomic_add(unsigned *into, unsigned value) {
  unsigned old = moe_load1(into, 0);
  moe_store1(into, 0, old + value);
  return old;
}

//===-- Numbers
//-------------------------------------------------------------------------------------------------------===//

template <typename To, typename From> To moe_host_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}
inline unsigned moe_bits(float x) { return moe_host_cast<unsigned>(x); }
inline unsigned moe_bits(int x) { return static_cast<unsigned>(x); }
inline unsigned long long moe_bits(double x) { return moe_host_cast<unsigned long long>(x); }
inline float moe_float(unsigned bits) { return moe_host_cast<float>(bits); }
inline double moe_double(unsigned long long bits) { return moe_host_cast<double>(bits); }
inline float moe_exp2_fast(float x) { return std::exp2(x); }
inline float moe_f16(unsigned word, int half) {
  return static_cast<float>(moe_host_cast<_Float16>(static_cast<unsigned short>(word >> 16 * half)));
}
inline unsigned short moe_to_f16(float x) { return moe_host_cast<unsigned short>(static_cast<_Float16>(x)); }
inline unsigned moe_pack_f16(float low, float high) {
  return moe_to_f16(low) | static_cast<unsigned>(moe_to_f16(high)) << 16;
}
inline unsigned moe_pack_bf16(float low, float high) {
  auto half = [](float x) {
    const unsigned bits = moe_bits(x);
    return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  };
  return half(low) | half(high) << 16;
}
inline float moe_max(float a, float b) { return a > b || a != a ? a : b; }
inline float moe_min(float a, float b) { return a < b || a != a ? a : b; }
inline float moe_fma(float a, float b, float c) { return std::fma(a, b, c); }
inline double moe_fma(double a, double b, double c) { return std::fma(a, b, c); }
inline float moe_maxnum(float a, float b) { return std::fmax(a, b); }
inline double moe_maxnum(double a, double b) { return std::fmax(a, b); }
inline float moe_minnum(float a, float b) { return std::fmin(a, b); }
inline double moe_minnum(double a, double b) { return std::fmin(a, b); }
#define MOE_FUNCTION(name, function)                                                                                   \
  inline float name(float x) { return function(x); }                                                                   \
  inline double name(double x) { return function(x); }
MOE_FUNCTION(moe_abs, std::fabs)
MOE_FUNCTION(moe_floor, std::floor)
MOE_FUNCTION(moe_ceil, std::ceil)
MOE_FUNCTION(moe_trunc, std::trunc)
MOE_FUNCTION(moe_round_even, std::nearbyint)
MOE_FUNCTION(moe_sqrt, std::sqrt)
MOE_FUNCTION(moe_rsqrt, 1 / std::sqrt)
MOE_FUNCTION(moe_exp2, std::exp2)
MOE_FUNCTION(moe_expm1, std::expm1)
MOE_FUNCTION(moe_log, std::log)
MOE_FUNCTION(moe_log2, std::log2)
MOE_FUNCTION(moe_log1p, std::log1p)
MOE_FUNCTION(moe_tanh, std::tanh)
MOE_FUNCTION(moe_erf, std::erf)
MOE_FUNCTION(moe_erfc, std::erfc)
MOE_FUNCTION(moe_sin, std::sin)
MOE_FUNCTION(moe_cos, std::cos)
inline double moe_exp(double x) { return std::exp(x); }
inline float moe_pow(float x, float y) { return std::pow(x, y); }
inline double moe_pow(double x, double y) { return std::pow(x, y); }
inline float moe_remainder(float x, float y) { return std::fmod(x, y); }
inline double moe_remainder(double x, double y) { return std::fmod(x, y); }
inline float moe_copysign(float x, float y) { return std::copysign(x, y); }
inline double moe_copysign(double x, double y) { return std::copysign(x, y); }

//===-- Launch
//--------------------------------------------------------------------------------------------------------===//

template <typename... Arguments, unsigned long... N>
void moe_host_call(void (*kernel)(Arguments...), void **arguments, std::integer_sequence<unsigned long, N...>) {
  kernel(*static_cast<Arguments *>(arguments[N])...);
}
/// Calls a kernel with arguments passed as cuLaunchKernel takes them.
template <typename... Arguments> void moe_host_invoke(void (*kernel)(Arguments...), void **arguments) {
  moe_host_call(kernel, arguments, std::make_integer_sequence<unsigned long, sizeof...(Arguments)>());
}
