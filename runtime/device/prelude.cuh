// The device prelude: all that generated CUDA asks of the machine. The generated source carries this text between two
// marker lines, so NVRTC needs no include directory; an emulator compiles the same source with its own prelude in place of
// this one. Nothing outside of this file touches global or shared memory, other lanes, barriers or atomics, but for
// threadIdx.x, blockIdx.x, gridDim.x, __shared__, __device__, __global__, __launch_bounds__ and #pragma unroll.
//
// CUDA that the prelude itself uses (compute capability 8.0 and later): __shfl_sync, __shfl_xor_sync, __any_sync,
// __reduce_max_sync, __reduce_min_sync, __syncwarp, __syncthreads, __threadfence, atomicAdd on unsigned, atomicExch on
// shared memory, __ldcg on uint4, __stwb, the bit casts __float_as_uint and its kin, vector types up to 16 bytes, fmaf/fma,
// fmaxf/fminf and the functions of <math.h> named below, ex2.approx, max.NaN, min.NaN and cvt (inline PTX).
//
// Addresses are a pointer and an index in elements, so that an emulator can name the buffer and check the bounds.
#define MOE_DEVICE __device__ __forceinline__
#define MOE_ALL_LANES 0xffffffffu
#define MOE_INFINITY __int_as_float(0x7f800000)
#define MOE_NAN __int_as_float(0x7fc00000)
#define MOE_INT_MAX 2147483647
#define MOE_INT_MIN (-2147483647 - 1)

// Four words of any kind: the unit in which block results move.
struct __align__(16) moe_quad {
  unsigned word[4];
};

//===-- Global memory: moe_loadN and moe_storeN move N elements, aligned to N elements -------------------------------===//

template <typename T> MOE_DEVICE T moe_load1(const T *from, long long index) { return from[index]; }
MOE_DEVICE void moe_load2(const float *from, long long index, float *into) {
  const float2 v = *reinterpret_cast<const float2 *>(from + index);
  into[0] = v.x, into[1] = v.y;
}
MOE_DEVICE void moe_load4(const float *from, long long index, float *into) {
  const float4 v = *reinterpret_cast<const float4 *>(from + index);
  into[0] = v.x, into[1] = v.y, into[2] = v.z, into[3] = v.w;
}
MOE_DEVICE void moe_load2(const double *from, long long index, double *into) {
  const double2 v = *reinterpret_cast<const double2 *>(from + index);
  into[0] = v.x, into[1] = v.y;
}
MOE_DEVICE void moe_load2(const int *from, long long index, int *into) {
  const int2 v = *reinterpret_cast<const int2 *>(from + index);
  into[0] = v.x, into[1] = v.y;
}
MOE_DEVICE void moe_load4(const int *from, long long index, int *into) {
  const int4 v = *reinterpret_cast<const int4 *>(from + index);
  into[0] = v.x, into[1] = v.y, into[2] = v.z, into[3] = v.w;
}
// bf16 and f16 stay packed, two to a word, until they are used.
MOE_DEVICE void moe_load2(const unsigned short *from, long long index, unsigned *into) {
  into[0] = *reinterpret_cast<const unsigned *>(from + index);
}
MOE_DEVICE void moe_load4(const unsigned short *from, long long index, unsigned *into) {
  const uint2 v = *reinterpret_cast<const uint2 *>(from + index);
  into[0] = v.x, into[1] = v.y;
}
MOE_DEVICE void moe_load8(const unsigned short *from, long long index, unsigned *into) {
  const uint4 v = *reinterpret_cast<const uint4 *>(from + index);
  into[0] = v.x, into[1] = v.y, into[2] = v.z, into[3] = v.w;
}
// What other blocks have written during this launch: from the second-level cache.
MOE_DEVICE moe_quad moe_load_quad(const moe_quad *from, long long index) {
  const uint4 v = __ldcg(reinterpret_cast<const uint4 *>(from + index));
  return {{v.x, v.y, v.z, v.w}};
}

template <typename T> struct moe_same {
  using type = T;
};
template <typename T> MOE_DEVICE void moe_store1(T *into, long long index, typename moe_same<T>::type value) {
  into[index] = value;
}
MOE_DEVICE void moe_store2(float *into, long long index, const float *from) {
  __stwb(reinterpret_cast<float2 *>(into + index), make_float2(from[0], from[1]));
}
MOE_DEVICE void moe_store4(float *into, long long index, const float *from) {
  __stwb(reinterpret_cast<float4 *>(into + index), make_float4(from[0], from[1], from[2], from[3]));
}
MOE_DEVICE void moe_store2(int *into, long long index, const int *from) {
  __stwb(reinterpret_cast<int2 *>(into + index), make_int2(from[0], from[1]));
}
MOE_DEVICE void moe_store4(int *into, long long index, const int *from) {
  __stwb(reinterpret_cast<int4 *>(into + index), make_int4(from[0], from[1], from[2], from[3]));
}
MOE_DEVICE void moe_store2(double *into, long long index, const double *from) {
  __stwb(reinterpret_cast<double2 *>(into + index), make_double2(from[0], from[1]));
}
MOE_DEVICE void moe_store2(unsigned short *into, long long index, const unsigned *from) {
  *reinterpret_cast<unsigned *>(into + index) = from[0];
}
MOE_DEVICE void moe_store4(unsigned short *into, long long index, const unsigned *from) {
  __stwb(reinterpret_cast<uint2 *>(into + index), make_uint2(from[0], from[1]));
}
MOE_DEVICE void moe_store8(unsigned short *into, long long index, const unsigned *from) {
  __stwb(reinterpret_cast<uint4 *>(into + index), make_uint4(from[0], from[1], from[2], from[3]));
}
MOE_DEVICE void moe_store_quad(moe_quad *into, long long index, const moe_quad &value) { into[index] = value; }

// An element of a constant table of the source itself.
MOE_DEVICE int moe_constant(const int *table, int index) { return table[index]; }

// `offset` bytes into a block that the caller owns.
template <typename T> MOE_DEVICE T *moe_at(void *block, long long offset) {
  return reinterpret_cast<T *>(static_cast<char *>(block) + offset);
}

//===-- Shared memory: words, addressed by their number ---------------------------------------------------------------===//

MOE_DEVICE void moe_put(unsigned *shared, int word, float value) { shared[word] = __float_as_uint(value); }
MOE_DEVICE void moe_put(unsigned *shared, int word, int value) { shared[word] = static_cast<unsigned>(value); }
MOE_DEVICE void moe_put(unsigned *shared, int word, bool value) { shared[word] = value; }
MOE_DEVICE void moe_put(unsigned *shared, int word, double value) {
  *reinterpret_cast<double *>(shared + word) = value;
}
MOE_DEVICE void moe_put4(unsigned *shared, int word, const float *from) {
  *reinterpret_cast<float4 *>(shared + word) = make_float4(from[0], from[1], from[2], from[3]);
}
MOE_DEVICE void moe_put_quad(unsigned *shared, int word, const moe_quad &value) {
  *reinterpret_cast<moe_quad *>(shared + word) = value;
}
template <typename T> MOE_DEVICE T moe_get(const unsigned *shared, int word) {
  return *reinterpret_cast<const T *>(shared + word);
}
template <> MOE_DEVICE bool moe_get<bool>(const unsigned *shared, int word) { return shared[word] != 0; }
// Puts a value and gives what stood there, atomically.
MOE_DEVICE int moe_swap(unsigned *shared, int word, int value) {
  return static_cast<int>(atomicExch(shared + word, static_cast<unsigned>(value)));
}
MOE_DEVICE float moe_swap(unsigned *shared, int word, float value) {
  return __uint_as_float(atomicExch(shared + word, __float_as_uint(value)));
}
MOE_DEVICE double moe_swap(unsigned *shared, int word, double value) {
  unsigned long long *const at = reinterpret_cast<unsigned long long *>(shared + word);
  return __longlong_as_double(
      static_cast<long long>(atomicExch(at, static_cast<unsigned long long>(__double_as_longlong(value)))));
}

//===-- Other threads -------------------------------------------------------------------------------------------------===//

// The value of the lane whose number differs in the bits of `offset`. All 32 lanes take part.
template <typename T> MOE_DEVICE T moe_shuffle_xor(T value, int offset) {
  return __shfl_xor_sync(MOE_ALL_LANES, value, offset);
}
// The value of lane `from` (modulo Lanes) among the Lanes lanes that hold this row. All 32 lanes take part.
template <int Lanes, typename T> MOE_DEVICE T moe_from_lane(T value, int from) {
  return __shfl_sync(MOE_ALL_LANES, value, from, Lanes);
}
// Over all 32 lanes.
MOE_DEVICE bool moe_any(bool condition) { return __any_sync(MOE_ALL_LANES, condition); }
MOE_DEVICE unsigned moe_warp_max(unsigned value) { return __reduce_max_sync(MOE_ALL_LANES, value); }
MOE_DEVICE int moe_warp_min(int value) { return __reduce_min_sync(MOE_ALL_LANES, value); }
MOE_DEVICE void moe_sync_warp() { __syncwarp(); }
MOE_DEVICE void moe_sync_block() { __syncthreads(); }
MOE_DEVICE void moe_fence() { __threadfence(); }
MOE_DEVICE unsigned moe_atomic_add(unsigned *into, unsigned value) { return atomicAdd(into, value); }

//===-- Numbers -------------------------------------------------------------------------------------------------------===//

MOE_DEVICE unsigned moe_bits(float x) { return __float_as_uint(x); }
MOE_DEVICE unsigned moe_bits(int x) { return static_cast<unsigned>(x); }
MOE_DEVICE unsigned long long moe_bits(double x) { return static_cast<unsigned long long>(__double_as_longlong(x)); }
MOE_DEVICE float moe_float(unsigned bits) { return __uint_as_float(bits); }
MOE_DEVICE double moe_double(unsigned long long bits) { return __longlong_as_double(static_cast<long long>(bits)); }

// 2^x with a relative error of at most 2^-22; 0 for -inf, NaN for NaN.
MOE_DEVICE float moe_exp2_fast(float x) {
  float y;
  asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
// Element `half` (0 or 1) of a word that holds two f16 numbers.
MOE_DEVICE float moe_f16(unsigned word, int half) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(static_cast<unsigned short>(word >> 16 * half)));
  return y;
}
// f16 of x, rounded to nearest even.
MOE_DEVICE unsigned short moe_to_f16(float x) {
  unsigned short y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
// Two numbers in one word, `low` in its lower half, rounded to nearest even.
MOE_DEVICE unsigned moe_pack_f16(float low, float high) {
  unsigned y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
MOE_DEVICE unsigned moe_pack_bf16(float low, float high) {
  unsigned y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}

// max and min hand a NaN on; maxnum and minnum ignore it.
MOE_DEVICE float moe_max(float a, float b) {
  float y;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
  return y;
}
MOE_DEVICE float moe_min(float a, float b) {
  float y;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
  return y;
}
MOE_DEVICE float moe_fma(float a, float b, float c) { return fmaf(a, b, c); }
MOE_DEVICE double moe_fma(double a, double b, double c) { return fma(a, b, c); }
MOE_DEVICE float moe_maxnum(float a, float b) { return fmaxf(a, b); }
MOE_DEVICE double moe_maxnum(double a, double b) { return fmax(a, b); }
MOE_DEVICE float moe_minnum(float a, float b) { return fminf(a, b); }
MOE_DEVICE double moe_minnum(double a, double b) { return fmin(a, b); }
// CUDA's own functions: at most 2 ulp, but for pow (8 ulp).
#define MOE_FUNCTION(name, f32, f64)                                                                                   \
  MOE_DEVICE float name(float x) { return f32(x); }                                                                    \
  MOE_DEVICE double name(double x) { return f64(x); }
MOE_FUNCTION(moe_abs, fabsf, fabs)
MOE_FUNCTION(moe_floor, floorf, floor)
MOE_FUNCTION(moe_ceil, ceilf, ceil)
MOE_FUNCTION(moe_trunc, truncf, trunc)
MOE_FUNCTION(moe_round_even, rintf, rint)
MOE_FUNCTION(moe_sqrt, sqrtf, sqrt)
MOE_FUNCTION(moe_rsqrt, rsqrtf, rsqrt)
MOE_FUNCTION(moe_exp2, exp2f, exp2)
MOE_FUNCTION(moe_expm1, expm1f, expm1)
MOE_FUNCTION(moe_log, logf, log)
MOE_FUNCTION(moe_log2, log2f, log2)
MOE_FUNCTION(moe_log1p, log1pf, log1p)
MOE_FUNCTION(moe_tanh, tanhf, tanh)
MOE_FUNCTION(moe_erf, erff, erf)
MOE_FUNCTION(moe_erfc, erfcf, erfc)
MOE_FUNCTION(moe_sin, sinf, sin)
MOE_FUNCTION(moe_cos, cosf, cos)
MOE_DEVICE double moe_exp(double x) { return exp(x); }
MOE_DEVICE float moe_pow(float x, float y) { return powf(x, y); }
MOE_DEVICE double moe_pow(double x, double y) { return pow(x, y); }
MOE_DEVICE float moe_remainder(float x, float y) { return fmodf(x, y); }
MOE_DEVICE double moe_remainder(double x, double y) { return fmod(x, y); }
MOE_DEVICE float moe_copysign(float x, float y) { return copysignf(x, y); }
MOE_DEVICE double moe_copysign(double x, double y) { return copysign(x, y); }
