/* Plain loops, no vectors: what generated code would do, token by token. */
#include "Gates.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

int scratch_conflicts;
int rows_calls;
int64_t rows_most_tokens;

static void enter_rows(int64_t begin, int64_t end, void *scratch) {
  __atomic_add_fetch(&rows_calls, 1, __ATOMIC_RELAXED);
  int64_t most = __atomic_load_n(&rows_most_tokens, __ATOMIC_RELAXED);
  while (end - begin > most &&
         !__atomic_compare_exchange_n(&rows_most_tokens, &most, end - begin, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    ;
  *(volatile int64_t *)scratch = begin;
}

static void leave_rows(int64_t begin, const void *scratch) {
  if (*(const volatile int64_t *)scratch != begin || (uintptr_t)scratch % 64 || begin % 16)
    __atomic_add_fetch(&scratch_conflicts, 1, __ATOMIC_RELAXED);
}

static void one_pass_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *scale = call->arrays[SCALE], *x = call->arrays[X], *bias = call->arrays[BIAS];
  float *y = call->arrays[Y];
  int32_t *sign = call->arrays[SIGN];
  OnePassAccumulators *into = partial;
  enter_rows(begin, end, scratch);
  for (int64_t t = begin; t < end; ++t) {
    for (int c = 0; c < CHANNELS; ++c) {
      float value = *scale * x[t * CHANNELS + c] + bias[c];
      y[t * CHANNELS + c] = value;
      into->sum[c] += value;
      into->largest = value > into->largest || value != value ? value : into->largest;
      into->smallest = value < into->smallest || value != value ? value : into->smallest;
      into->best = value > into->best ? value : into->best;
      into->negative += value < 0;
      into->squares += (double)value * value;
      if (x[t * CHANNELS + c] == x[t * CHANNELS + c] && (int32_t)(10 * x[t * CHANNELS + c]) > into->longest)
        into->longest = (int32_t)(10 * x[t * CHANNELS + c]);
    }
    sign[t] = y[t * CHANNELS] < 0;
  }
  leave_rows(begin, scratch);
}

static void one_pass_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const OnePassAccumulators *from = accumulators;
  float sum = 0;
  for (int c = 0; c < CHANNELS; ++c)
    sum += from->sum[c];
  memset(scratch, 0x55, 64);
  int empty = call->token_count == 0;
  *(float *)call->arrays[MEAN] = empty ? 0 : sum / (float)(CHANNELS * call->token_count);
  *(float *)call->arrays[LARGEST] = empty ? NAN : from->largest;
  *(int32_t *)call->arrays[EMPTY] = empty;
}

static const int64_t token_channel[] = {-1, CHANNELS}, token_only[] = {-1}, channel_only[] = {CHANNELS};
static const char *const token_channel_names[] = {"token", "channel"}, *const channel_names[] = {"channel"};
static const moe_axis axes[] = {{.name = "token", .size = -1}, {.name = "channel", .size = CHANNELS}};

static const moe_array one_pass_arrays[ONE_PASS_ARRAYS] = {
    {"scale", MOE_PARAM, MOE_F32, 0, 0, NULL, NULL, 2.0, 0, 0},
    {"x", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"bias", MOE_INPUT, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"y", MOE_OUTPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"sign", MOE_OUTPUT, MOE_I32, 1, 0, token_only, token_channel_names, 0, 0, 0},
    {"mean", MOE_LOSS, MOE_F32, 0, 0, NULL, NULL, 0, 0, 0},
    {"largest", MOE_METRIC, MOE_F32, 0, 0, NULL, NULL, 0, 0, 0},
    {"empty", MOE_STATUS_WORD, MOE_I32, 0, 0, NULL, NULL, 0, 0, 0},
};
static const moe_accumulator one_pass_accumulators[] = {
    {"sum", MOE_SUM, MOE_F32, CHANNELS, offsetof(OnePassAccumulators, sum), 0, 0, 0, 0},
    {"largest", MOE_MAX, MOE_F32, 1, offsetof(OnePassAccumulators, largest), 0, 0, 0, 0},
    {"smallest", MOE_MIN, MOE_F32, 1, offsetof(OnePassAccumulators, smallest), 0, 0, 0, 0},
    {"best", MOE_MAXNUM, MOE_F32, 1, offsetof(OnePassAccumulators, best), 0, 0, 0, 0},
    {"negative", MOE_SUM, MOE_I32, 1, offsetof(OnePassAccumulators, negative), 0, 0, 0, 0},
    {"longest", MOE_MAX, MOE_I32, 1, offsetof(OnePassAccumulators, longest), 0, 0, 0, 0},
    {"squares", MOE_SUM, MOE_F64, 1, offsetof(OnePassAccumulators, squares), 0, 0, 0, 0},
};
static const moe_cpu_pass one_pass[] = {{one_pass_rows, NULL, one_pass_finish, 0, 0}};
static const moe_cpu_variant one_pass_variants[] = {{"avx512", one_pass}, {"generic", one_pass}};
static const moe_cuda_kernel one_pass_kernels[] = {{"one_pass", 128, 32, 0, 4, 0, 0}};

const moe_gate one_pass_gate = {
    .struct_size = sizeof(moe_gate),
    .abi_version = MOE_ABI_VERSION,
    .name = "one_pass",
    .axis_count = 2,
    .array_count = ONE_PASS_ARRAYS,
    .axes = axes,
    .arrays = one_pass_arrays,
    .accumulator_count = sizeof(one_pass_accumulators) / sizeof(*one_pass_accumulators),
    .pass_count = 1,
    .accumulators = one_pass_accumulators,
    .accumulator_bytes = sizeof(OnePassAccumulators),
    .cpu_scratch_bytes = 64,
    .cpu_variant_count = 2,
    .cuda_kernel_count = 1,
    .cpu_variants = one_pass_variants,
    .cuda_source = "extern \"C\" __global__ void one_pass(float scale, const float *x, const float *bias, float *y,\n"
                   "    int *sign, float *mean, float *largest, int *empty, void *accumulators, void *workspace,\n"
                   "    long long token_count, int phase) {\n"
                   "  long long t = blockIdx.x * 128LL + threadIdx.x;\n"
                   "  if (t < token_count) y[t] = scale * x[t] + bias[t % 3];\n"
                   "}\n",
    .cuda_kernels = one_pass_kernels,
    .cuda_workspace_bytes = 4096,
};

typedef struct TwoPassAccumulators {
  int64_t tokens;
  float sum[CHANNELS];     /* of pass 0 */
  float squares[CHANNELS]; /* of pass 1 */
} TwoPassAccumulators;

static void center_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[INPUT2];
  TwoPassAccumulators *into = partial;
  enter_rows(begin, end, scratch);
  for (int64_t t = begin; t < end; ++t)
    for (int c = 0; c < CHANNELS; ++c)
      into->sum[c] += x[t * CHANNELS + c];
  leave_rows(begin, scratch);
}

static void center_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const TwoPassAccumulators *from = accumulators;
  float *center = call->arrays[CENTER2];
  (void)scratch;
  for (int c = 0; c < CHANNELS; ++c)
    center[c] = call->token_count ? from->sum[c] / (float)call->token_count : 0;
}

static void spread_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[INPUT2], *center = call->arrays[CENTER2];
  float *output = call->arrays[OUTPUT2];
  TwoPassAccumulators *into = partial;
  enter_rows(begin, end, scratch);
  for (int64_t t = begin; t < end; ++t)
    for (int c = 0; c < CHANNELS; ++c) {
      float value = x[t * CHANNELS + c] - center[c];
      output[t * CHANNELS + c] = value;
      into->squares[c] += value * value;
    }
  leave_rows(begin, scratch);
}

static void spread_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const TwoPassAccumulators *from = accumulators;
  float *deviation = call->arrays[DEVIATION2], variance = 0;
  (void)scratch;
  for (int c = 0; c < CHANNELS; ++c) {
    deviation[c] = sqrtf(from->squares[c]);
    variance += from->squares[c];
  }
  *(float *)call->arrays[VARIANCE2] = call->token_count ? variance / (float)(CHANNELS * call->token_count) : 0;
}

static const moe_array two_pass_arrays[TWO_PASS_ARRAYS] = {
    {"x", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"center", MOE_COEFFICIENT, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"deviation", MOE_COEFFICIENT, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"x", MOE_OUTPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"variance", MOE_LOSS, MOE_F32, 0, 0, NULL, NULL, 0, 0, 0},
};
static const moe_accumulator two_pass_accumulators[] = {
    {"sum", MOE_SUM, MOE_F32, CHANNELS, offsetof(TwoPassAccumulators, sum), 0, 0, 0, 0},
    {"squares", MOE_SUM, MOE_F32, CHANNELS, offsetof(TwoPassAccumulators, squares), 0, 1, 0, 0},
};
static const moe_cpu_pass two_passes[] = {{center_rows, NULL, center_finish, 0, 0},
                                          {spread_rows, NULL, spread_finish, 0, 0}};
static const moe_cpu_variant two_pass_variants[] = {{"generic", two_passes}};
static const moe_cuda_kernel two_pass_kernels[] = {{"center", 64, 8, 0, 1000, 0, 0},
                                                   {"spread", 256, 64, 100000, 2, 0, 0}};

const moe_gate two_pass_gate = {
    .struct_size = sizeof(moe_gate),
    .abi_version = MOE_ABI_VERSION,
    .name = "two_pass",
    .axis_count = 2,
    .array_count = TWO_PASS_ARRAYS,
    .axes = axes,
    .arrays = two_pass_arrays,
    .accumulator_count = 2,
    .pass_count = 2,
    .accumulators = two_pass_accumulators,
    .accumulator_bytes = sizeof(TwoPassAccumulators),
    .coefficient_bytes = 128,
    .cpu_scratch_bytes = 8,
    .cpu_variant_count = 1,
    .cuda_kernel_count = 2,
    .cpu_variants = two_pass_variants,
    .cuda_source = "extern \"C\" __global__ void center() {}\nextern \"C\" __global__ void spread() {}\n",
    .cuda_kernels = two_pass_kernels,
    .cuda_workspace_bytes = 8192,
};
