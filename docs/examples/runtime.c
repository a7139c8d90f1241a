/* Routes 4096 tokens through deepseek_moe, prints its losses and the gradient of the logits, through the C interface
 * alone. */
#include "deepseek_moe.h" /* moe-opt examples/deepseek_moe.moe --emit=header */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKENS = 4096, EXPERTS = MOE_DEEPSEEK_MOE_SIZE_EXPERT, SLOTS = MOE_DEEPSEEK_MOE_SIZE_ROUTE_SLOT };

static float logits[TOKENS * EXPERTS], weight[TOKENS * SLOTS];
static float grad_logits[TOKENS * EXPERTS], grad_weight[TOKENS * SLOTS];
static int32_t route[TOKENS * SLOTS];

static void check(moe_status status) {
  if (status == MOE_OK)
    return;
  fprintf(stderr, "%s: %s\n", moe_status_name(status), moe_last_error());
  exit(1);
}

static void *block(uint64_t bytes) { /* caller-owned memory, 64-byte aligned */
  return aligned_alloc(MOE_ALIGNMENT, (bytes + MOE_ALIGNMENT - 1) / MOE_ALIGNMENT * MOE_ALIGNMENT);
}

static const int64_t expert_sizes[] = {TOKENS, EXPERTS}, slot_sizes[] = {TOKENS, SLOTS};
static void run_backward(moe_executable *gate, moe_call call);

int main(void) {
  moe_executable *gate = NULL;
  uint64_t workspace_bytes = 0, accumulator_bytes = 0, saved_bytes = 0, coefficient_bytes = 0;
  check(moe_prepare_cpu(&moe_gate_deepseek_moe, 0, NULL, &gate));
  check(moe_workspace_bytes(gate, TOKENS, 0, &workspace_bytes));
  check(moe_accumulator_bytes(gate, &accumulator_bytes));
  check(moe_saved_bytes(gate, TOKENS, 0, &saved_bytes));  /* what forward keeps for backward: of each token, */
  check(moe_coefficient_bytes(gate, &coefficient_bytes)); /* and of all */
  void *workspace = block(workspace_bytes), *accumulators = block(accumulator_bytes);
  void *saved = block(saved_bytes), *coefficients = block(coefficient_bytes);
  check(moe_init_workspace(gate, workspace, workspace_bytes, NULL));

  for (int i = 0; i < TOKENS * EXPERTS; ++i)
    logits[i] = (float)(i * 7919u % 1000u) / 250.0f;

  float expert_balance, device_balance, max_violation, alpha1 = 0.02f;
  int32_t empty, nonfinite_tokens;
  moe_binding bindings[MOE_DEEPSEEK_MOE_ARRAY_COUNT] = {
      [MOE_DEEPSEEK_MOE_ALPHA1] = {.data = &alpha1, .dtype = MOE_F32}, /* alpha2 keeps its default */
      [MOE_DEEPSEEK_MOE_LOGITS] = {.data = logits, .dtype = MOE_F32, .rank = 2, .sizes = expert_sizes},
      [MOE_DEEPSEEK_MOE_WEIGHT] = {.data = weight, .dtype = MOE_F32, .rank = 2, .sizes = slot_sizes},
      [MOE_DEEPSEEK_MOE_ROUTE] = {.data = route, .dtype = MOE_I32, .rank = 2, .sizes = slot_sizes},
      [MOE_DEEPSEEK_MOE_EXPERT_BALANCE] = {.data = &expert_balance, .dtype = MOE_F32},
      [MOE_DEEPSEEK_MOE_DEVICE_BALANCE] = {.data = &device_balance, .dtype = MOE_F32},
      [MOE_DEEPSEEK_MOE_MAX_VIOLATION] = {.data = &max_violation, .dtype = MOE_F32},
      [MOE_DEEPSEEK_MOE_EMPTY] = {.data = &empty, .dtype = MOE_I32},
      [MOE_DEEPSEEK_MOE_NONFINITE_TOKENS] = {.data = &nonfinite_tokens, .dtype = MOE_I32},
  };
  moe_call call = {
      .struct_size = sizeof(moe_call),
      .phase = MOE_FORWARD,
      .token_count = TOKENS,
      .bindings = bindings,
      .accumulators = accumulators,
      .workspace = workspace,
      .workspace_bytes = workspace_bytes,
      .saved = saved, /* null, like coefficients: inference */
      .saved_bytes = saved_bytes,
      .coefficients = coefficients,
      .coefficient_bytes = coefficient_bytes,
  };
  check(moe_run(gate, &call));
  printf("token 0: best expert %d, weight %.4f\n", route[0], weight[0]);
  printf("expert_balance %.6f device_balance %.6f max_violation %.4f\n", expert_balance, device_balance, max_violation);

  run_backward(gate, call);
  moe_release(gate);
  free(workspace);
  free(accumulators);
  free(saved);
  free(coefficients);
  return 0;
}

/* The backward of `call`, which has run: its blocks, its token count, and what it read and wrote. */
static void run_backward(moe_executable *gate, moe_call call) {
  for (int i = 0; i < TOKENS * SLOTS; ++i)
    grad_weight[i] = (float)(i % 5) * 1e-5f; /* what comes back through the experts */
  moe_binding gradients[MOE_DEEPSEEK_MOE_BACKWARD_ARRAY_COUNT] = {
      [MOE_DEEPSEEK_MOE_BACKWARD_ALPHA1] = call.bindings[MOE_DEEPSEEK_MOE_ALPHA1],
      [MOE_DEEPSEEK_MOE_BACKWARD_LOGITS] = call.bindings[MOE_DEEPSEEK_MOE_LOGITS],
      [MOE_DEEPSEEK_MOE_BACKWARD_ROUTE] = call.bindings[MOE_DEEPSEEK_MOE_ROUTE],
      [MOE_DEEPSEEK_MOE_BACKWARD_GRAD_WEIGHT] = {.data = grad_weight, .dtype = MOE_F32, .rank = 2, .sizes = slot_sizes},
      [MOE_DEEPSEEK_MOE_BACKWARD_GRAD_LOGITS] = {.data = grad_logits,
                                                 .dtype = MOE_F32,
                                                 .rank = 2,
                                                 .sizes = expert_sizes},
  }; /* the scales of both losses keep their default, 1 */
  call.phase = 0; /* MOE_ADD would add to grad_logits */
  call.bindings = gradients;
  check(moe_run_backward(gate, &call));
  double norm = 0;
  for (int i = 0; i < TOKENS * EXPERTS; ++i)
    norm += (double)grad_logits[i] * grad_logits[i];
  printf("gradient of the logits: norm %.4e\n", sqrt(norm));
}
