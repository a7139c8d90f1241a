// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.axis refuses.

// size 0
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has size 0; a static axis holds 1 to 1048576 elements}}
  moe.axis @expert size 0
}

// -----

// negative size
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has size -4; a static axis holds 1 to 1048576 elements}}
  moe.axis @expert size -4
}

// -----

// a size beyond what any target holds
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has size 1048577; a static axis holds 1 to 1048576 elements}}
  moe.axis @expert size 1048577
}

// -----

// R2: equal groups do not divide
moe.gate @g {
  // expected-note@+1 {{'expert' is declared here}}
  moe.axis @expert size 6
  // expected-error@+1 {{'moe.axis' op makes 4 equal groups of 'expert', but 4 does not divide its size 6 (R2)}}
  moe.axis @device size 4 of @expert
}

// -----

// R2: more groups than elements
moe.gate @g {
  // expected-note@+1 {{'expert' is declared here}}
  moe.axis @expert size 6
  // expected-error@+1 {{'moe.axis' op makes 12 equal groups of 'expert', but 12 does not divide its size 6 (R2)}}
  moe.axis @device size 12 of @expert
}

// -----

// R3: an empty group
moe.gate @g {
  moe.axis @expert size 6
  // expected-error@+1 {{'moe.axis' op leaves group 1 empty (R3)}}
  moe.axis @device size 3 of @expert map [0, 0, 0, 2, 2, 2]
}

// -----

// a map of another size
moe.gate @g {
  // expected-note@+1 {{'expert' is declared here}}
  moe.axis @expert size 6
  // expected-error@+1 {{'moe.axis' op maps 3 elements, but 'expert' has 6}}
  moe.axis @device size 3 of @expert map [0, 1, 2]
}

// -----

// a group that is not there
moe.gate @g {
  moe.axis @expert size 3
  // expected-error@+1 {{'moe.axis' op maps to group 2, outside 0..1}}
  moe.axis @device size 2 of @expert map [0, 1, 2]
}

// -----

// a negative group
moe.gate @g {
  moe.axis @expert size 3
  // expected-error@+1 {{'moe.axis' op maps to group -1, outside 0..1}}
  moe.axis @device size 2 of @expert map [0, 1, -1]
}

// -----

// a map from nothing
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has a map, but no finer axis to map from: write `of`}}
  moe.axis @device size 2 map [0, 1]
}

// -----

// a map without size
moe.gate @g {
  moe.axis @expert size 2
  // expected-error@+1 {{'moe.axis' op has a map, but no size: write how many groups there are}}
  moe.axis @device of @expert map [0, 1]
}

// -----

// groups of an axis that is not there
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'expert', which is not an axis of this gate}}
  moe.axis @device size 2 of @expert
}

// -----

// groups of a later axis
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'expert', which is not declared before it}}
  moe.axis @device size 2 of @expert
  moe.axis @expert size 4
}

// -----

// groups of itself
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'device', which is not declared before it}}
  moe.axis @device size 2 of @device
}

// -----

// a cycle
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'b', which is not declared before it}}
  moe.axis @a size 2 of @b
  moe.axis @b size 2 of @a
}

// -----

// static groups of a run-time axis
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has a static size, but 'token', which it groups, has none}}
  moe.axis @sequence size 4 of @token
}

// -----

// outside a gate
// expected-error@+1 {{'moe.axis' op expects parent op 'moe.gate'}}
moe.axis @token

// -----

// groups of tokens without size
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op groups 'token', but has neither size, `length` nor `offsets`}}
  moe.axis @sequence of @token
}

// -----

// pieces in two ways
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has a length and offsets; one of the two says where its pieces are}}
  moe.axis @sequence of @token length 4 offsets "o"
}

// -----

// pieces of no token
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has pieces of length 0; expected 1 or more}}
  moe.axis @sequence of @token length 0
}

// -----

// pieces of negative length
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has pieces of length -4; expected 1 or more}}
  moe.axis @sequence of @token length -4
}

// -----

// pieces of nothing
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens does}}
  moe.axis @sequence length 4
}

// -----

// pieces of what is not there
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens does}}
  moe.axis @sequence of @token length 4
}

// -----

// pieces of a static axis
moe.gate @g {
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens does}}
  moe.axis @half of @expert length 2
}

// -----

// a number of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens does}}
  moe.axis @sequence size 8 of @token length 4
}

// -----

// pieces of pieces
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens does}}
  moe.axis @half of @sequence length 2
}

// -----

// pieces of a later axis
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'token', which is not declared before it}}
  moe.axis @sequence of @token length 4
  moe.axis @token
}

// -----

// two axes of pieces
moe.gate @g {
  moe.axis @token
  // expected-note@+1 {{this is the first}}
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.axis' op is the second axis of pieces of the gate, which has one at most}}
  moe.axis @chunk of @token length 2
}

// -----

// a placement and a map
moe.gate @g {
  moe.axis @expert size 2
  // expected-error@+1 {{'moe.axis' op has a placement, and a map too}}
  moe.axis @host size 2 of @expert map [0, 1] placement "h"
}

// -----

// a placement of nothing
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has a placement, and no finer axis to place: write `of`}}
  moe.axis @host size 2 placement "h"
}

// -----

// a placement without size
moe.gate @g {
  moe.axis @expert size 2
  // expected-error@+1 {{'moe.axis' op has a placement, and no size}}
  moe.axis @host of @expert placement "h"
}

// -----

// a placement of tokens
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has a static size, but 'token', which it groups, has none}}
  moe.axis @host size 2 of @token placement "h"
}

// -----

// a placement that is no input
moe.gate @g {
  moe.axis @expert size 2
  // expected-error@+1 {{'moe.axis' op takes its groups from 'h', which is not an input of i32 on the axis 'expert'}}
  moe.axis @host size 2 of @expert placement "h"
}

// -----

// a placement of floats
moe.gate @g {
  moe.axis @expert size 2
  // expected-error@+1 {{'moe.axis' op takes its groups from 'h', which is not an input of i32 on the axis 'expert'}}
  moe.axis @host size 2 of @expert placement "h"
  %h = moe.input "h" : tensor<2xf32, #moe.axes<expert>>
}

// -----

// a placement on another axis
moe.gate @g {
  moe.axis @expert size 2
  moe.axis @device size 2
  // expected-error@+1 {{'moe.axis' op takes its groups from 'h', which is not an input of i32 on the axis 'expert'}}
  moe.axis @host size 2 of @expert placement "h"
  %h = moe.input "h" : tensor<2xi32, #moe.axes<device>>
}

// -----

// offsets that are no input
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op takes its groups from 'o', which is not an input of i32 on the axis 'sequence.bound'}}
  moe.axis @sequence of @token offsets "o"
}

// -----

// offsets of the pieces themselves
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op takes its groups from 'o', which is not an input of i32 on the axis 'sequence.bound'}}
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence>>
}

// -----

// offsets that are a scalar
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op takes its groups from 'o', which is not an input of i32 on the axis 'sequence.bound'}}
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<i32>
}
