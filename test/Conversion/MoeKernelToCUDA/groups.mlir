// Groups in their three forms: in one lane, over neighbouring lanes, through shared memory.
// RUN: split-file %s %t
// RUN: moe-opt %t/lane.mlir --emit=cuda | FileCheck %s --check-prefix=LANE
// RUN: moe-opt %t/blocks.mlir --emit=cuda | FileCheck %s --check-prefix=BLOCKS
// RUN: moe-opt %t/uneven.mlir --emit=cuda | FileCheck %s --check-prefix=UNEVEN

// LANE-LABEL: lane_forward(
// LANE: unsigned g_keys[4] = {};
// LANE: moe_top_insert<2>(&g_keys[j / 4 * 2], moe_key(x[j]));
// LANE: g[j] = moe_top_sum<2>(&g_keys[j * 2]);
// LANE: y[j] = g[j / 4];
//--- lane.mlir
moe_kernel.program @lane {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @g output f32 axes ["token", "group"] sizes [-1, 2]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<8xf32>
    %g = moe_kernel.group_top_sum %x, 2 : !moe_kernel.row<8xf32> -> !moe_kernel.row<2xf32>
    moe_kernel.store %g, @g : !moe_kernel.row<2xf32>
    %y = moe_kernel.expand %g : !moe_kernel.row<2xf32> -> !moe_kernel.row<8xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<8xf32>
  } finish {
  }
}

// 64 elements in 8 lanes, two vectors of 4 in each: a group of 8 is one vector of two lanes.
// BLOCKS-LABEL: blocks_forward(
// BLOCKS: float g_part[2] = {-MOE_INFINITY, -MOE_INFINITY};
// BLOCKS: g_part[j / 4] = moe_max(g_part[j / 4], x[j]);
// BLOCKS: const float g_whole = moe_max_lanes<2>(g_part[c]);
// BLOCKS: const float g_received = moe_from_lane<8>(g_whole, lane % 4 * 2);
// BLOCKS: if (c == lane / 4) g = g_received;
// BLOCKS-NOT: moe_put
// BLOCKS: const int i = j / 4 * 32 + lane * 4 + j % 4;
// BLOCKS: if (j % 4 == 0) value = moe_from_lane<8>(g, i / 8);
// BLOCKS: y[j] = value;
// BLOCKS: {{^}}}
//--- blocks.mlir
moe_kernel.program @blocks {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @g output f32 axes ["token", "group"] sizes [-1, 8]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %g = moe_kernel.reduce max %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    moe_kernel.store %g, @g : !moe_kernel.row<8xf32>
    %y = moe_kernel.expand %g : !moe_kernel.row<8xf32> -> !moe_kernel.row<64xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<64xf32>
  } finish {
  }
}

// UNEVEN: static __device__ const int g_members[16] = {
// UNEVEN: static __device__ const int g_starts[4] = {
// UNEVEN-NEXT: 0, 1, 6, 16};
// UNEVEN: static __device__ const int y_group[16] = {
// UNEVEN-LABEL: uneven_forward(
// UNEVEN: moe_put4(shared, stage + {{.*}}, &x[j]);
// UNEVEN-NEXT: moe_sync_warp();
// UNEVEN: const int first = moe_constant(g_starts, {{.*}}), members = moe_constant(g_starts, {{.*}} + 1) - moe_constant(g_starts, {{.*}});
// UNEVEN-NEXT: = moe_sum_members<float, 10>(members, [&](int n) { return moe_get<float>(shared, stage + moe_constant(g_members, first + n)); });
// UNEVEN: moe_sync_warp();
//--- uneven.mlir
moe_kernel.program @uneven {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 16]
  moe_kernel.buffer @g output f32 axes ["token", "group"] sizes [-1, 3]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 16]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<16xf32>
    %g = moe_kernel.reduce sum %x groups [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] : !moe_kernel.row<16xf32> -> !moe_kernel.row<3xf32>
    moe_kernel.store %g, @g : !moe_kernel.row<3xf32>
    %y = moe_kernel.expand %g groups [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] : !moe_kernel.row<3xf32> -> !moe_kernel.row<16xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<16xf32>
  } finish {
  }
}
