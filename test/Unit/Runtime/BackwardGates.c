/* Plain loops, token by token. Saved arrays are skipped where the call brings no block for them. */
#include "BackwardGates.h"

#include <stddef.h>
#include <string.h>

typedef struct TenAccumulators {
  int64_t tokens;
  float sum[CHANNELS];
} TenAccumulators;

static void ten_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[TEN_X], *w = call->arrays[TEN_W];
  float *y = call->arrays[TEN_Y], *kept = call->arrays[TEN_KEPT_X];
  int32_t *sign = call->arrays[TEN_KEPT_SIGN];
  TenAccumulators *into = partial;
  (void)scratch;
  for (int64_t t = begin; t < end; ++t) {
    for (int c = 0; c < CHANNELS; ++c) {
      y[t * CHANNELS + c] = w[c] * x[t * CHANNELS + c];
      into->sum[c] += y[t * CHANNELS + c];
      if (kept)
        kept[t * CHANNELS + c] = x[t * CHANNELS + c];
    }
    if (sign)
      sign[t] = x[t * CHANNELS] < 0;
  }
}

static void ten_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const TenAccumulators *from = accumulators;
  float *slope = call->arrays[TEN_SLOPE], total = 0;
  double *curve = call->arrays[TEN_CURVE];
  float tokens = (float)(call->token_count ? call->token_count : 1);
  (void)scratch;
  for (int c = 0; c < CHANNELS; ++c) {
    float mean = from->sum[c] / tokens;
    total += mean * mean;
    if (slope)
      slope[c] = 2 * mean / tokens;
  }
  if (curve)
    *curve = (double)call->token_count;
  for (int k = 0; k < LOSSES; ++k)
    *(float *)call->arrays[TEN_LOSS + k] = (float)(k + 1) * total;
}

static void ten_backward_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[TEN_B_KEPT_X], *w = call->arrays[TEN_B_W], *slope = call->arrays[TEN_B_SLOPE];
  const float *gradY = call->arrays[TEN_B_GRAD_Y];
  float *gradX = call->arrays[TEN_B_GRAD_X];
  int32_t *sign = call->arrays[TEN_B_SIGN];
  const int32_t *keptSign = call->arrays[TEN_B_KEPT_SIGN];
  TenAccumulators *into = partial;
  float scale = 0;
  memset(scratch, 0x55, 128); /* any contents, and nobody else's */
  for (int k = 0; k < LOSSES; ++k)
    scale += *(const float *)call->arrays[TEN_B_SCALE + k] * (float)(k + 1);
  for (int64_t t = begin; t < end; ++t) {
    for (int c = 0; c < CHANNELS; ++c) {
      int64_t i = t * CHANNELS + c;
      float g = gradY[i] + scale * slope[c];
      gradX[i] = (call->phase & MOE_ADD ? gradX[i] : 0) + w[c] * g;
      into->sum[c] += x[i] * g;
    }
    sign[t] = keptSign[t] + (int32_t)*(const double *)call->arrays[TEN_B_CURVE];
  }
}

static void ten_backward_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const TenAccumulators *from = accumulators;
  float *gradW = call->arrays[TEN_B_GRAD_W];
  memset(scratch, 0x55, 128);
  for (int c = 0; c < CHANNELS; ++c)
    gradW[c] = (call->phase & MOE_ADD ? gradW[c] : 0) + from->sum[c];
}

static const int64_t token_channel[] = {-1, CHANNELS}, token_only[] = {-1}, channel_only[] = {CHANNELS};
static const char *const token_channel_names[] = {"token", "channel"}, *const channel_names[] = {"channel"};
static const moe_axis axes[] = {{.name = "token", .size = -1}, {.name = "channel", .size = CHANNELS}};

#define LOSS(name) {name, MOE_LOSS, MOE_F32, 0, 0, NULL, NULL, 0, 0, 0}
#define SCALE(name) {name, MOE_PARAM, MOE_F32, 0, 0, NULL, NULL, 1, 0, 0}

static const moe_array ten_arrays[TEN_ARRAYS] = {
    {"x", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"kept_sign", MOE_SAVED, MOE_I32, 1, 0, token_only, token_channel_names, 0, 0, 0},
    {"w", MOE_INPUT, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"slope", MOE_SAVED, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"y", MOE_OUTPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"kept_x", MOE_SAVED, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"curve", MOE_SAVED, MOE_F64, 0, 0, NULL, NULL, 0, 0, 0},
    LOSS("loss_0"),
    LOSS("loss_1"),
    LOSS("loss_2"),
    LOSS("loss_3"),
    LOSS("loss_4"),
    LOSS("loss_5"),
    LOSS("loss_6"),
    LOSS("loss_7"),
    LOSS("loss_8"),
    LOSS("loss_9"),
};
static const moe_array ten_backward_arrays[TEN_B_ARRAYS] = {
    {"curve", MOE_SAVED, MOE_F64, 0, 0, NULL, NULL, 0, 0, 0},
    {"kept_x", MOE_SAVED, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"w", MOE_INPUT, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"grad_y", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    SCALE("scale_loss_0"),
    SCALE("scale_loss_1"),
    SCALE("scale_loss_2"),
    SCALE("scale_loss_3"),
    SCALE("scale_loss_4"),
    SCALE("scale_loss_5"),
    SCALE("scale_loss_6"),
    SCALE("scale_loss_7"),
    SCALE("scale_loss_8"),
    SCALE("scale_loss_9"),
    {"kept_sign", MOE_SAVED, MOE_I32, 1, 0, token_only, token_channel_names, 0, 0, 0},
    {"slope", MOE_SAVED, MOE_F32, 1, 0, channel_only, channel_names, 0, 0, 0},
    {"grad_x", MOE_OUTPUT, MOE_F32, 2, MOE_ARRAY_ADDS, token_channel, token_channel_names, 0, 0, 0},
    {"grad_w", MOE_OUTPUT, MOE_F32, 1, MOE_ARRAY_ADDS, channel_only, channel_names, 0, 0, 0},
    {"sign", MOE_OUTPUT, MOE_I32, 1, 0, token_only, token_channel_names, 0, 0, 0},
};
static const moe_accumulator ten_accumulators[] = {
    {"sum", MOE_SUM, MOE_F32, CHANNELS, offsetof(TenAccumulators, sum), 0, 0, 0, 0}};
static const moe_cpu_pass ten_passes[] = {{ten_rows, NULL, ten_finish, 0, 0}};
static const moe_cpu_pass ten_backward_passes[] = {{ten_backward_rows, NULL, ten_backward_finish, 0, 0}};
static const moe_cpu_variant ten_variants[] = {{"generic", ten_passes}};
static const moe_cpu_variant ten_backward_variants[] = {{"generic", ten_backward_passes}};
static const moe_cuda_kernel ten_kernels[] = {{"ten_loss", 128, 32, 0, 4, 0, 0}};
static const moe_cuda_kernel ten_backward_kernels[] = {{"ten_loss_backward", 64, 16, 60000, 8, 0, 0}};
static const char ten_source[] = "extern \"C\" __global__ void ten_loss() {}\n"
                                 "extern \"C\" __global__ void ten_loss_backward() {}\n";

static const moe_gate ten_loss_backward_gate = {
    .struct_size = sizeof(moe_gate),
    .abi_version = MOE_ABI_VERSION,
    .name = "ten_loss_backward",
    .axis_count = 2,
    .array_count = TEN_B_ARRAYS,
    .axes = axes,
    .arrays = ten_backward_arrays,
    .accumulator_count = 1,
    .pass_count = 1,
    .accumulators = ten_accumulators,
    .accumulator_bytes = sizeof(TenAccumulators),
    .cpu_scratch_bytes = 128,
    .cpu_variant_count = 1,
    .cuda_kernel_count = 1,
    .cpu_variants = ten_backward_variants,
    .cuda_kernels = ten_backward_kernels,
    .cuda_workspace_bytes = 2000,
};

const moe_gate ten_loss_gate = {
    .struct_size = sizeof(moe_gate),
    .abi_version = MOE_ABI_VERSION,
    .name = "ten_loss",
    .axis_count = 2,
    .array_count = TEN_ARRAYS,
    .axes = axes,
    .arrays = ten_arrays,
    .accumulator_count = 1,
    .pass_count = 1,
    .accumulators = ten_accumulators,
    .accumulator_bytes = sizeof(TenAccumulators),
    .cpu_scratch_bytes = 64,
    .cpu_variant_count = 1,
    .cuda_kernel_count = 1,
    .cpu_variants = ten_variants,
    .cuda_source = ten_source,
    .cuda_kernels = ten_kernels,
    .cuda_workspace_bytes = 1024,
    .backward = &ten_loss_backward_gate,
};

/* With h = x - mean(x): output = h, variance = sum(h^2) / (3 T). The gradient of x is the centered gradient of the
 * output, plus scale 2 h / (3 T). Pass 0 makes both means, pass 1 uses them. */
typedef struct MeansAccumulators {
  int64_t tokens;
  float x[CHANNELS], grad[CHANNELS];
} MeansAccumulators;

static void means_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[TWO_B_X], *grad = call->arrays[TWO_B_GRAD_Y];
  MeansAccumulators *into = partial;
  (void)scratch;
  for (int64_t i = begin * CHANNELS; i < end * CHANNELS; ++i) {
    into->x[i % CHANNELS] += x[i];
    into->grad[i % CHANNELS] += grad[i];
  }
}

static void means_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  const MeansAccumulators *from = accumulators;
  float *means = call->arrays[TWO_B_MEANS], tokens = (float)(call->token_count ? call->token_count : 1);
  (void)scratch;
  for (int c = 0; c < CHANNELS; ++c) {
    means[c] = from->x[c] / tokens;
    means[CHANNELS + c] = from->grad[c] / tokens;
  }
}

static void gradient_rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch) {
  const float *x = call->arrays[TWO_B_X], *grad = call->arrays[TWO_B_GRAD_Y], *means = call->arrays[TWO_B_MEANS];
  float scale = *(const float *)call->arrays[TWO_B_SCALE], *result = call->arrays[TWO_B_GRAD_X];
  (void)partial;
  (void)scratch;
  for (int64_t i = begin * CHANNELS; i < end * CHANNELS; ++i)
    result[i] = grad[i] - means[CHANNELS + i % CHANNELS] +
                scale * 2 * (x[i] - means[i % CHANNELS]) / (float)(CHANNELS * call->token_count);
}

static void gradient_finish(const moe_cpu_call *call, const void *accumulators, void *scratch) {
  (void)call;
  (void)accumulators;
  (void)scratch;
}

static const int64_t six[] = {2 * CHANNELS};
static const moe_array two_backward_arrays[TWO_B_ARRAYS] = {
    {"x", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    {"grad_x", MOE_INPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
    SCALE("scale_variance"),
    {"means", MOE_COEFFICIENT, MOE_F32, 1, 0, six, channel_names, 0, 0, 0},
    {"grad_x", MOE_OUTPUT, MOE_F32, 2, 0, token_channel, token_channel_names, 0, 0, 0},
};
static const moe_accumulator two_backward_accumulators[] = {
    {"x", MOE_SUM, MOE_F32, CHANNELS, offsetof(MeansAccumulators, x), 0, 0, 0, 0},
    {"grad", MOE_SUM, MOE_F32, CHANNELS, offsetof(MeansAccumulators, grad), 0, 0, 0, 0},
};
static const moe_cpu_pass two_backward_passes[] = {{means_rows, NULL, means_finish, 0, 0},
                                                   {gradient_rows, NULL, gradient_finish, 0, 0}};
static const moe_cpu_variant two_backward_variants[] = {{"generic", two_backward_passes}};
static const moe_cuda_kernel two_backward_kernels[] = {{"center_backward", 32, 4, 0, 10, 0, 0},
                                                       {"spread_backward", 32, 2, 0, 10, 0, 0}};

const moe_gate two_pass_backward_gate = {
    .struct_size = sizeof(moe_gate),
    .abi_version = MOE_ABI_VERSION,
    .name = "two_pass_backward",
    .axis_count = 2,
    .array_count = TWO_B_ARRAYS,
    .axes = axes,
    .arrays = two_backward_arrays,
    .accumulator_count = 2,
    .pass_count = 2,
    .accumulators = two_backward_accumulators,
    .accumulator_bytes = sizeof(MeansAccumulators),
    .coefficient_bytes = 64,
    .cpu_scratch_bytes = 8,
    .cpu_variant_count = 1,
    .cuda_kernel_count = 2,
    .cpu_variants = two_backward_variants,
    .cuda_kernels = two_backward_kernels,
    .cuda_workspace_bytes = 8000,
};
