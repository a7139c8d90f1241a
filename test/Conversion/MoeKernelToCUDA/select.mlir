// topk, chosen, count, gather, slice, extract.
// RUN: moe-opt %s --emit=cuda | FileCheck %s
// CHECK-LABEL: select_forward(
moe_kernel.program @select {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @allowed input i1 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, 4]
  moe_kernel.buffer @weight output f32 axes ["token", "slot"] sizes [-1, 4]
  moe_kernel.buffer @first output i32 axes ["token", "slot"] sizes [-1, 1]
  moe_kernel.buffer @second output i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @mask output i1 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.accumulator @load sum i32 sizes [64]
  moe_kernel.accumulator @firsts sum i32 sizes [64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %allowed = moe_kernel.load @allowed : !moe_kernel.row<64xi1>
    // A masked element has key 1; a round that finds nothing better gives -1.
    // CHECK: route_key[j] = allowed[j] ? moe_key(x[j]) : 1;
    // CHECK: int route = -1;
    // CHECK: for (int k = 0; k < 4; ++k) {
    // CHECK: best = moe_max_lanes<8>(best);
    // CHECK: first = moe_min_lanes<8>(first);
    // CHECK: if (best == 1) first = -1;
    // CHECK: == first) route_key[j] = 0;
    // CHECK: if (lane == k) route = first;
    %route, %best = moe_kernel.topk %x mask %allowed : !moe_kernel.row<64xi1> : !moe_kernel.row<64xf32> -> !moe_kernel.row<4xi32>, !moe_kernel.row<4xf32>
    // CHECK: if (live && lane < 4) moe_store1(route_out, row * 4 + lane, route);
    moe_kernel.store %route, @route : !moe_kernel.row<4xi32>
    // The marks are the keys; no second search.
    // CHECK: if (live) load_sum[j] += route_key[j] == 0;
    moe_kernel.count %route, @load : !moe_kernel.row<4xi32>
    // CHECK: moe_store1(mask_out, {{.*}}, route_key[j] == 0);
    %mask = moe_kernel.chosen %route : !moe_kernel.row<4xi32> -> !moe_kernel.row<64xi1>
    moe_kernel.store %mask, @mask : !moe_kernel.row<64xi1>
    // CHECK: moe_put4(shared, stage + {{.*}}, &x[j]);
    // CHECK-NEXT: moe_sync_warp();
    // CHECK-NEXT: const float weight = route < 0 ? 0.0f : moe_get<float>(shared, stage + route);
    // CHECK-NEXT: moe_sync_warp();
    %weight = moe_kernel.gather %x[%route] : !moe_kernel.row<64xf32>, !moe_kernel.row<4xi32> -> !moe_kernel.row<4xf32>
    moe_kernel.store %weight, @weight : !moe_kernel.row<4xf32>
    // CHECK: if (live && lane < 1) moe_store1(first_out, row + lane, route);
    %first = moe_kernel.slice %route : !moe_kernel.row<4xi32> -> !moe_kernel.row<1xi32>
    moe_kernel.store %first, @first : !moe_kernel.row<1xi32>
    // CHECK: for (int k = 0; k < 1; ++k) {
    // CHECK-NEXT: const int at = moe_from_lane<8>(route, k);
    // CHECK: if (live && {{.*}} == at) ++firsts_sum[j];
    moe_kernel.count %first, @firsts : !moe_kernel.row<1xi32>
    // CHECK: const int second = moe_from_lane<8>(route, 1);
    %second = moe_kernel.extract %route[1] : !moe_kernel.row<4xi32> -> i32
    moe_kernel.store %second, @second : i32
  } finish {
  }
}
