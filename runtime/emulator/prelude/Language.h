// CUDA's words as host C++: once per translation unit, behind Machine.h.
extern "C" {
extern const moe_services *moe_host;
extern const moe_coordinates *moe_running;
}
#define threadIdx (moe_running->thread)
#define blockIdx (moe_running->block)
#define gridDim (moe_running->grid)
#define blockDim (moe_running->dimension)
#define __global__
#define __device__
#define __constant__
#define __forceinline__ inline
// All blocks see one address; the engine keeps the bytes of each block.
#define __shared__ static __attribute__((section("moe_shared")))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __restrict__ __restrict
#define asm the_emulator_does_not_know_inline_PTX

#define MOE_DEVICE inline
#define MOE_ALL_LANES 0xffffffffu
#define MOE_INFINITY __builtin_inff()
#define MOE_NAN __builtin_nanf("")
#define MOE_INT_MAX 2147483647
#define MOE_INT_MIN (-2147483647 - 1)
// The line of the call, in generated source.
#define MOE_LINE unsigned line = __builtin_LINE()

template <unsigned... N> struct moe_numbers {};
template <unsigned Count, unsigned... N> struct moe_count : moe_count<Count - 1, Count - 1, N...> {};
template <unsigned... N> struct moe_count<0, N...> {
  using type = moe_numbers<N...>;
};
template <typename... Arguments, unsigned... N>
inline void moe_call(void (*kernel)(Arguments...), void **arguments, moe_numbers<N...>) {
  kernel(*static_cast<Arguments *>(arguments[N])...);
}
/// Calls a kernel with arguments passed as cuLaunchKernel takes them.
template <typename... Arguments> inline void moe_invoke(void (*kernel)(Arguments...), void **arguments) {
  moe_call(kernel, arguments, typename moe_count<sizeof...(Arguments)>::type());
}
