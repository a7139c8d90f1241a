// RUN: moe-opt %S/../samples/deepseek_moe.kernel.mlir --convert-moe-kernel-to-vector -o %t.vector.mlir
// RUN: FileCheck %s --input-file=%t.vector.mlir
// RUN: FileCheck %s --input-file=%t.vector.mlir --check-prefix=NOMATH
// RUN: moe-opt %t.vector.mlir --verify-roundtrip --lower-vector-to-llvm | FileCheck %s --check-prefix=LLVM
// RUN: moe-opt %S/../samples/deepseek_moe.kernel.mlir --moe-kernel-to-llvm | FileCheck %s --check-prefix=LLVM

// A whole gate: two functions with the signatures of moe_cpu_rows and moe_cpu_finish.

// CHECK:      func.func @deepseek_moe_rows0(%{{.*}}: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64,
// CHECK-SAME:   %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: !llvm.ptr {llvm.noalias}) attributes {moe.scratch_bytes
// One loop over tiles, from `begin` to `end`.
// CHECK:      scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step %c16_i64
// The finite check and the maximum share one loop over the row, four elements per turn.
// CHECK:      scf.for {{.*}} to %c64_i64 step %c4_i64 iter_args
// CHECK:        arith.mulf {{.*}} : vector<16xf32>
// CHECK:        arith.cmpf ogt, {{.*}} : vector<16xf32>
// The exponential is a polynomial.
// CHECK:      math.fma {{.*}} : vector<16xf32>
// The finish region is scalar.
// CHECK:      func.func @deepseek_moe_finish0(
// CHECK-NOT:  vector<
// CHECK:      arith.divf {{.*}} : f32

// NOMATH-NOT: math.{{(exp|log|tanh|powf)}}

// LLVM-NOT:   llvm.call
// LLVM-NOT:   memcpy
// LLVM-NOT:   scf.
// LLVM-NOT:   vector.
// LLVM-NOT:   fastmath
// LLVM:       llvm.func @deepseek_moe_rows0
// LLVM:       llvm.intr.fma({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
// LLVM-NOT:   llvm.call
// LLVM-NOT:   memcpy
