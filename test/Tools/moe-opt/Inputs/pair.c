/* Forward and backward of the gate in pair.kernel.mlir for two tokens, through the C interface alone. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>

static void check(moe_status status) {
  if (status == MOE_OK)
    return;
  fprintf(stderr, "%s: %s\n", moe_status_name(status), moe_last_error());
  exit(1);
}

static void *block(uint64_t bytes) { return aligned_alloc(MOE_ALIGNMENT, (bytes + MOE_ALIGNMENT) / 64 * 64); }

int main(void) {
  const int64_t wide[] = {2, MOE_PAIR_SIZE_EXPERT}, narrow[] = {2}, experts[] = {MOE_PAIR_SIZE_EXPERT};
  float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, w[] = {1, 1, -1, 0.5f}, y[8], loss;
  float scale = 2, grad_y[] = {0, 0, 0, 0, -1, -4, 0, -1}, grad_x[8], grad_w[4], s[2];
  uint64_t workspace_bytes, accumulator_bytes, saved_bytes, coefficient_bytes;
  moe_executable *gate;
  check(moe_prepare_cpu(&moe_gate_pair, 1, NULL, &gate));
  check(moe_workspace_bytes(gate, 2, 0, &workspace_bytes));
  check(moe_accumulator_bytes(gate, &accumulator_bytes));
  check(moe_saved_bytes(gate, 2, 0, &saved_bytes));
  check(moe_coefficient_bytes(gate, &coefficient_bytes));
  printf("kept %d and %d bytes\n", (int)saved_bytes, (int)coefficient_bytes);
  moe_binding forward[MOE_PAIR_ARRAY_COUNT] = {
      [MOE_PAIR_X] = {.data = x, .dtype = MOE_F32, .rank = 2, .sizes = wide},
      [MOE_PAIR_W] = {.data = w, .dtype = MOE_F32, .rank = 1, .sizes = experts},
      [MOE_PAIR_Y] = {.data = y, .dtype = MOE_F32, .rank = 2, .sizes = wide},
      [MOE_PAIR_L] = {.data = &loss, .dtype = MOE_F32},
  };
  moe_call call = {
      .struct_size = sizeof(moe_call),
      .phase = MOE_FORWARD,
      .token_count = 2,
      .bindings = forward,
      .accumulators = block(accumulator_bytes),
      .workspace = block(workspace_bytes),
      .workspace_bytes = workspace_bytes,
      .saved = block(saved_bytes),
      .saved_bytes = saved_bytes,
      .coefficients = block(coefficient_bytes),
      .coefficient_bytes = coefficient_bytes,
  };
  check(moe_init_workspace(gate, call.workspace, workspace_bytes, NULL));
  check(moe_run(gate, &call));
  printf("l = %.2f\n", (double)loss);
  moe_binding backward[MOE_PAIR_BACKWARD_ARRAY_COUNT] = {
      [MOE_PAIR_BACKWARD_X] = forward[MOE_PAIR_X],
      [MOE_PAIR_BACKWARD_W] = forward[MOE_PAIR_W],
      [MOE_PAIR_BACKWARD_Y] = forward[MOE_PAIR_Y],
      [MOE_PAIR_BACKWARD_GRAD_Y] = {.data = grad_y, .dtype = MOE_F32, .rank = 2, .sizes = wide},
      [MOE_PAIR_BACKWARD_GRAD_X] = {.data = grad_x, .dtype = MOE_F32, .rank = 2, .sizes = wide},
      [MOE_PAIR_BACKWARD_GRAD_W] = {.data = grad_w, .dtype = MOE_F32, .rank = 1, .sizes = experts},
      [MOE_PAIR_BACKWARD_SCALE_L] = {.data = &scale, .dtype = MOE_F32},
      [MOE_PAIR_BACKWARD_S] = {.data = s, .dtype = MOE_F32, .rank = 1, .sizes = narrow},
  };
  call.bindings = backward;
  call.phase = 0;
  check(moe_run_backward(gate, &call));
  printf("grad_x[1] = %.2f %.2f %.2f %.2f\n", (double)grad_x[4], (double)grad_x[5], (double)grad_x[6],
         (double)grad_x[7]);
  call.phase = MOE_ADD;
  check(moe_run_backward(gate, &call));
  printf("added: %.2f %.2f %.2f %.2f\n", (double)grad_x[4], (double)grad_x[5], (double)grad_x[6], (double)grad_x[7]);
  printf("grad_w = %.2f %.2f %.2f %.2f\n", (double)grad_w[0], (double)grad_w[1], (double)grad_w[2], (double)grad_w[3]);
  moe_release(gate);
  free(call.accumulators);
  free(call.workspace);
  free(call.saved);
  free(call.coefficients);
  return 0;
}
