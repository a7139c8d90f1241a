// RUN: moe-opt %s --moe-fold-layers --split-input-file --verify-diagnostics
// moe-fold-layers: what is not lowered says so, and what to write instead.

moe.gate @two_axes {
  moe.axis @a size 3
  moe.axis @b size 2
  moe.axis @token
  // expected-note @below {{'a' stands in front here}}
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<a, token>>
  // expected-error @below {{has 'b' in front of 'token', and 'a' stands there too; one axis of layers is lowered}}
  %y = moe.input "y" : tensor<2x?xf32, #moe.axes<b, token>>
}

// -----

moe.gate @two_in_one {
  moe.axis @a size 3
  moe.axis @b size 2
  moe.axis @token
  // expected-error @below {{has 'a' and 'b' in front of 'token'; one axis of layers is lowered}}
  %x = moe.input "x" : tensor<3x2x?xf32, #moe.axes<a, b, token>>
}

// -----

moe.gate @behind {
  moe.axis @layer size 3
  moe.axis @token
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{has 'layer' behind 'token'; write [layer, token, …], as in the rest of the gate}}
  %y = moe.input "y" : tensor<?x3xf32, #moe.axes<token, layer>>
}

// -----

moe.gate @keeps_tokens {
  moe.axis @layer size 3
  moe.axis @token
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{reduces over 'layer' for each token, which is not lowered yet; reduce over the tokens too}}
  %y = moe.reduce sum %x over [layer] : tensor<3x?xf32, #moe.axes<layer, token>> -> tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %y : tensor<?xf32, #moe.axes<token>>
}

// -----

moe.gate @gradient_without_layers backward_of @f {
  moe.axis @layer size 3
  moe.axis @token
  %g = moe.input "grad_y" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{the gradient of what has tokens, but not 'layer', is a sum over the layers of each token, which is not lowered yet; give it the axis of layers, or detach() it}}
  %x = moe.reduce sum %g over [layer] : tensor<3x?xf32, #moe.axes<layer, token>> -> tensor<?xf32, #moe.axes<token>>
  moe.output "grad_x" = %x adds : tensor<?xf32, #moe.axes<token>>
}

// -----

moe.gate @gradient_of_tokens backward_of @f {
  moe.axis @layer size 3
  moe.axis @token
  %g = moe.input "grad_y" : tensor<3x?xf32, #moe.axes<layer, token>>
  %c = arith.constant dense<0.0> : tensor<f32>
  %z = moe.broadcast %c : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  moe.output "grad_w" = %g adds : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{'grad_x' is a gradient with tokens, but without 'layer': the sum over the layers of each token is not lowered yet; give the array the axis of layers, or detach() it}}
  moe.output "grad_x" = %z adds : tensor<?xf32, #moe.axes<token>>
}

// -----

moe.gate @packed {
  moe.axis @layer size 3
  moe.axis @token
  // expected-error @below {{'sequence' has offsets in a gate with layers, which are of the tokens of one layer: divide the tokens by length}}
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
}

// -----

moe.gate @sequences_without_layers {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{'y' has pieces of the tokens, but not 'layer', of which each has its own: write it with both axes}}
  %y = moe.input "y" : tensor<?xf32, #moe.axes<sequence>>
}

// -----

moe.gate @sequence_output {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  %v = moe.input "v" : tensor<?xf32, #moe.axes<token>>
  %y = moe.reduce sum %v over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
  // expected-error @below {{'y' has pieces of the tokens, but not 'layer', of which each has its own: broadcast it to both axes}}
  moe.output "y" = %y : tensor<?xf32, #moe.axes<sequence>>
}

// -----

moe.gate @random {
  moe.axis @layer size 3
  moe.axis @token
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{'moe.random' is not lowered in a gate with layers ('layer'): each layer would draw numbers of its own}}
  %u = moe.random uniform stream 0 : tensor<?xf32, #moe.axes<token>>
  moe.output "u" = %u : tensor<?xf32, #moe.axes<token>>
}

// -----

moe.gate @plan {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %y = moe.input "y" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %y over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error @below {{'moe.permute' is not lowered in a gate with layers ('layer'): a plan is for the tokens of one layer}}
  %o, %b, %p = moe.permute %r pad 1 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

moe.gate @state {
  moe.axis @layer size 3
  moe.axis @token
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{has the axis 'layer', which stands in front of the tokens: layers have no states, updates or metrics of their own yet; reduce over it, or write an output}}
  %b = moe.state "bias" = 0.0 : tensor<3xf32, #moe.axes<layer>>
}

// -----

moe.gate @layer_behind {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  // expected-error @below {{has 'layer' behind another axis; the array of a caller has it in front}}
  %b = moe.input "bias" : tensor<4x3xf32, #moe.axes<expert, layer>>
}

// -----

moe.gate @groups {
  moe.axis @layer size 4
  // expected-error @below {{'stage' groups the layers 'layer', which is not lowered yet}}
  moe.axis @stage size 2 of @layer
  moe.axis @token
  %x = moe.input "x" : tensor<4x?xf32, #moe.axes<layer, token>>
}

// -----

moe.gate @grouped {
  moe.axis @block size 4
  // expected-error @below {{'layer' groups 'block' and stands in front of the tokens: layers of groups are not lowered yet}}
  moe.axis @layer size 2 of @block
  moe.axis @token
  %x = moe.input "x" : tensor<2x?xf32, #moe.axes<layer, token>>
}

// -----

moe.gate @slots {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<4xf32, #moe.axes<expert>>
  %z = arith.constant dense<0.0> : tensor<f32>
  %b = moe.broadcast %z : tensor<f32> to tensor<2x4xf32, #moe.axes<n, expert>>
  moe.axis @n size 2
  %r = moe.topk %b over expert : tensor<2x4xf32, #moe.axes<n, expert>> -> !moe.selection<[n], expert, r.slot, 2>
  // expected-error @below {{has the slots 'r.slot' in front of 'token'; write them behind it}}
  %s = moe.broadcast %z : tensor<f32> to tensor<2x?xf32, #moe.axes<r.slot, token>>
}
