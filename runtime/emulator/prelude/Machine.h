// What generated code and the engine say to each other: the coordinates of the thread that runs, and the services of
// the engine. This text stands once at the top of every translation unit that the emulator hands to the host compiler,
// and the engine includes it. No standard header: it is parsed with every gate.
#ifndef MOE_EMULATOR_MACHINE_H
#define MOE_EMULATOR_MACHINE_H

using moe_word64 = unsigned long long;

struct moe_coordinate {
  unsigned x;
};

/// What threadIdx, blockIdx, gridDim and blockDim are.
struct moe_coordinates {
  moe_coordinate thread, block, grid, dimension;
};

enum moe_access_kind : unsigned char { MOE_LOAD, MOE_STORE, MOE_ATOMIC_ADD, MOE_ATOMIC_SWAP };
enum moe_meeting_kind : unsigned char { MOE_SHUFFLE, MOE_BALLOT, MOE_WARP_MAX, MOE_WARP_MIN, MOE_SYNC_WARP };

struct moe_services {
  /// One access of 1 to 16 bytes to global or shared memory: `base` is the pointer that the source names, whose memory
  /// the access must stay in; `value` is read by a store, written by a load, both by an atomic.
  void (*access)(moe_access_kind kind, const void *base, long long offset, void *value, unsigned bytes, unsigned line);
  /// All lanes of the warp meet. Gives the value of lane `from` (a shuffle), or what all values come to.
  moe_word64 (*meet)(moe_meeting_kind kind, moe_word64 value, unsigned from, unsigned line);
  void (*sync_block)(unsigned line);
  void (*fence)(unsigned line);
  /// An index outside of a constant table of the source; gives an index inside.
  int (*bad_constant)(int index, int size, unsigned line);
  float (*from_f16)(unsigned short bits);
  unsigned short (*to_f16)(float value);
};

/// A kernel of a translation unit: its name in its source, and how to call it.
struct moe_kernel_entry {
  unsigned program; ///< which source of the translation unit
  const char *name;
  void (*invoke)(void **arguments);
};

/// What a compiled translation unit exports, through the function moe_library().
struct moe_library_table {
  const moe_services **services;
  const moe_coordinates **coordinates; ///< of the thread that runs
  const moe_kernel_entry *kernels;
  unsigned kernel_count;
  const char *shared_begin, *shared_end; ///< where variables in shared memory have their addresses
};

#endif
