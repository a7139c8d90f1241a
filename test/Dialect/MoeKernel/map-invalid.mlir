// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.map refuses.

// no result
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op makes nothing}}
    "moe_kernel.map"(%x) ({
    ^bb0(%e: f32):
      moe_kernel.yield
    }) : (!moe_kernel.row<64xf32>) -> ()
  } finish {
  }
}

// -----

// rows of two sizes
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op mixes rows of 6 and 64 elements}}
    %y = moe_kernel.map (%v : !moe_kernel.row<6xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      moe_kernel.yield %e : f32
    }
  } finish {
  }
}

// -----

// another number of arguments
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op has 1 inputs, but its body takes 0}}
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
      %c = arith.constant 1.0 : f32
      moe_kernel.yield %c : f32
    }
  } finish {
  }
}

// -----

// an argument of another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op passes '!moe_kernel.row<64xf32>' to a body argument of type 'f64'}}
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f64):
      %c = arith.constant 1.0 : f32
      moe_kernel.yield %c : f32
    }
  } finish {
  }
}

// -----

// no yield
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      // expected-error@+1 {{block with no terminator, has %3 = "arith.negf"(%arg0) <{fastmath = #arith.fastmath<none>}> : (f32) -> f32}}
      %f = arith.negf %e : f32
    }
  } finish {
  }
}

// -----

// an empty body
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op expects a non-empty block}}
    %y = moe_kernel.map -> !moe_kernel.row<64xf32> {
    ^bb0:
    }
  } finish {
  }
}

// -----

// another number of yielded values
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op yields 2 values for 1 results}}
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      moe_kernel.yield %e, %e : f32, f32
    }
  } finish {
  }
}

// -----

// a yielded value of another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.map' op yields 'f32' for a result of type '!moe_kernel.row<64xi1>'}}
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xi1> {
    ^bb0(%e: f32):
      moe_kernel.yield %e : f32
    }
  } finish {
  }
}

// -----

// row operations inside
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      // expected-error@+1 {{'moe_kernel.reduce' op expects parent op 'moe_kernel.pass'}}
      %s = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> f32
      moe_kernel.yield %s : f32
    }
  } finish {
  }
}

// -----

// another dialect inside
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      // expected-error@+1 {{'builtin.unrealized_conversion_cast' op has no place in a map, whose body is arith and math on scalars}}
      %s = builtin.unrealized_conversion_cast %e : f32 to f32
      moe_kernel.yield %s : f32
    }
  } finish {
  }
}

// -----

// a vector inside
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%e: f32):
      // expected-error@+1 {{'arith.constant' op makes other values than scalars in the body of a map}}
      %s = arith.constant dense<1.0> : vector<4xf32>
      moe_kernel.yield %e : f32
    }
  } finish {
  }
}
