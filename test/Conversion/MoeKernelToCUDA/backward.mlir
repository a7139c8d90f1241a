// A backward program: in one source with its gate; nothing of blocks, partials and tickets where it collects nothing;
// what is the same for every token stands before the loop over rows.
// RUN: moe-opt %s --emit=cuda > %t.cu
// RUN: FileCheck %s < %t.cu
// RUN: FileCheck %s --check-prefix=ONCE < %t.cu

// One source, with one prelude and both kernels in it.
// ONCE-COUNT-1: moe device prelude ---
// ONCE: void __launch_bounds__(256, 2) gate_forward(
// ONCE: void __launch_bounds__(256, 2) gate_backward(
// ONCE-NOT: moe device prelude ---
// ONCE-NOT: __global__

// What is saved is kept if the caller wants it.
// CHECK-LABEL: gate_forward(
// CHECK: int *__restrict__ route_saved, float *__restrict__ share_saved
// CHECK: if (live && route_saved != nullptr && lane < 6) moe_store1(route_saved, row * 6 + lane, route);
// CHECK: if (phase & MOE_FINISH
// CHECK: if (share_saved != nullptr) moe_store1(share_saved, j * 32 + lane, P_sum[j]);
moe_kernel.program @gate {
  moe_kernel.buffer @logits input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @share saved f32 axes ["expert"] sizes [64]
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @logits : !moe_kernel.row<64xf32>
    %route, %w = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    moe_kernel.store %route, @route : !moe_kernel.row<6xi32>
    moe_kernel.accumulate %x, @P : !moe_kernel.row<64xf32>
  } finish {
    %p = moe_kernel.read @P : !moe_kernel.row<64xf32>
    moe_kernel.store %p, @share : !moe_kernel.row<64xf32>
  }
}

// CHECK-LABEL: gate_backward(
// CHECK-NEXT: const unsigned short *__restrict__ grad_weight_in, const int *__restrict__ route_saved,
// CHECK-NEXT: const int *__restrict__ given_in, const float *__restrict__ share_saved, float scale,
// CHECK-NEXT: unsigned short *__restrict__ grad_logits_out, float *__restrict__ grad_given_out
// CHECK-NOT: partials
// CHECK: const int stage =
// CHECK: moe_load4(share_saved, lane * 8 + j, &share[j]);
// CHECK: scaled[j] = share[j] * scale;
// CHECK: for (long long first_row
// CHECK-NOT: scale;
// The saved route is a topk's: no two slots name one expert.
// CHECK: moe_scatter_distinct<64, 8, 6>(shared, stage, lane, &grad_weight, &route);
// CHECK: moe_get4(shared, stage + lane * 8 + j, &{{[a-z_]+}}[j]);
// CHECK-NEXT: moe_sync_warp();
// CHECK: if (phase & MOE_ADD && live) { // onto what stands there
// CHECK-NEXT: unsigned grad_logits_before[4] = {};
// CHECK: moe_load8(grad_logits_out, row * 64 + lane * 8, grad_logits_before);
// CHECK: grad_logits_total[j] += moe_bf16(grad_logits_before[j / 2], j % 2);
// CHECK: grad_logits_packed[j / 2] = moe_pack_bf16(grad_logits_total[j], grad_logits_total[j + 1]);
// CHECK: if (live) moe_store8(grad_logits_out, row * 64 + lane * 8, grad_logits_packed);
// One that the caller gives may name one twice.
// CHECK: moe_scatter<64, 8, 6>(shared, stage, lane, &grad_weight, &given);
// CHECK-NOT: accumulators
// CHECK-NOT: workspace
// CHECK: {{^}}}
moe_kernel.program @gate_backward backward_of @gate {
  moe_kernel.buffer @grad_weight input bf16 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @given input i32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @share saved f32 axes ["expert"] sizes [64]
  moe_kernel.buffer @scale param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @grad_logits output bf16 axes ["token", "expert"] sizes [-1, 64] adds
  moe_kernel.buffer @grad_given output f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %g = moe_kernel.load @grad_weight : !moe_kernel.row<6xf32>
    %route = moe_kernel.load @route : !moe_kernel.row<6xi32>
    %given = moe_kernel.load @given : !moe_kernel.row<6xi32>
    %share = moe_kernel.load @share : !moe_kernel.row<64xf32>
    %scale = moe_kernel.load @scale : f32
    %u = moe_kernel.map (%share : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %scale : f32 loc("scaled = scale * share")
      moe_kernel.yield %0 : f32
    }
    %s = moe_kernel.scatter %g to %route : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
    %x = moe_kernel.map (%s, %u : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %a, %b : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %x, @grad_logits : !moe_kernel.row<64xf32>
    %y = moe_kernel.scatter %g to %given : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
    moe_kernel.store %y, @grad_given : !moe_kernel.row<64xf32>
  } finish {
  }
}
