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
  // expected-error@+1 {{'moe.axis' op groups 'token', but has neither size, `length`, `offsets` nor `count`}}
  moe.axis @sequence of @token
}

// -----

// pieces in two ways
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has more than one of length, offsets and count; one of them says where its pieces are}}
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
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does}}
  moe.axis @sequence length 4
}

// -----

// pieces of what is not there
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does}}
  moe.axis @sequence of @token length 4
}

// -----

// pieces of a static axis
moe.gate @g {
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does}}
  moe.axis @half of @expert length 2
}

// -----

// a number of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does}}
  moe.axis @sequence size 8 of @token length 4
}

// -----

// pieces of pieces of a static number
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.axis' op has a static size, but 'sequence', which it groups, has none}}
  moe.axis @half size 2 of @sequence
}

// -----

// pieces of a later axis
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'token', which is not declared before it}}
  moe.axis @sequence of @token length 4
  moe.axis @token
}

// -----

// two axes of pieces of the tokens
moe.gate @g {
  moe.axis @token
  // expected-note@+1 {{this one stands before it, and divides 'token'}}
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.axis' op divides 'token'; the axes of pieces of a gate are one chain}}
  moe.axis @chunk of @token length 2
}

// -----

// two axes of pieces of pieces
moe.gate @g {
  moe.axis @token
  moe.axis @chunk of @token length 4
  // expected-note@+1 {{this one stands before it, and divides 'chunk'}}
  moe.axis @sequence of @chunk length 2
  // expected-error@+1 {{'moe.axis' op divides 'chunk'; the axes of pieces of a gate are one chain}}
  moe.axis @document of @chunk count 2
}

// -----

// pieces of one of two axes without size, then of the other
moe.gate @g {
  moe.axis @token
  moe.axis @word
  // expected-note@+1 {{this one stands before it, and divides 'token'}}
  moe.axis @chunk of @token length 4
  // expected-error@+1 {{'moe.axis' op divides 'word'; the axes of pieces of a gate are one chain}}
  moe.axis @sequence of @word length 4
}

// -----

// pieces of themselves
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op groups 'chunk', which is not declared before it}}
  moe.axis @chunk of @chunk length 4
}

// -----

// more levels than any target has
moe.gate @g {
  moe.axis @token
  moe.axis @a of @token length 2
  moe.axis @b of @a length 2
  moe.axis @c of @b count 8
  moe.axis @d of @c length 2
  moe.axis @e of @d length 2
  moe.axis @f of @e length 2
  // expected-error@+1 {{'moe.axis' op is level 7 of pieces; 6 is the most}}
  moe.axis @g of @f length 2
}

// -----

// a length and a number of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has more than one of length, offsets and count; one of them says where its pieces are}}
  moe.axis @sequence of @token length 4 count 2
}

// -----

// offsets and a number of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has more than one of length, offsets and count; one of them says where its pieces are}}
  moe.axis @sequence of @token offsets "o" count 2
}

// -----

// no pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has 0 pieces; expected 1 or more}}
  moe.axis @sequence of @token count 0
}

// -----

// a negative number of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has -1 pieces; expected 1 or more}}
  moe.axis @sequence of @token count -1
}

// -----

// a number of pieces of a static axis
moe.gate @g {
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.axis' op makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does}}
  moe.axis @half of @expert count 2
}

// -----

// layers of a static axis
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has layers; the axis of the tokens may have them, one or more}}
  moe.axis @expert size 4 layers 2
}

// -----

// layers of pieces
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.axis' op has layers; the axis of the tokens may have them, one or more}}
  moe.axis @sequence of @token length 4 layers 2
}

// -----

// no layers
moe.gate @g {
  // expected-error@+1 {{'moe.axis' op has layers; the axis of the tokens may have them, one or more}}
  moe.axis @token layers 0
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

// -----

// offsets of pieces of pieces that are those of the pieces
moe.gate @g {
  moe.axis @token
  moe.axis @chunk of @token offsets "o"
  // expected-error@+1 {{'moe.axis' op takes its groups from 'o', which is not an input of i32 on the axis 'sequence.bound'}}
  moe.axis @sequence of @chunk offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<chunk.bound>>
}
