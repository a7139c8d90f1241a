// Stands in for runtime/device/prelude.cuh when generated CUDA is compiled as host C++: same functions, same meaning.
// Each source has its own copy of this text, in its own namespace. Every access to memory goes to the engine, with the
// number of the source line that asks for it.
//
// A function of the device prelude that is missing here is a compile error that names it, and so is CUDA that generated
// code must not use: what CUDA's headers declare is not declared here.

struct __align__(16) moe_quad {
  unsigned word[4];
};

template <typename To, typename From> inline To moe_cast(const From &from) {
  static_assert(sizeof(To) == sizeof(From), "not the same size");
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

//===-- Global memory
//-------------------------------------------------------------------------------------------------===//

template <typename T> inline void moe_read(const T *from, long long index, void *into, unsigned bytes, unsigned line) {
  moe_host->access(MOE_LOAD, from, index * static_cast<long long>(sizeof(T)), into, bytes, line);
}
template <typename T> inline void moe_write(T *into, long long index, const void *from, unsigned bytes, unsigned line) {
  moe_host->access(MOE_STORE, into, index * static_cast<long long>(sizeof(T)), const_cast<void *>(from), bytes, line);
}

template <typename T> inline T moe_load1(const T *from, long long index, MOE_LINE) {
  T value;
  moe_read(from, index, &value, sizeof(T), line);
  return value;
}
#define MOE_LOAD_N(count, T, Into)                                                                                     \
  inline void moe_load##count(const T *from, long long index, Into *into, MOE_LINE) {                                  \
    moe_read(from, index, into, count * sizeof(T), line);                                                              \
  }
MOE_LOAD_N(2, float, float)
MOE_LOAD_N(4, float, float)
MOE_LOAD_N(2, double, double)
MOE_LOAD_N(2, int, int)
MOE_LOAD_N(4, int, int)
MOE_LOAD_N(2, unsigned short, unsigned)
MOE_LOAD_N(4, unsigned short, unsigned)
MOE_LOAD_N(8, unsigned short, unsigned)
#undef MOE_LOAD_N
inline moe_quad moe_load_quad(const moe_quad *from, long long index, MOE_LINE) { return moe_load1(from, index, line); }

template <typename T> struct moe_same {
  using type = T;
};
template <typename T> inline void moe_store1(T *into, long long index, typename moe_same<T>::type value, MOE_LINE) {
  moe_write(into, index, &value, sizeof(T), line);
}
#define MOE_STORE_N(count, T, From)                                                                                    \
  inline void moe_store##count(T *into, long long index, const From *from, MOE_LINE) {                                 \
    moe_write(into, index, from, count * sizeof(T), line);                                                             \
  }
MOE_STORE_N(2, float, float)
MOE_STORE_N(4, float, float)
MOE_STORE_N(2, int, int)
MOE_STORE_N(4, int, int)
MOE_STORE_N(2, double, double)
MOE_STORE_N(2, unsigned short, unsigned)
MOE_STORE_N(4, unsigned short, unsigned)
MOE_STORE_N(8, unsigned short, unsigned)
#undef MOE_STORE_N
inline void moe_store_quad(moe_quad *into, long long index, const moe_quad &value, MOE_LINE) {
  moe_write(into, index, &value, sizeof(value), line);
}

template <int Size> inline int moe_constant(const int (&table)[Size], int index, MOE_LINE) {
  return table[static_cast<unsigned>(index) < Size ? index : moe_host->bad_constant(index, Size, line)];
}
template <typename T> inline T *moe_at(void *block, long long offset) {
  return reinterpret_cast<T *>(static_cast<char *>(block) + offset);
}

//===-- Shared memory: words, addressed by their number
//---------------------------------------------------------------===//

inline void moe_put(unsigned *shared, int word, float value, MOE_LINE) { moe_write(shared, word, &value, 4, line); }
inline void moe_put(unsigned *shared, int word, int value, MOE_LINE) { moe_write(shared, word, &value, 4, line); }
inline void moe_put(unsigned *shared, int word, bool value, MOE_LINE) {
  const unsigned bits = value;
  moe_write(shared, word, &bits, 4, line);
}
inline void moe_put(unsigned *shared, int word, double value, MOE_LINE) { moe_write(shared, word, &value, 8, line); }
inline void moe_put4(unsigned *shared, int word, const float *from, MOE_LINE) {
  moe_write(shared, word, from, 16, line);
}
inline void moe_put_quad(unsigned *shared, int word, const moe_quad &value, MOE_LINE) {
  moe_write(shared, word, &value, 16, line);
}
template <typename T> inline T moe_get(const unsigned *shared, int word, MOE_LINE) {
  static_assert(sizeof(T) % 4 == 0, "shared memory is addressed in words");
  T value;
  moe_read(shared, word, &value, sizeof(T), line);
  return value;
}
template <> inline bool moe_get<bool>(const unsigned *shared, int word, unsigned line) {
  unsigned bits;
  moe_read(shared, word, &bits, 4, line);
  return bits != 0;
}

template <typename T> inline T moe_swap(unsigned *shared, int word, T value, MOE_LINE) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "an exchange moves 4 or 8 bytes");
  moe_host->access(MOE_ATOMIC_SWAP, shared, 4ll * word, &value, sizeof(T), line);
  return value;
}

//===-- Other threads
//-------------------------------------------------------------------------------------------------===//

template <typename T> inline T moe_from_one_lane(T value, unsigned lane, unsigned line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 1, "a shuffle moves 4 or 8 bytes, or a bool");
  moe_word64 bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = moe_host->meet(MOE_SHUFFLE, bits, lane, line);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}
template <typename T> inline T moe_shuffle_xor(T value, int offset, MOE_LINE) {
  return moe_from_one_lane(value, (threadIdx.x ^ static_cast<unsigned>(offset)) & 31u, line);
}
template <int Lanes, typename T> inline T moe_from_lane(T value, int from, MOE_LINE) {
  return moe_from_one_lane(value, (threadIdx.x & 31u & ~(Lanes - 1u)) | (static_cast<unsigned>(from) & (Lanes - 1u)),
                           line);
}
inline bool moe_any(bool condition, MOE_LINE) { return moe_host->meet(MOE_BALLOT, condition, 0, line) != 0; }
inline unsigned moe_warp_max(unsigned value, MOE_LINE) {
  return static_cast<unsigned>(moe_host->meet(MOE_WARP_MAX, value, 0, line));
}
// The order of int is that of unsigned with the sign flipped.
inline int moe_warp_min(int value, MOE_LINE) {
  const unsigned flipped = static_cast<unsigned>(value) ^ 0x80000000u;
  return static_cast<int>(static_cast<unsigned>(moe_host->meet(MOE_WARP_MIN, flipped, 0, line)) ^ 0x80000000u);
}
inline void moe_sync_warp(MOE_LINE) { moe_host->meet(MOE_SYNC_WARP, 0, 0, line); }
inline void moe_sync_block(MOE_LINE) { moe_host->sync_block(line); }
inline void moe_fence(MOE_LINE) { moe_host->fence(line); }
inline unsigned moe_atomic_add(unsigned *into, unsigned value, MOE_LINE) {
  moe_host->access(MOE_ATOMIC_ADD, into, 0, &value, 4, line);
  return value;
}

//===-- Numbers
//-------------------------------------------------------------------------------------------------------===//

inline unsigned moe_bits(float x) { return moe_cast<unsigned>(x); }
inline unsigned moe_bits(int x) { return static_cast<unsigned>(x); }
inline moe_word64 moe_bits(double x) { return moe_cast<moe_word64>(x); }
inline float moe_float(unsigned bits) { return moe_cast<float>(bits); }
inline double moe_double(moe_word64 bits) { return moe_cast<double>(bits); }

inline float moe_exp2_fast(float x) { return __builtin_exp2f(x); }
inline float moe_f16(unsigned word, int half) {
  return moe_host->from_f16(static_cast<unsigned short>(word >> 16 * half));
}
inline unsigned short moe_to_f16(float x) { return moe_host->to_f16(x); }

inline unsigned moe_pack_f16(float low, float high) {
  return moe_to_f16(low) | static_cast<unsigned>(moe_to_f16(high)) << 16;
}
inline unsigned moe_round_bf16(float x) {
  const unsigned bits = moe_bits(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}
inline unsigned moe_pack_bf16(float low, float high) { return moe_round_bf16(low) | moe_round_bf16(high) << 16; }

// As max.NaN.f32 and max.f32: NaN is 0x7fffffff, and +0 is greater than -0.
inline float moe_max(float a, float b) {
  if (a != a || b != b)
    return moe_cast<float>(0x7fffffffu);
  return a > b || (a == b && !__builtin_signbit(a)) ? a : b;
}
inline float moe_min(float a, float b) {
  if (a != a || b != b)
    return moe_cast<float>(0x7fffffffu);
  return a < b || (a == b && __builtin_signbit(a)) ? a : b;
}
#define MOE_NUMERIC(name, T, better, on_equal)                                                                         \
  inline T name(T a, T b) {                                                                                            \
    if (a != a || b != b)                                                                                              \
      return b == b ? b : a;                                                                                           \
    return a better b || (a == b && on_equal) ? a : b;                                                                 \
  }
MOE_NUMERIC(moe_maxnum, float, >, !__builtin_signbit(a))
MOE_NUMERIC(moe_maxnum, double, >, !__builtin_signbit(a))
MOE_NUMERIC(moe_minnum, float, <, __builtin_signbit(a))
MOE_NUMERIC(moe_minnum, double, <, __builtin_signbit(a))
#undef MOE_NUMERIC
inline float moe_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double moe_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

#define MOE_FUNCTION(name, function)                                                                                   \
  inline float name(float x) { return __builtin_##function##f(x); }                                                    \
  inline double name(double x) { return __builtin_##function(x); }
MOE_FUNCTION(moe_abs, fabs)
MOE_FUNCTION(moe_floor, floor)
MOE_FUNCTION(moe_ceil, ceil)
MOE_FUNCTION(moe_trunc, trunc)
MOE_FUNCTION(moe_round_even, rint)
MOE_FUNCTION(moe_sqrt, sqrt)
MOE_FUNCTION(moe_exp2, exp2)
MOE_FUNCTION(moe_expm1, expm1)
MOE_FUNCTION(moe_log, log)
MOE_FUNCTION(moe_log2, log2)
MOE_FUNCTION(moe_log1p, log1p)
MOE_FUNCTION(moe_tanh, tanh)
MOE_FUNCTION(moe_erf, erf)
MOE_FUNCTION(moe_erfc, erfc)
MOE_FUNCTION(moe_sin, sin)
MOE_FUNCTION(moe_cos, cos)
#undef MOE_FUNCTION
inline float moe_rsqrt(float x) { return static_cast<float>(1.0 / __builtin_sqrt(x)); }
inline double moe_rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }
inline double moe_exp(double x) { return __builtin_exp(x); }
inline float moe_pow(float x, float y) { return __builtin_powf(x, y); }
inline double moe_pow(double x, double y) { return __builtin_pow(x, y); }
inline float moe_remainder(float x, float y) { return __builtin_fmodf(x, y); }
inline double moe_remainder(double x, double y) { return __builtin_fmod(x, y); }
inline float moe_copysign(float x, float y) { return __builtin_copysignf(x, y); }
inline double moe_copysign(double x, double y) { return __builtin_copysign(x, y); }
