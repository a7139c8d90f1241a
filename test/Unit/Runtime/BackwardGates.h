/* Gates with a backward program, written by hand in C. */
#ifndef MOE_TEST_BACKWARD_GATES_H
#define MOE_TEST_BACKWARD_GATES_H
#include "Gates.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LOSSES = 10 };

/* Indices of ten_loss_gate's arrays: saved arrays of both kinds stand between the others. */
enum {
  TEN_X,
  TEN_KEPT_SIGN, /* saved i32 [T] */
  TEN_W,
  TEN_SLOPE, /* saved f32 [3] */
  TEN_Y,
  TEN_KEPT_X, /* saved f32 [T, 3] */
  TEN_CURVE,  /* saved f64 [] */
  TEN_LOSS,   /* the first of ten */
  TEN_ARRAYS = TEN_LOSS + LOSSES
};
/* Indices of its backward's arrays. */
enum {
  TEN_B_CURVE,
  TEN_B_KEPT_X,
  TEN_B_W,
  TEN_B_GRAD_Y,
  TEN_B_SCALE, /* the first of ten */
  TEN_B_KEPT_SIGN = TEN_B_SCALE + LOSSES,
  TEN_B_SLOPE,
  TEN_B_GRAD_X, /* adds */
  TEN_B_GRAD_W, /* adds */
  TEN_B_SIGN,   /* does not add */
  TEN_B_ARRAYS
};

/* y[t, c] = w[c] x[t, c]; m[c] = mean over tokens of y[., c]; loss_k = (k + 1) sum over c of m[c]^2.
 * Keeps x, the sign of x[t, 0], slope[c] = 2 m[c] / T, and curve = T. Its backward: g = grad_y + sum over k of
 * scale_k (k + 1) slope; grad_x = w g; grad_w = sum over tokens of x g; sign is what was kept, plus curve. */
extern const moe_gate ten_loss_gate;

/* A backward of two passes for two_pass_gate (Gates.h): a test makes the pair. The mean of the gradient, then what is
 * left of it. */
extern const moe_gate two_pass_backward_gate;
enum { TWO_B_X, TWO_B_GRAD_Y, TWO_B_SCALE, TWO_B_MEANS, TWO_B_GRAD_X, TWO_B_ARRAYS };

#ifdef __cplusplus
}
#endif
#endif
