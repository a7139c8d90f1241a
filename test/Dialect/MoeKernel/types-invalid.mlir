// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What the types of the dialect refuse.

// no element
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{a row has 1 to 1048576 elements, not 0}}
    %a = moe_kernel.load @x : !moe_kernel.row<0xf32>
  } finish {
  }
}

// -----

// more elements than any target holds
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{a row has 1 to 1048576 elements, not 1048577}}
    %a = moe_kernel.load @x : !moe_kernel.row<1048577xf32>
  } finish {
  }
}

// -----

// two dimensions
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{a row has one dimension, not 2}}
    %a = moe_kernel.load @x : !moe_kernel.row<4x4xf32>
  } finish {
  }
}

// -----

// elements of a storage type
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{the elements of a row are f32, f64, i32 or i1, not 'bf16'}}
    %a = moe_kernel.load @x : !moe_kernel.row<4xbf16>
  } finish {
  }
}
