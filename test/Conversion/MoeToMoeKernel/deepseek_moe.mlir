// RUN: moe-opt %S/../../Dialect/Moe/deepseek_moe.mlir --moe-pipeline=forward-only --moe-kernel-pipeline --remarks-filter="moe.*" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: moe-opt %S/../../Dialect/Moe/deepseek_moe.mlir --moe-pipeline=forward-only --moe-kernel-pipeline | moe-opt | FileCheck %s
// DeepSeekMoE: the softmax, the route, the counts and the sums in the rows; both losses and the metric in the finish.
// REMARK: "gate 'deepseek_moe': 2 losses, 1 metric and 2 outputs in 1 pass over the tokens with 3 accumulators"

// CHECK-LABEL: @deepseek_moe
// CHECK: moe_kernel.accumulator @[[COUNT:.*]] sum i32 sizes [64]
// CHECK: moe_kernel.accumulator @[[P:.*]] sum f32 sizes [64]
// CHECK: moe_kernel.pass rows {
// CHECK: %[[X:.*]] = moe_kernel.load @logits : !moe_kernel.row<64xf32>
// CHECK: %[[MAX:.*]] = moe_kernel.reduce maxnum %[[X]]
// One map for x - max and exp.
// CHECK: %[[E:.*]] = moe_kernel.map(%[[X]] :
// CHECK-NEXT: ^bb0(%[[XE:.*]]: f32):
// CHECK-NEXT: %[[D:.*]] = arith.subf %[[XE]], %[[MAX]] : f32
// CHECK-NEXT: %[[EXP:.*]] = math.exp %[[D]] : f32
// CHECK-NEXT: moe_kernel.yield %[[EXP]] : f32
// CHECK: %[[Z:.*]] = moe_kernel.reduce sum %[[E]]
// CHECK: %[[INV:.*]] = arith.divf %{{.*}}, %[[Z]] : f32
// CHECK: %[[S:.*]] = moe_kernel.map(%[[E]] :
// CHECK: %[[ROUTE:.*]], %{{.*}} = moe_kernel.topk %[[X]] : <64xf32> -> <6xi32>, <6xf32>
// CHECK: %[[W:.*]] = moe_kernel.gather %[[S]][%[[ROUTE]]]
// CHECK: moe_kernel.count %[[ROUTE]], @[[COUNT]]
// CHECK: moe_kernel.accumulate %[[S]], @[[P]]
// CHECK: moe_kernel.store %[[W]], @weight
// CHECK: moe_kernel.store %[[ROUTE]], @route
// CHECK: moe_kernel.accumulate %{{.*}}, @nonfinite
// CHECK: } finish {
// CHECK-DAG: %[[A1:.*]] = moe_kernel.load @alpha1
// CHECK-DAG: %[[A2:.*]] = moe_kernel.load @alpha2
// CHECK-DAG: %[[N:.*]] = moe_kernel.read @[[COUNT]]
// CHECK-DAG: %[[SUM:.*]] = moe_kernel.read @[[P]]
// CHECK-DAG: %[[T:.*]] = moe_kernel.size
// f, P and f * P of an expert are one map.
// CHECK: %[[M:.*]]:3 = moe_kernel.map(%[[SUM]], %[[N]] :
// CHECK: %[[FP:.*]] = moe_kernel.reduce sum %[[M]]#2 : <64xf32> -> f32
// CHECK: %[[L1:.*]] = arith.mulf %[[A1]], %[[FP]] : f32
// CHECK: %[[EMPTY:.*]] = arith.cmpi eq, %[[T]]
// CHECK: %[[L1Z:.*]] = arith.select %[[EMPTY]], %{{.*}}, %[[L1]] : f32
// CHECK: moe_kernel.store %[[L1Z]], @expert_balance
// CHECK: %[[FD:.*]] = moe_kernel.reduce sum %[[M]]#1 : <64xf32> -> !moe_kernel.row<8xf32>
// CHECK: %[[PD:.*]] = moe_kernel.reduce sum %[[M]]#0 : <64xf32> -> !moe_kernel.row<8xf32>
// CHECK: moe_kernel.map(%[[FD]], %[[PD]] :
// CHECK: moe_kernel.store %{{.*}}, @device_balance
// CHECK: moe_kernel.reduce max %[[M]]#1
// CHECK: moe_kernel.store %{{.*}}, @max_violation
// CHECK: moe_kernel.store %{{.*}}, @empty
// CHECK: moe_kernel.store %{{.*}}, @nonfinite_tokens
// CHECK-NOT: moe_kernel.pass
