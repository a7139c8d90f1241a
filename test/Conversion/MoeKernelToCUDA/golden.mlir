// The CUDA of examples/deepseek_moe.moe, line by line (written by update-golden).
// RUN: moe-opt %src_root/examples/deepseek_moe.moe --emit=cuda | FileCheck %s --match-full-lines --strict-whitespace
//CHECK:// What one block hands on, in quads of 16 bytes.
//CHECK-NEXT:struct deepseek_moe_forward_layout {
//CHECK-NEXT:  static MOE_DEVICE moe_quad neutral(int quad) {
//CHECK-NEXT:    return moe_fill<int>(0); // f_sum, P_sum, nonfinite
//CHECK-NEXT:  }
//CHECK-NEXT:  static MOE_DEVICE void combine(int quad, moe_quad &into, const moe_quad &from) {
//CHECK-NEXT:    if (quad < 16) return moe_combine<moe_Sum, int>(into, from); // f_sum
//CHECK-NEXT:    if (quad < 32) return moe_combine<moe_Sum, float>(into, from); // P_sum
//CHECK-NEXT:    return moe_combine<moe_Sum, int>(into, from); // nonfinite
//CHECK-NEXT:  }
//CHECK-NEXT:  static MOE_DEVICE int at(int quad) {
//CHECK-NEXT:    return quad + 1; // f_sum, P_sum, nonfinite
//CHECK-NEXT:  }
//CHECK-NEXT:};
//CHECK-EMPTY:
//CHECK-NEXT:extern "C" __global__ void __launch_bounds__(256, 2) deepseek_moe_forward(
//CHECK-NEXT:    float alpha1, float alpha2, const float *__restrict__ logits_in, float *__restrict__ expert_balance_out,
//CHECK-NEXT:    float *__restrict__ device_balance_out, float *__restrict__ max_violation_out, float *__restrict__ weight_out,
//CHECK-NEXT:    int *__restrict__ route_out, float *__restrict__ saved_f_saved, float *__restrict__ saved_f_2_saved,
//CHECK-NEXT:    float *__restrict__ saved_device_balance_saved, int *__restrict__ empty_out,
//CHECK-NEXT:    int *__restrict__ nonfinite_tokens_out, void *accumulators, void *workspace, long long token_count, int phase) {
//CHECK-NEXT:  __shared__ __align__(16) unsigned shared[2048];
//CHECK-NEXT:  moe_quad *const partials = moe_at<moe_quad>(workspace, 64);
//CHECK-NEXT:  if (phase & MOE_ACCUMULATE) {
//CHECK-NEXT:    const int lane = threadIdx.x % 8; // of the 8 lanes that hold a row
//CHECK-NEXT:    const int stage = threadIdx.x / 8 * 64; // this row's part of shared
//CHECK-NEXT:    int f_sum[8] = {};
//CHECK-NEXT:    float P_sum[8] = {};
//CHECK-NEXT:    int nonfinite_sum = 0;
//CHECK-NEXT:    // this block's tokens
//CHECK-NEXT:    const long long begin = token_count * blockIdx.x / gridDim.x;
//CHECK-NEXT:    const long long end = token_count * (blockIdx.x + 1) / gridDim.x;
//CHECK-NEXT:    float logits_next[8] = {};
//CHECK-NEXT:    const long long start = begin + threadIdx.x / 8;
//CHECK-NEXT:    if (start < end) {
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:        moe_load4(logits_in, start * 64 + j / 4 * 32 + lane * 4 + j % 4, &logits_next[j]);
//CHECK-NEXT:    }
//CHECK-NEXT:    for (long long first_row = begin + threadIdx.x / 32 * 4; first_row < end; first_row += 32) {
//CHECK-NEXT:      const long long row = first_row + threadIdx.x % 32 / 8;
//CHECK-NEXT:      const bool live = row < end;
//CHECK-NEXT:      float logits[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        logits[j] = logits_next[j];
//CHECK-NEXT:      // the next row is on its way while this one is worked on
//CHECK-NEXT:      const long long next = row + 32;
//CHECK-NEXT:      if (next < end) {
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:        for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:          moe_load4(logits_in, next * 64 + j / 4 * 32 + lane * 4 + j % 4, &logits_next[j]);
//CHECK-NEXT:      }
//CHECK-NEXT:      // s = softmax(logits, expert)
//CHECK-NEXT:      float s_maxnum = -MOE_INFINITY;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        s_maxnum = moe_maxnum(s_maxnum, logits[j]);
//CHECK-NEXT:      s_maxnum = moe_maxnum_lanes<8>(s_maxnum);
//CHECK-NEXT:      float s_power[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        s_power[j] = moe_exp(logits[j] - s_maxnum);
//CHECK-NEXT:      const float s_sum = moe_sum_row<8, 4, 8>(s_power);
//CHECK-NEXT:      const float s_quotient = 1.0f / s_sum;
//CHECK-NEXT:      float s[8];
//CHECK-NEXT:      unsigned route_key[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:        s[j] = s_power[j] * s_quotient;
//CHECK-NEXT:        // route = topk(s, k, expert)
//CHECK-NEXT:        route_key[j] = moe_key(logits[j]);
//CHECK-NEXT:      }
//CHECK-NEXT:      int route = -1;
//CHECK-NEXT:      // the greatest key of each lane first
//CHECK-NEXT:      unsigned route_list[8], route_least = 0;
//CHECK-NEXT:      int route_place[8];
//CHECK-NEXT:      bool route_tied = false;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:        route_list[j] = route_key[j];
//CHECK-NEXT:        route_place[j] = j / 4 * 32 + lane * 4 + j % 4;
//CHECK-NEXT:      }
//CHECK-NEXT:      moe_sort<8>(route_list, route_place);
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int k = 0; k < 6; ++k) {
//CHECK-NEXT:        // the greatest key, and the first position that has it
//CHECK-NEXT:        route_least = moe_max_lanes<8>(route_list[0]);
//CHECK-NEXT:        const int first = moe_min_lanes<8>(route_list[0] == route_least ? route_place[0] : 64);
//CHECK-NEXT:        const bool mine = route_place[0] == first;
//CHECK-NEXT:        if (mine && route_list[1] == route_least) route_tied = true;
//CHECK-NEXT:        moe_drop<8>(route_list, mine);
//CHECK-NEXT:        moe_drop<8>(route_place, mine);
//CHECK-NEXT:        if (lane == k) route = first;
//CHECK-NEXT:      }
//CHECK-NEXT:      if (moe_any(route_tied || route_list[0] == route_least)) { // equal keys
//CHECK-NEXT:        route = -1;
//CHECK-NEXT:#pragma unroll 1
//CHECK-NEXT:        for (int k = 0; k < 6; ++k) {
//CHECK-NEXT:          // the greatest key, and the first position that has it
//CHECK-NEXT:          unsigned best = 0;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:          for (int j = 0; j < 8; ++j)
//CHECK-NEXT:            best = moe_max(best, route_key[j]);
//CHECK-NEXT:          best = moe_max_lanes<8>(best);
//CHECK-NEXT:          int first = 64;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:          for (int j = 7; j >= 0; --j)
//CHECK-NEXT:            if (route_key[j] == best) first = j / 4 * 32 + lane * 4 + j % 4;
//CHECK-NEXT:          first = moe_min_lanes<8>(first);
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:          for (int j = 0; j < 8; ++j)
//CHECK-NEXT:            if (j / 4 * 32 + lane * 4 + j % 4 == first) route_key[j] = 0;
//CHECK-NEXT:          if (lane == k) route = first;
//CHECK-NEXT:        }
//CHECK-NEXT:      } else {
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:        for (int j = 0; j < 8; ++j)
//CHECK-NEXT:          if (route_key[j] >= route_least) route_key[j] = 0;
//CHECK-NEXT:      }
//CHECK-NEXT:      // weight = s[route]
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:        moe_put4(shared, stage + j / 4 * 32 + lane * 4 + j % 4, &s[j]);
//CHECK-NEXT:      moe_sync_warp();
//CHECK-NEXT:      const float weight = route < 0 ? 0.0f : moe_get<float>(shared, stage + route);
//CHECK-NEXT:      moe_sync_warp();
//CHECK-NEXT:      // f = count(route) * size(expert) / (k * size(token))
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:        if (live) f_sum[j] += route_key[j] == 0;
//CHECK-NEXT:        // P = mean(s, token)
//CHECK-NEXT:        if (live) P_sum[j] += s[j];
//CHECK-NEXT:      }
//CHECK-NEXT:      // output weight
//CHECK-NEXT:      if (live && lane < 6) moe_store1(weight_out, row * 6 + lane, weight);
//CHECK-NEXT:      // output route
//CHECK-NEXT:      if (live && lane < 6) moe_store1(route_out, row * 6 + lane, route);
//CHECK-NEXT:      // status nonfinite_tokens = tokens with a NaN or an infinity
//CHECK-NEXT:      float nonfinite_tokens_t[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        nonfinite_tokens_t[j] = logits[j] * 0.0f;
//CHECK-NEXT:      const float nonfinite_tokens_sum = moe_sum_row<8, 4, 8>(nonfinite_tokens_t);
//CHECK-NEXT:      if (live) nonfinite_sum += nonfinite_tokens_sum != 0.0f;
//CHECK-NEXT:    }
//CHECK-NEXT:    if (accumulators == nullptr)
//CHECK-NEXT:      return;
//CHECK-NEXT:    // what the rows have left in registers: over the rows of a warp, over warps, then to the workspace
//CHECK-NEXT:    moe_sync_block();
//CHECK-NEXT:    const int words = threadIdx.x / 32 * 132;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:      const int whole = moe_sum_rows<8>(f_sum[j]);
//CHECK-NEXT:      if (threadIdx.x % 32 < 8) moe_put(shared, words + j / 4 * 32 + lane * 4 + j % 4, whole);
//CHECK-NEXT:    }
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:      const float whole = moe_sum_rows<8>(P_sum[j]);
//CHECK-NEXT:      if (threadIdx.x % 32 < 8) moe_put(shared, words + 64 + j / 4 * 32 + lane * 4 + j % 4, whole);
//CHECK-NEXT:    }
//CHECK-NEXT:    const int nonfinite_sum_warp = moe_sum_rows<8>(nonfinite_sum);
//CHECK-NEXT:    if (threadIdx.x % 32 < 4)
//CHECK-NEXT:      moe_put(shared, words + 128 + threadIdx.x % 32, threadIdx.x % 32 == 0 ? nonfinite_sum_warp : 0);
//CHECK-NEXT:    moe_publish<deepseek_moe_forward_layout, 33, 8>(shared, partials);
//CHECK-NEXT:    if (!moe_arrive_last(moe_at<unsigned>(workspace, 0), shared))
//CHECK-NEXT:      return;
//CHECK-NEXT:  } else if (blockIdx.x > 0) {
//CHECK-NEXT:    return;
//CHECK-NEXT:  }
//CHECK-NEXT:  // the last block adds up what all blocks have left
//CHECK-NEXT:  if (phase & (MOE_ACCUMULATE | MOE_RESET)) {
//CHECK-NEXT:    const bool reset = phase & MOE_RESET;
//CHECK-NEXT:    const int blocks = phase & MOE_ACCUMULATE ? gridDim.x : 0;
//CHECK-NEXT:    moe_collect<deepseek_moe_forward_layout, 33, 7, 256>(
//CHECK-NEXT:        moe_at<moe_quad>(accumulators, 0), partials, blocks, reset, shared);
//CHECK-NEXT:    if (threadIdx.x == 0) {
//CHECK-NEXT:      long long *const counted = moe_at<long long>(accumulators, 0);
//CHECK-NEXT:      const long long before = reset ? 0 : moe_load1(counted, 0);
//CHECK-NEXT:      moe_store1(counted, 0, before + (phase & MOE_ACCUMULATE ? token_count : 0));
//CHECK-NEXT:    }
//CHECK-NEXT:    moe_sync_block();
//CHECK-NEXT:  }
//CHECK-NEXT:  // one warp finishes
//CHECK-NEXT:  if (phase & MOE_FINISH && threadIdx.x < 32) {
//CHECK-NEXT:    const int lane = threadIdx.x;
//CHECK-NEXT:    // f = count(route) * size(expert) / (k * size(token))
//CHECK-NEXT:    int f_sum[2] = {};
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 2; ++j)
//CHECK-NEXT:      f_sum[j] = moe_load1(moe_at<const int>(accumulators, 16), j * 32 + lane);
//CHECK-NEXT:    const int f_tokens = (int)moe_load1(moe_at<const long long>(accumulators, 0), 0);
//CHECK-NEXT:    const float f_t = (float)f_tokens;
//CHECK-NEXT:    const float f_t2 = f_t * 6.0f;
//CHECK-NEXT:    // P = mean(s, token)
//CHECK-NEXT:    float P_sum[2] = {};
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 2; ++j)
//CHECK-NEXT:      P_sum[j] = moe_load1(moe_at<const float>(accumulators, 272), j * 32 + lane);
//CHECK-NEXT:    float P[2];
//CHECK-NEXT:    float f[2];
//CHECK-NEXT:    float expert_balance_t[2];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 2; ++j) {
//CHECK-NEXT:      P[j] = P_sum[j] / f_t;
//CHECK-NEXT:      f[j] = (float)f_sum[j] * 64.0f / f_t2;
//CHECK-NEXT:      // loss expert_balance = alpha1 * sum(f * P)
//CHECK-NEXT:      expert_balance_t[j] = f[j] * P[j];
//CHECK-NEXT:    }
//CHECK-NEXT:    const float expert_balance_sum = moe_sum_row<32, 1, 2>(expert_balance_t);
//CHECK-NEXT:    const bool condition = f_tokens == 0;
//CHECK-NEXT:    if (lane == 0) moe_store1(expert_balance_out, 0, condition ? 0.0f : alpha1 * expert_balance_sum);
//CHECK-NEXT:    // loss device_balance = alpha2 * sum(mean(f, expert -> device) * sum(P, expert -> device))
//CHECK-NEXT:    float device_balance_sum = 0;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int c = 0; c < 2; ++c) {
//CHECK-NEXT:      const float device_balance_sum_whole = moe_sum_row<8, 1, 1>(f + c * 1);
//CHECK-NEXT:      const float device_balance_sum_received = moe_from_lane<32>(device_balance_sum_whole, lane % 4 * 8);
//CHECK-NEXT:      if (c == lane / 4) device_balance_sum = device_balance_sum_received;
//CHECK-NEXT:    }
//CHECK-NEXT:    float device_balance_sum2 = 0;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int c = 0; c < 2; ++c) {
//CHECK-NEXT:      const float device_balance_sum2_whole = moe_sum_row<8, 1, 1>(P + c * 1);
//CHECK-NEXT:      const float device_balance_sum2_received = moe_from_lane<32>(device_balance_sum2_whole, lane % 4 * 8);
//CHECK-NEXT:      if (c == lane / 4) device_balance_sum2 = device_balance_sum2_received;
//CHECK-NEXT:    }
//CHECK-NEXT:    const float device_balance_quotient = device_balance_sum / 8.0f;
//CHECK-NEXT:    const float device_balance_t = device_balance_quotient * device_balance_sum2;
//CHECK-NEXT:    const float device_balance_sum3 = moe_sum_lanes<32>(lane < 8 ? device_balance_t : -0.0f);
//CHECK-NEXT:    if (lane == 0) moe_store1(device_balance_out, 0, condition ? 0.0f : alpha2 * device_balance_sum3);
//CHECK-NEXT:    // metric max_violation = max(f) - 1
//CHECK-NEXT:    float max_violation_max = -MOE_INFINITY;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 2; ++j)
//CHECK-NEXT:      max_violation_max = moe_max(max_violation_max, f[j]);
//CHECK-NEXT:    max_violation_max = moe_max_lanes<32>(max_violation_max);
//CHECK-NEXT:    if (lane == 0) moe_store1(max_violation_out, 0, condition ? MOE_NAN : max_violation_max - 1.0f);
//CHECK-NEXT:    if (saved_f_saved != nullptr && lane == 0) moe_store1(saved_f_saved, 0, f_t);
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 2; ++j)
//CHECK-NEXT:      if (saved_f_2_saved != nullptr) moe_store1(saved_f_2_saved, j * 32 + lane, f[j]);
//CHECK-NEXT:    if (saved_device_balance_saved != nullptr && lane < 8) moe_store1(saved_device_balance_saved, lane, device_balance_quotient);
//CHECK-NEXT:    // status empty = no tokens
//CHECK-NEXT:    if (lane == 0) moe_store1(empty_out, 0, condition);
//CHECK-NEXT:    // status nonfinite_tokens = tokens with a NaN or an infinity
//CHECK-NEXT:    const int nonfinite_sum = moe_load1(moe_at<const int>(accumulators, 528), 0);
//CHECK-NEXT:    if (lane == 0) moe_store1(nonfinite_tokens_out, 0, nonfinite_sum);
//CHECK-NEXT:  }
//CHECK-NEXT:}
//CHECK-EMPTY:
//CHECK-NEXT:extern "C" __global__ void __launch_bounds__(256, 2) deepseek_moe_backward(
//CHECK-NEXT:    float alpha1, float alpha2, const float *__restrict__ logits_in, const int *__restrict__ route_in,
//CHECK-NEXT:    const float *__restrict__ saved_f_saved, const float *__restrict__ saved_f_2_saved,
//CHECK-NEXT:    const float *__restrict__ saved_device_balance_saved, float scale_expert_balance, float scale_device_balance,
//CHECK-NEXT:    const float *__restrict__ grad_weight_in, float *__restrict__ grad_logits_out, void *accumulators,
//CHECK-NEXT:    void *workspace, long long token_count, int phase) {
//CHECK-NEXT:  __shared__ __align__(16) unsigned shared[2048];
//CHECK-NEXT:  if (phase & MOE_ACCUMULATE) {
//CHECK-NEXT:    const int lane = threadIdx.x % 8; // of the 8 lanes that hold a row
//CHECK-NEXT:    const int stage = threadIdx.x / 8 * 64; // this row's part of shared
//CHECK-NEXT:    // f = count(route) * size(expert) / (k * size(token))
//CHECK-NEXT:    const float saved_f = moe_load1(saved_f_saved, 0);
//CHECK-NEXT:    float saved_f_2[8] = {};
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:      moe_load4(saved_f_2_saved, j / 4 * 32 + lane * 4 + j % 4, &saved_f_2[j]);
//CHECK-NEXT:    // loss device_balance = alpha2 * sum(mean(f, expert -> device) * sum(P, expert -> device))
//CHECK-NEXT:    float saved_device_balance = 0;
//CHECK-NEXT:    saved_device_balance = moe_load1(saved_device_balance_saved, lane);
//CHECK-NEXT:    const float device_balance_t = scale_device_balance * alpha2;
//CHECK-NEXT:    const float device_balance_t2 = device_balance_t * saved_device_balance;
//CHECK-NEXT:    float value = 0;
//CHECK-NEXT:    float device_balance[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:      const int i = j / 4 * 32 + lane * 4 + j % 4;
//CHECK-NEXT:      if (j % 4 == 0) value = moe_from_lane<8>(device_balance_t2, i / 8);
//CHECK-NEXT:      device_balance[j] = value;
//CHECK-NEXT:    }
//CHECK-NEXT:    // loss expert_balance = alpha1 * sum(f * P)
//CHECK-NEXT:    const float expert_balance = scale_expert_balance * alpha1;
//CHECK-NEXT:    // P = mean(s, token)
//CHECK-NEXT:    float P[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:    for (int j = 0; j < 8; ++j)
//CHECK-NEXT:      P[j] = (device_balance[j] + expert_balance * saved_f_2[j]) / saved_f;
//CHECK-NEXT:    // this block's tokens
//CHECK-NEXT:    const long long begin = token_count * blockIdx.x / gridDim.x;
//CHECK-NEXT:    const long long end = token_count * (blockIdx.x + 1) / gridDim.x;
//CHECK-NEXT:    float logits_next[8] = {};
//CHECK-NEXT:    int route_next = -1;
//CHECK-NEXT:    float grad_weight_next = 0;
//CHECK-NEXT:    const long long start = begin + threadIdx.x / 8;
//CHECK-NEXT:    if (start < end) {
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:        moe_load4(logits_in, start * 64 + j / 4 * 32 + lane * 4 + j % 4, &logits_next[j]);
//CHECK-NEXT:      if (lane < 6) route_next = moe_load1(route_in, start * 6 + lane);
//CHECK-NEXT:      if (lane < 6) grad_weight_next = moe_load1(grad_weight_in, start * 6 + lane);
//CHECK-NEXT:    }
//CHECK-NEXT:    for (long long first_row = begin + threadIdx.x / 32 * 4; first_row < end; first_row += 32) {
//CHECK-NEXT:      const long long row = first_row + threadIdx.x % 32 / 8;
//CHECK-NEXT:      const bool live = row < end;
//CHECK-NEXT:      float logits[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        logits[j] = logits_next[j];
//CHECK-NEXT:      const int route = route_next;
//CHECK-NEXT:      const float grad_weight = grad_weight_next;
//CHECK-NEXT:      // the next row is on its way while this one is worked on
//CHECK-NEXT:      const long long next = row + 32;
//CHECK-NEXT:      if (next < end) {
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:        for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:          moe_load4(logits_in, next * 64 + j / 4 * 32 + lane * 4 + j % 4, &logits_next[j]);
//CHECK-NEXT:        if (lane < 6) route_next = moe_load1(route_in, next * 6 + lane);
//CHECK-NEXT:        if (lane < 6) grad_weight_next = moe_load1(grad_weight_in, next * 6 + lane);
//CHECK-NEXT:      }
//CHECK-NEXT:      // s = softmax(logits, expert)
//CHECK-NEXT:      float s_maxnum = -MOE_INFINITY;
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        s_maxnum = moe_maxnum(s_maxnum, logits[j]);
//CHECK-NEXT:      s_maxnum = moe_maxnum_lanes<8>(s_maxnum);
//CHECK-NEXT:      float s_power[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        s_power[j] = moe_exp(logits[j] - s_maxnum);
//CHECK-NEXT:      const float s_sum = moe_sum_row<8, 4, 8>(s_power);
//CHECK-NEXT:      const float s_quotient = 1.0f / s_sum;
//CHECK-NEXT:      // route = topk(s, k, expert)
//CHECK-NEXT:      const int route2 = (unsigned)route < (unsigned)64 ? route : -1;
//CHECK-NEXT:      // weight = s[route]
//CHECK-NEXT:      float weight_scattered[8];
//CHECK-NEXT:      moe_scatter<64, 8, 6>(shared, stage, lane, &grad_weight, &route2);
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:        moe_get4(shared, stage + j / 4 * 32 + lane * 4 + j % 4, &weight_scattered[j]);
//CHECK-NEXT:      moe_sync_warp();
//CHECK-NEXT:      float s_t[8];
//CHECK-NEXT:      float weight[8];
//CHECK-NEXT:      float s_t2[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j) {
//CHECK-NEXT:        s_t[j] = s_power[j] * s_quotient;
//CHECK-NEXT:        weight[j] = P[j] + weight_scattered[j];
//CHECK-NEXT:        s_t2[j] = weight[j] * s_t[j];
//CHECK-NEXT:      }
//CHECK-NEXT:      const float s_sum2 = moe_sum_row<8, 4, 8>(s_t2);
//CHECK-NEXT:      float s[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        s[j] = s_t[j] * (weight[j] - s_sum2);
//CHECK-NEXT:      // input logits : float[token, expert]
//CHECK-NEXT:      float grad_logits_total[8];
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; ++j)
//CHECK-NEXT:        grad_logits_total[j] = s[j];
//CHECK-NEXT:      if (phase & MOE_ADD && live) { // onto what stands there
//CHECK-NEXT:        float grad_logits_before[8] = {};
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:        for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:          moe_load4(grad_logits_out, row * 64 + j / 4 * 32 + lane * 4 + j % 4, &grad_logits_before[j]);
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:        for (int j = 0; j < 8; ++j)
//CHECK-NEXT:          grad_logits_total[j] += grad_logits_before[j];
//CHECK-NEXT:      }
//CHECK-NEXT:#pragma unroll
//CHECK-NEXT:      for (int j = 0; j < 8; j += 4)
//CHECK-NEXT:        if (live) moe_store4(grad_logits_out, row * 64 + j / 4 * 32 + lane * 4 + j % 4, &grad_logits_total[j]);
//CHECK-NEXT:    }
//CHECK-NEXT:  }
//CHECK-NEXT:}
