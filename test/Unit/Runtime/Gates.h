/* Gates written by hand in C, so that the runtime is tested without the compiler. */
#ifndef MOE_TEST_GATES_H
#define MOE_TEST_GATES_H
#include "moe/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Indices of one_pass_gate's arrays. */
enum { SCALE, X, BIAS, Y, SIGN, MEAN, LARGEST, EMPTY, ONE_PASS_ARRAYS };
enum { CHANNELS = 3 };

/* What one_pass_gate accumulates, as a struct with the layout of its accumulator block. */
typedef struct OnePassAccumulators {
  int64_t tokens;
  float sum[CHANNELS]; /* of y */
  float largest;       /* max of y */
  float smallest;      /* min of y */
  float best;          /* maxnum of y */
  int32_t negative;    /* elements of y below 0 */
  int32_t longest;     /* max of 10 * x, as an integer */
  double squares;      /* of y */
} OnePassAccumulators;

/* y = scale * x + bias; sign[t] = y[t, 0] < 0; mean = sum(y) / (3 T); largest = max(y); empty = T == 0.
 * CPU variants: "avx512" (absent on many machines), "generic". One CUDA kernel. */
extern const moe_gate one_pass_gate;

/* Indices of two_pass_gate's arrays. */
enum { INPUT2, CENTER2, DEVIATION2, OUTPUT2, VARIANCE2, TWO_PASS_ARRAYS };

/* Pass 0: center = mean over tokens of x, a coefficient. Pass 1: output = x - center, and variance from its squares;
 * the coefficient `deviation` is written by the last finish and read by nobody. Two CUDA kernels. */
extern const moe_gate two_pass_gate;

/* How often a thread found that another one had written to its scratch memory, or that it was misaligned. */
extern int scratch_conflicts;
/* How often rows was called, and the largest number of tokens that it was given. */
extern int rows_calls;
extern int64_t rows_most_tokens;

#ifdef __cplusplus
}
#endif
#endif
