// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.gate refuses.

// R1: the tensors of a pointwise operation have the same axes
moe.gate @g {
  moe.axis @expert size 64
  moe.axis @other size 64
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %n = moe.input "n" : tensor<64xi32, #moe.axes<other>>
  // expected-error@+1 {{'math.fpowi' op mixes values on different axes, 'tensor<64xi32, #moe.axes<other>>' and 'tensor<64xf32, #moe.axes<expert>>'; moe.broadcast one first (R1)}}
  %a = math.fpowi %v, %n : tensor<64xf32, #moe.axes<expert>>, tensor<64xi32, #moe.axes<other>>
}

// -----

// R1: so upstream, for a cast
moe.gate @g {
  moe.axis @expert size 64
  moe.axis @other size 64
  %n = moe.input "n" : tensor<64xi32, #moe.axes<other>>
  // expected-error@+1 {{'arith.sitofp' op operand type 'tensor<64xi32, #moe.axes<other>>' and result type 'tensor<64xf32, #moe.axes<expert>>' are cast incompatible}}
  %a = arith.sitofp %n : tensor<64xi32, #moe.axes<other>> to tensor<64xf32, #moe.axes<expert>>
}

// -----

// R5: two arrays share a name
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-note@+1 {{first used here}}
  %a = moe.param "a" = 1.0 : tensor<f32>
  // expected-error@+1 {{'moe.loss' op uses the name 'a' a second time (R5)}}
  moe.loss "a" = %a : tensor<f32>
}

// -----

// R5: two selections share a slot axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.topk' op makes the slot axis 'r.slot', which exists already (R5)}}
  %q = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
}

// -----

// R5: a slot axis has the name of an axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op makes the slot axis 'device', which exists already (R5)}}
  %q = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, device, 6>
}

// -----

// an array without name
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.param' op has an empty name}}
  %a = moe.param "" = 1.0 : tensor<f32>
}

// -----

// an axis that is not declared
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.input' op uses axis 'layer', which this gate does not declare}}
  %a = moe.input "a" : tensor<?x8xf32, #moe.axes<token, layer>>
}

// -----

// a slot axis before its selection
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.input' op uses axis 'r.slot', which this gate does not declare}}
  %a = moe.input "a" : tensor<?x6xf32, #moe.axes<token, r.slot>>
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
}

// -----

// a static axis of another size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.input' op has size 32 on axis 'expert' of size 64}}
  %a = moe.input "a" : tensor<?x32xf32, #moe.axes<token, expert>>
}

// -----

// a run-time size for a static axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.input' op has size ? on axis 'expert' of size 64}}
  %a = moe.input "a" : tensor<?x?xf32, #moe.axes<token, expert>>
}

// -----

// a static size for a run-time axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.input' op has size 4 on axis 'token' of size ?}}
  %a = moe.input "a" : tensor<4x64xf32, #moe.axes<token, expert>>
}

// -----

// a value that is no tensor
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'arith.constant' op makes a value of type 'f32', expected a selection or a tensor that names each axis with #moe.axes}}
  %a = arith.constant 1.0 : f32
}

// -----

// a value without axis names
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'arith.constant' op makes a value of type 'tensor<64xf32>', expected a selection or a tensor that names each axis with #moe.axes}}
  %a = arith.constant dense<1.0> : tensor<64xf32>
}

// -----

// an operation with a region
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'builtin.module' op has a region; the body of a gate is a straight line}}
  builtin.module {}
}

// -----

// a value of another dialect
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'builtin.unrealized_conversion_cast' op has no place in a gate, whose values are made by operations of moe, arith and math}}
  %a = builtin.unrealized_conversion_cast %v : tensor<64xf32, #moe.axes<expert>> to tensor<64xf32, #moe.axes<expert>>
}

// -----

// arguments
// expected-error@+1 {{'moe.gate' op region should have no arguments}}
"moe.gate"() <{sym_name = "g"}> ({
^bb0(%a: tensor<f32>):
}) : () -> ()

// -----

// two blocks
// expected-error@+1 {{'moe.gate' op expects region #0 to have 0 or 1 blocks}}
"moe.gate"() <{sym_name = "g"}> ({
^bb0:
  moe.axis @token
^bb1:
  moe.axis @expert
}) : () -> ()

// -----

// no block
// expected-error@+1 {{'moe.gate' op region #0 ('body') failed to verify constraint: region with 1 blocks}}
"moe.gate"() <{sym_name = "g"}> ({}) : () -> ()

// -----

// a value of the world outside
%a = arith.constant dense<1.0> : tensor<f32>
// expected-note@+1 {{required by region isolation constraints}}
moe.gate @g {
  // expected-error@+1 {{'moe.loss' op using value defined outside the region}}
  moe.loss "l" = %a : tensor<f32>
}

// -----

// R5: two axes share a name
moe.gate @g {
  // expected-note@+1 {{see existing symbol definition here}}
  moe.axis @expert size 4
  // expected-error@+1 {{redefinition of symbol named 'expert'}}
  moe.axis @expert size 8
}
