// RUN: moe-opt %s --moe-expand-math --canonicalize --cse | FileCheck %s
// f64 is left alone; so is an integer power that is not a small constant. A tensor of run-time size gets its constants by broadcast.
// CHECK-LABEL: moe.gate @f64
moe.gate @f64 {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %n = moe.input "n" : tensor<?xi32, #moe.axes<token>>
  // CHECK: math.exp {{.*}} : tensor<?xf64, #moe.axes<token>>
  %e = math.exp %x : tensor<?xf64, #moe.axes<token>>
  // CHECK: math.ipowi
  %p = math.ipowi %n, %n : tensor<?xi32, #moe.axes<token>>
  moe.output "e" = %e : tensor<?xf64, #moe.axes<token>>
  moe.output "p" = %p : tensor<?xi32, #moe.axes<token>>
}

// CHECK-LABEL: moe.gate @run_time_size
moe.gate @run_time_size {
  // CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f32>
  moe.axis @token
  // CHECK: %[[X:.*]] = moe.input "x"
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  // CHECK-DAG: %[[ONES:.*]] = moe.broadcast %[[ONE]] : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  // CHECK-DAG: %[[ROOT:.*]] = math.sqrt %[[X]]
  // CHECK: arith.divf %[[ONES]], %[[ROOT]]
  %y = math.rsqrt %x : tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %y : tensor<?xf32, #moe.axes<token>>
}

// A square is one product, wherever its exponent comes from.
// CHECK-LABEL: moe.gate @square
moe.gate @square {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %two = arith.constant dense<2.0> : tensor<f32>
  %twos = moe.broadcast %two : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  // CHECK: %[[X:.*]] = moe.input "x"
  // CHECK-NEXT: %[[Y:.*]] = arith.mulf %[[X]], %[[X]]
  // CHECK-NEXT: moe.output "y" = %[[Y]]
  %y = math.powf %x, %twos : tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %y : tensor<?xf32, #moe.axes<token>>
}
