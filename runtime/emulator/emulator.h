/* libmoe_emulator: runs generated CUDA on the CPU and finds what is wrong with it. This is the C interface between
 * libmoe_runtime, which opens the library with dlopen, and the library: one function, moe_emulator_interface, that
 * hands out a table of the others.
 *
 * The source is the text that NVRTC gets. Only what stands between the two marker lines of the device prelude is
 * replaced, by the emulator's own prelude; the rest is compiled by the host's C++ compiler as it is, and every CUDA
 * thread runs as a fiber. What the emulator models, and what it can and cannot show, is written in Order.h (order of
 * accesses), Memory.h (checks of one access) and Launch.h (barriers, warps, schedules).
 *
 * A launch belongs to a call: begin names the memory that its kernels may touch and says how much of it holds values.
 * The kernels of a call run one after the other, and each sees what the ones before have written. Several calls may be
 * under way at once as long as their memory does not overlap (but for inputs). One launch runs at a time: the functions
 * may be called from several threads, and wait for each other.
 */
#ifndef MOE_EMULATOR_H
#define MOE_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOE_EMULATOR_VERSION 1

/* A compiled source. */
typedef struct moe_emulator_program moe_emulator_program;
/* The memory of one call, what is known about each byte of it, and what was found so far. */
typedef struct moe_emulator_call moe_emulator_call;

typedef struct moe_emulator_source {
  const char *name; /* in messages, as a file name: "gate.cu" */
  const char *text; /* null-terminated */
} moe_emulator_source;

/* What a call may do with a buffer. */
typedef enum moe_emulator_use {
  MOE_EMULATOR_READ = 0,       /* an input: a write to it is a finding */
  MOE_EMULATOR_WRITE_ONCE = 1, /* an output: each byte is written at most once in a launch */
  MOE_EMULATOR_READ_WRITE = 2  /* accumulators, workspace, an output that a kernel adds to */
} moe_emulator_use;

typedef struct moe_emulator_buffer {
  const char *name;
  void *data;     /* may be null where bytes is 0 */
  uint64_t bytes; /* exactly: one byte more is out of bounds */
  moe_emulator_use use;
  uint32_t element_bytes; /* so that a finding can say which element; 0: it names the byte only */
  uint64_t row_bytes;     /* distance of rows (tokens); 0: the buffer is one row. For the ideal number of sectors. */
  /* The first so many bytes hold values when the call begins: all of an input, 0 of an output, the header of a
   * workspace, none of accumulators that a call resets. begin fills the rest with 0x7f, and reading it before it is
   * written is a finding. */
  uint64_t defined_bytes;
  /* The first so many bytes must be back at their values when the call ends (the tickets in a workspace's header). */
  uint64_t restored_bytes;
} moe_emulator_buffer;

typedef struct moe_emulator_launch {
  const char *kernel; /* extern "C" name in the source */
  uint32_t blocks;
  uint32_t threads;      /* per block, a multiple of 32, at most 1024 */
  uint32_t shared_bytes; /* dynamic shared memory */
  void **arguments;      /* as for cuLaunchKernel: a pointer to each argument */
  /* 0: block after block, in each the warps and threads in order, none interrupted. Any other: blocks, warps and
   * threads in a random order, interrupted at accesses to memory. */
  uint64_t seed;
  uint32_t resident_blocks; /* blocks that run at a time with a seed; 0: 4 */
} moe_emulator_launch;

typedef enum moe_emulator_finding_kind {
  MOE_EMULATOR_OUT_OF_BOUNDS = 0,
  MOE_EMULATOR_MISALIGNED = 1,
  MOE_EMULATOR_UNINITIALISED = 2, /* read before it was written, global or shared */
  MOE_EMULATOR_WRITTEN_TWICE = 3,
  MOE_EMULATOR_INPUT_WRITTEN = 4,
  MOE_EMULATOR_RACE = 5,
  MOE_EMULATOR_BARRIER = 6, /* divergent, or some threads never come */
  MOE_EMULATOR_WARP = 7,    /* shuffle, vote, reduction or warp barrier that not all lanes reach alike */
  MOE_EMULATOR_NOT_RESTORED = 8,
  MOE_EMULATOR_LAUNCH = 9 /* no such kernel, impossible shape */
} moe_emulator_finding_kind;

/* Equal findings (same kind, buffer and source lines) are one, with the number of times. `text` names the first:
 * kernel, buffer, element, thread, block and the text of the source lines. */
typedef struct moe_emulator_finding {
  moe_emulator_finding_kind kind;
  uint64_t times;
  const char *text;
} moe_emulator_finding;

/* Accesses in one direction. A request is what a warp asks for with one instruction: the n-th time since they last met
 * (at a shuffle, a warp or a block barrier) that its lanes execute an access of one source line. */
typedef struct moe_emulator_traffic {
  uint64_t accesses; /* by threads */
  uint64_t bytes;
  uint64_t requests;       /* by warps */
  uint64_t sectors;        /* of 32 bytes, summed over requests */
  uint64_t distinct_bytes; /* touched at least once */
  uint64_t ideal_sectors;  /* distinct_bytes / 32 rounded up, plus 1 for each touched row with an unaligned start */
} moe_emulator_traffic;

typedef struct moe_emulator_counts {
  moe_emulator_traffic loads;
  moe_emulator_traffic stores; /* atomics count as one load and one store */
  uint64_t undefined_bytes;    /* no value when the launch ended */
} moe_emulator_counts;

/* One launch. */
typedef struct moe_emulator_kernel_report {
  const char *kernel;
  const moe_emulator_counts *buffers;                 /* in the order of begin */
  uint64_t shared_loads, shared_stores, shared_bytes; /* shared_bytes: static and dynamic, per block */
  uint64_t shuffles;                                  /* per warp: shuffles, votes and reductions over lanes */
  uint64_t warp_barriers, block_barriers;
  uint64_t nanoseconds;
} moe_emulator_kernel_report;

typedef struct moe_emulator_report {
  size_t finding_count;
  const moe_emulator_finding *findings;
  size_t kernel_count; /* launches of this call, in order */
  const moe_emulator_kernel_report *kernels;
} moe_emulator_report;

typedef struct moe_emulator_functions {
  uint32_t version; /* MOE_EMULATOR_VERSION */

  /* Compiles sources, many at a time in one run of the host compiler: $MOE_HOST_CXX, else the one that built this
   * library, else c++. Sets programs[i], null where source i failed, and messages[i] (null, or to be released with
   * free_text): the compiler's message, which names what of CUDA the emulator does not know. The number of sources that
   * failed. */
  size_t (*compile)(const moe_emulator_source *sources, size_t count, moe_emulator_program **programs, char **messages);
  void (*free_program)(moe_emulator_program *program); /* null: nothing */
  void (*free_text)(char *text);

  /* Fills what holds no value. The memory stays the caller's and must outlive the call. Never null. */
  moe_emulator_call *(*begin)(const moe_emulator_buffer *buffers, size_t count);
  /* Runs one kernel to its end or to the first finding that nothing can follow (a barrier that not all reach). The
   * number of findings of the call so far. */
  size_t (*launch)(moe_emulator_call *call, moe_emulator_program *program, const moe_emulator_launch *launch);
  /* Looks for what was not restored. The number of findings. No launch may follow. */
  size_t (*finish)(moe_emulator_call *call);
  /* Valid until the next launch, finish or free_call. */
  const moe_emulator_report *(*report)(moe_emulator_call *call);
  void (*free_call)(moe_emulator_call *call);
} moe_emulator_functions;

/* Null if the library does not have this version of the interface. */
#define MOE_EMULATOR_SYMBOL "moe_emulator_interface"
const moe_emulator_functions *moe_emulator_interface(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif
