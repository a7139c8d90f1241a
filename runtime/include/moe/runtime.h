/* The C interface of a compiled gate: one descriptor, one call.
 *
 * A compiled gate is a constant `moe_gate` descriptor (made by `moe-opt --emit=obj`, or in memory by the compiler's
 * API). A program binds arrays to it and calls `moe_run`. A call does not allocate, does not synchronise and does not
 * touch global state: all memory is the caller's. No function here throws or exits; each returns a status, and
 * `moe_last_error()` says on the calling thread what was wrong, where, and what was expected.
 */
#ifndef MOE_RUNTIME_H
#define MOE_RUNTIME_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the structures below. A descriptor of another version is refused. */
#define MOE_ABI_VERSION 4u
/* Limits that a descriptor must keep; they bound what a call puts on the stack. */
#define MOE_MAX_ARRAYS 256u
#define MOE_MAX_RANK 8u
#define MOE_MAX_PASSES 64u
/* Every caller-owned block starts at a multiple of this. */
#define MOE_ALIGNMENT 64u
/* A workspace starts with a header of this size (CUDA: zeroed by moe_init_workspace, kernels keep their tickets in it).
 * Coefficient arrays without run-time sizes follow at this offset, in array order, each aligned to MOE_ALIGNMENT; the
 * partials stand after them. Those with run-time sizes are the last part of a workspace. */
#define MOE_WORKSPACE_HEADER_BYTES 64u

#if defined(__GNUC__)
#define MOE_API __attribute__((visibility("default")))
#else
#define MOE_API
#endif

typedef enum moe_status {
  MOE_OK = 0,
  MOE_INVALID_ARGUMENT = 1, /* a null pointer, an unknown name, a wrong shape, dtype, stride or alignment */
  MOE_VERSION_MISMATCH = 2, /* the descriptor was made for another version of this interface */
  MOE_UNSUPPORTED = 3,      /* this machine or this gate cannot do what was asked (no AVX2, no CUDA source) */
  MOE_NO_DRIVER = 4,        /* the CUDA driver, NVRTC or the emulator could not be opened */
  MOE_COMPILE_FAILED = 5,   /* NVRTC (emulator: the host compiler) refused the source */
  MOE_DRIVER_FAILED = 6,    /* a CUDA driver call failed */
  MOE_IO_FAILED = 7,        /* a file could not be read or written */
  MOE_FINDING = 8 /* the emulator found the kernels doing what they must not; moe_last_error() has all of it */
} moe_status;

typedef enum moe_dtype {
  MOE_F32 = 0,
  MOE_F64 = 1,
  MOE_BF16 = 2,
  MOE_F16 = 3,
  MOE_I32 = 4,
  MOE_I64 = 5,
  MOE_BOOL = 6, /* one byte, 0 or 1 */
  MOE_I16 = 7   /* outputs only */
} moe_dtype;

typedef enum moe_role {
  MOE_INPUT = 0,  /* read */
  MOE_PARAM = 1,  /* a run-time scalar; bound as a pointer to one f32 on the HOST, on every device; may stay unbound */
  MOE_OUTPUT = 2, /* written, one row per token */
  MOE_LOSS = 3,   /* written by finish: a scalar f32; 0 when there was no token */
  MOE_METRIC = 4, /* written by finish; NaN (0 for integers) when there was no token */
  MOE_STATUS_WORD = 5, /* written by finish: a scalar i32, what only the data shows ("nonfinite_tokens", "empty") */
  MOE_COEFFICIENT = 6, /* scratch between two passes of one call; lives in the workspace, never bound by the caller */
  MOE_SAVED = 7, /* written by forward, read by backward under the same name; never bound by the caller: with an axis of
                    tokens or pieces in moe_call.saved, without (then finish writes it) in moe_call.coefficients */
  MOE_STATE = 8  /* the caller's from step to step: read by forward and backward, changed by moe_run_step only */
} moe_role;

/* Bits of moe_array.flags. */
typedef enum moe_array_flags {
  MOE_ARRAY_ADDS = 1,   /* an output of a backward gate that MOE_ADD adds to, instead of overwriting it */
  MOE_ARRAY_LAYERED = 2 /* of a gate with layers: the first axis is that of the layers */
} moe_array_flags;

typedef enum moe_combine { MOE_SUM = 0, MOE_MAX = 1, MOE_MIN = 2, MOE_MAXNUM = 3 } moe_combine;

typedef struct moe_axis {
  const char *name;
  int64_t size;       /* elements; -1: known at run time */
  const char *of;     /* the finer axis that this one groups, or null */
  const int32_t *map; /* with `of`: the group of every element of the finer axis; null: equal contiguous blocks */
  /* An axis of pieces, into which the tokens are divided, or the pieces of the axis `of`: `length` elements each, by
   * the input `offsets`, or `count` equal ones. An axis of pieces stands behind the one that it divides; they are a
   * chain. */
  int64_t length; /* elements in each piece; 0: not so */
  const char
      *offsets;  /* i32 input [pieces + 1]: piece i holds elements offsets[i] up to offsets[i + 1]; null: not so */
  int64_t count; /* number of pieces, which divides that of the elements; 0: not so */
} moe_axis;

/* Run-time sizes of arrays. Pieces of level 1 divide the tokens, those of level n the ones of level n - 1. */
#define MOE_TOKENS (-1)
#define MOE_PIECES (-2)
#define MOE_PIECES_PLUS_1 (-3)
#define MOE_DISPATCH_ROWS (-4) /* per_token for each token, and extra more: rows of a dispatch plan */
#define MOE_PIECES_OF_LEVEL(level) ((level) < 2 ? MOE_PIECES : -2 * (level) - 1)
#define MOE_PIECES_OF_LEVEL_PLUS_1(level) ((level) < 2 ? MOE_PIECES_PLUS_1 : -2 * (level) - 2)

/* One named array of a call. Arrays are dense, C order, axes outermost first; the layers of an array may each stand
 * elsewhere (moe_binding). */
typedef struct moe_array {
  const char *name;
  uint32_t role;  /* moe_role */
  uint32_t dtype; /* moe_dtype */
  uint32_t rank;
  uint32_t flags;       /* moe_array_flags */
  const int64_t *sizes; /* [rank]; run-time sizes, only ever the first (MOE_ARRAY_LAYERED: the one behind the layers,
                           and then the number of each layer): MOE_TOKENS, MOE_PIECES, … */
  const char *const *axis_names; /* [rank] */
  double init;                   /* default of a param; what a state starts from */
  int64_t per_token, extra;      /* of MOE_DISPATCH_ROWS; otherwise 0 */
} moe_array;

/* Bits of moe_accumulator.flags. */
typedef enum moe_accumulator_flags {
  MOE_PER_PIECE = 1, /* one for each piece of its pass; in the caller's block it means nothing */
  MOE_RANKED = 2     /* a later pass counts on from the merged value of all tokens (of the piece) before */
} moe_accumulator_flags;

/* One accumulator: `count` elements at `offset` bytes in the caller's accumulator block. */
typedef struct moe_accumulator {
  const char *name;
  uint32_t combine; /* moe_combine */
  uint32_t dtype;   /* MOE_F32, MOE_F64 or MOE_I32 */
  uint64_t count;
  uint64_t offset;    /* a multiple of the element size, behind the token count at offset 0 */
  uint32_t flags;     /* moe_accumulator_flags */
  uint32_t pass;      /* the pass that adds to it */
  uint32_t rank_pass; /* MOE_RANKED: the pass that counts on; otherwise 0 */
  uint32_t reserved;
} moe_accumulator;

/* What generated CPU code sees of a call: `arrays[i]` is the buffer of `gate->arrays[i]` (params: pointer to one f32;
 * a saved array that this call does not keep: null, and nothing is stored). In a gate with layers, tokens are rows of
 * (layer, token), layer by layer, and an input or output with tokens is a `void *const *`, a pointer for each layer to
 * its first row (one that is not MOE_ARRAY_LAYERED: the same for all). */
typedef struct moe_cpu_call {
  void *const *arrays;
  int64_t token_count; /* rows of the pass: tokens, or pieces (moe_cpu_pass.level); in finish see there */
  uint32_t phase;      /* moe_phase bits */
  uint32_t offset;     /* of the random numbers: moe_call */
  uint64_t seed;
  int64_t first_token;
  /* A gate with pieces: the piece that all these tokens are in, or that `pieces` is about. */
  int64_t piece, piece_begin, piece_size, piece_count;
  /* A gate with layers: the layer that all these tokens are in, and the number of its first row. */
  int64_t layer, layer_begin;
} moe_cpu_call;

/* Tokens [begin, end), begin < end, of one piece in a gate with pieces, of one layer in a gate with layers, without
 * both with begin a multiple of 16: reads inputs, writes outputs, and puts what these tokens add to the accumulators of
 * its own pass into `partial`, laid out like the accumulator block. The runtime has filled `partial` with neutral
 * elements (sum 0, max and maxnum -inf or INT32_MIN, min +inf or INT32_MAX, token count 0), so rows may overwrite or
 * add, and leaves the token count and the accumulators of other passes alone. Of an accumulator that this pass counts
 * on from (rank_pass), `partial` holds the merged value of all tokens before `begin` (of the piece, where it is
 * MOE_PER_PIECE), and rows add what [begin, end) count. `scratch` is `cpu_scratch_bytes`, 64-byte aligned, one per
 * thread, with any contents. */
typedef void (*moe_cpu_rows)(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *scratch);
/* After all tokens of piece `call->piece`: reads the accumulators of that piece in `collected`, writes the piece's rows
 * of arrays, and adds what the piece adds to the other accumulators of the pass to what `partial` holds of them. */
typedef void (*moe_cpu_pieces)(const moe_cpu_call *call, const void *collected, void *partial, void *scratch);
/* Reads the merged accumulators. That of the last pass is about all accumulated calls and writes losses, metrics,
 * status words and saved coefficients; that of an earlier pass is about this call alone, and writes coefficients for
 * the passes behind it. One thread calls it, with the same kind of scratch. `call->token_count` is the number of tokens
 * that `accumulators` is about. */
typedef void (*moe_cpu_finish)(const moe_cpu_call *call, const void *accumulators, void *scratch);

/* One pass over the tokens, or over the pieces of a level, which are then what is called tokens above; its pieces are
 * those of the next level. */
typedef struct moe_cpu_pass {
  moe_cpu_rows rows;
  moe_cpu_pieces pieces; /* null where the pass has nothing to do for a piece */
  moe_cpu_finish finish;
  uint32_t level; /* 0: tokens, n: pieces of level n */
  uint32_t reserved;
} moe_cpu_pass;

/* The same code compiled for one instruction set; the first that the machine can run is used. */
typedef struct moe_cpu_variant {
  const char *isa;            /* "avx512", "avx2" or "generic" */
  const moe_cpu_pass *passes; /* [pass_count] */
} moe_cpu_variant;

/* Launch description of one pass in CUDA. Every kernel has the parameters: a pointer per array in order (a param: its
 * float value), then `void *accumulators`, `void *workspace`, `long long token_count`, `int phase` (a moe_phase); with
 * MOE_KERNEL_PIECES then `long long piece_count`; with MOE_KERNEL_LAYERS then `long long layer_tokens`; with
 * MOE_KERNEL_RANDOM then `unsigned long long seed`, `unsigned offset`, `long long first_token`. Of a pass over a level
 * of pieces, token_count is their number and piece_count that of the next level. In a gate with layers, tokens are rows
 * of (layer, token), and an input or output with tokens is a struct of one pointer per layer, passed by value.
 *
 * The kernel of the last pass merges what all passes collected into the accumulators, and keeps the token count at
 * offset 0 there itself. Kernels of earlier passes keep what they collect in the workspace; they are launched with
 * MOE_ACCUMULATE only, and finish for this call alone whatever the phase. MOE_FINISH alone launches the last one, with
 * token_count 0 and one block; a null array pointer (in each layer) stands for an array that the phase does not touch,
 * or for a saved array that this call does not keep. */
typedef struct moe_cuda_kernel {
  const char *name; /* extern "C" name in the source */
  uint32_t threads; /* per block */
  uint32_t
      rows_per_block; /* rows that one block works on at a time; a grid never needs more than ceil(T / this) blocks */
  uint32_t shared_bytes; /* dynamic shared memory; 0 where all of it is static */
  uint32_t max_blocks;   /* the grid is min(max_blocks, max(1, ceil(T / rows_per_block))) */
  uint32_t flags;        /* moe_kernel_flags */
  uint32_t level;        /* 0: rows are tokens, n: pieces of level n */
} moe_cuda_kernel;

/* Bits of moe_cuda_kernel.flags: parameters that a kernel has behind `phase`, in this order. */
typedef enum moe_kernel_flags { MOE_KERNEL_PIECES = 1, MOE_KERNEL_RANDOM = 2, MOE_KERNEL_LAYERS = 4 } moe_kernel_flags;

typedef struct moe_gate {
  uint32_t struct_size; /* sizeof(moe_gate) of the version below */
  uint32_t abi_version; /* MOE_ABI_VERSION */
  const char *name;
  uint32_t axis_count;
  uint32_t array_count;
  const moe_axis *axes;
  const moe_array *arrays;
  uint32_t accumulator_count;
  uint32_t pass_count;
  const moe_accumulator *accumulators;
  /* Accumulator block: `token_count` (i64) at offset 0, then the accumulators at their offsets. */
  uint64_t accumulator_bytes;
  uint64_t coefficient_bytes; /* sum over coefficient arrays without run-time sizes, each aligned to 64 bytes */
  uint64_t cpu_scratch_bytes; /* per thread */
  uint32_t cpu_variant_count;
  uint32_t cuda_kernel_count; /* pass_count, or 0 without CUDA source */
  const moe_cpu_variant *cpu_variants;
  const char *cuda_source; /* null-terminated; needs no include directory */
  const moe_cuda_kernel *cuda_kernels;
  uint64_t cuda_workspace_bytes; /* for any T: header, coefficients and partials of max_blocks blocks */
  /* The program that moe_run_backward runs, or null. Its arrays are its own: what it reads of this gate's inputs,
   * params and outputs, as inputs and params of the same names; an input grad_NAME per float output NAME; a param
   * scale_NAME (default 1) per loss NAME; and an output grad_NAME per input or param NAME that has a gradient. Its
   * saved arrays are those of this gate, found by name, of the same dtype and sizes. It has the CPU variants of this
   * gate, and its kernels stand in this gate's cuda_source. */
  const struct moe_gate *backward;
  /* The program that moe_run_step runs, or null: its arrays are this gate's states, inputs without tokens and params as
   * far as the updates need them; its accumulators are exactly this gate's. One pass, of finish only. It has the CPU
   * variants of this gate, and its kernel stands in this gate's cuda_source. */
  const struct moe_gate *step;
  /* Null, or why calls may not be accumulated: the gate takes MOE_FORWARD only, or MOE_ACCUMULATE without accumulators.
   */
  const char *whole_batch;
  uint32_t layers; /* 0: no layers; else tokens are rows of (layer, token), and moe_call counts those of one layer */
  uint32_t reserved;
} moe_gate;

/* What a call does, in one launch per pass. Valid combinations are ACCUMULATE, FINISH, ACCUMULATE | FINISH,
 * ACCUMULATE | RESET (with no token: only makes the block neutral) and FORWARD. Capacity and dispatch plans are those
 * of each call; losses, metrics and states are about all that was accumulated. A gate whose values of each token depend
 * on a reduction over all of them takes FORWARD only (moe_gate.whole_batch; else MOE_UNSUPPORTED). moe_run_backward
 * takes 0 or MOE_ADD; its generated code sees FORWARD or FORWARD | ADD. */
typedef enum moe_phase {
  MOE_ACCUMULATE = 1, /* rows: writes outputs and, unless `accumulators` is null, adds to them */
  MOE_FINISH = 2,     /* losses, metrics and status words from the accumulators */
  MOE_RESET = 4,      /* the accumulators start from neutral elements instead of what they hold */
  MOE_FORWARD = 7,    /* all three: a whole forward call */
  MOE_ADD = 8         /* backward: adds to the arrays with MOE_ARRAY_ADDS, which hold the gradients so far */
} moe_phase;

typedef enum moe_device_kind { MOE_CPU = 0, MOE_CUDA = 1, MOE_EMULATOR = 2 } moe_device_kind;

/* A bound array. `strides` in elements, or null for dense; only dense arrays are accepted, others are refused. `data`
 * is aligned to the element size. On CUDA it is a device pointer (params: host), aligned to the largest power of two,
 * up to 16, that divides the bytes of a token's row (of the array, where there is no token axis). `data` may be null
 * for a param (its default), an array without elements, and what the phase does not touch: inputs and outputs with a
 * token axis for FINISH alone, losses, metrics and status words without FINISH. It must be null for coefficients and
 * saved arrays, which are not the caller's to bind. A layered array with tokens may come as one array per layer
 * instead: `data` is null then, `layers` has a pointer (on the host) to as many pointers as the gate has layers;
 * `sizes` are those of the whole, and `strides` null. */
typedef struct moe_binding {
  void *data;
  uint32_t dtype;
  uint32_t rank;
  const int64_t *sizes;
  const int64_t *strides;
  void *const *layers;
} moe_binding;

/* A device: the CPU (with a thread count), a CUDA device or the emulator with its compiled module of one gate.
 * Immutable: any number of threads may call moe_run on one executable at a time, each with its own workspace. The gate
 * must outlive it. */
typedef struct moe_executable moe_executable;

/* Text for the last failure on this thread; "" when there was none. Valid until the next call on this thread. */
MOE_API const char *moe_last_error(void);
/* Name of a status, e.g. "MOE_INVALID_ARGUMENT". */
MOE_API const char *moe_status_name(moe_status status);
/* "f32", "bf16", … and bytes per element. */
MOE_API const char *moe_dtype_name(moe_dtype dtype);
MOE_API size_t moe_dtype_bytes(moe_dtype dtype);

/* Checks version and size, and that every table is there. */
MOE_API moe_status moe_check_gate(const moe_gate *gate);
/* Index of the array of that name in that direction (inputs, params and states: `in` != 0; the others: 0), or -1.
 * A gate may use one name for an input and for an output. */
MOE_API int32_t moe_find_array(const moe_gate *gate, const char *name, int in);

/* Prepares a gate for the CPU. `threads` 0: as many as OpenMP offers. Fails with MOE_UNSUPPORTED where no variant runs.
 * `isa`: null for the first variant that this machine can run, or the name of a variant (tests). Results have the same
 * bits at any thread count. */
MOE_API moe_status moe_prepare_cpu(const moe_gate *gate, uint32_t threads, const char *isa, moe_executable **out);
/* Compiles a gate for CUDA device `ordinal` through NVRTC (or takes it from the cubin cache) and loads it. `cache_dir`:
 * null for $MOE_CACHE_DIR, else $XDG_CACHE_HOME/moe, else $HOME/.cache/moe; "" for no cache. */
MOE_API moe_status moe_prepare_cuda(const moe_gate *gate, uint32_t ordinal, const char *cache_dir,
                                    moe_executable **out);
MOE_API void moe_release(moe_executable *executable);

/* How the emulator runs kernels. What a kernel means depends on none of it. */
typedef struct moe_emulator_options {
  uint32_t struct_size; /* sizeof(moe_emulator_options) */
  uint32_t blocks;      /* of the grids, at most max_blocks of each kernel; 0: as moe_cuda_kernel says */
  uint64_t seed; /* 0: blocks, warps and threads in order; else this random order of them, changing at accesses */
} moe_emulator_options;

/* Accesses to an array in one direction. A request is one instruction of a warp; it moves the 32-byte sectors that its
 * threads touch. Ideal: each byte moved once, in full sectors as far as rows are aligned to them. */
typedef struct moe_transfer {
  uint64_t bytes, distinct_bytes, requests, sectors, ideal_sectors;
} moe_transfer;
/* What one kernel did to one array in global memory. "accumulators" is the caller's block; the workspace is "tickets",
 * coefficients under their names, and "partials". */
typedef struct moe_traffic {
  const char *kernel, *array; /* live as long as the executable */
  moe_transfer load, store;
} moe_traffic;

/* Compiles a gate's CUDA source for the emulator: the kernels run on the host, thread by thread, and what they must not
 * do (race, read what nobody wrote, leave their buffers, miss a barrier) is a failure of the call, MOE_FINDING. Arrays
 * and blocks are host memory. Needs libmoe_emulator.so ($MOE_EMULATOR_LIBRARY, else beside this library) and a C++
 * compiler. `options`: null for the defaults. */
MOE_API moe_status moe_prepare_emulator(const moe_gate *gate, const moe_emulator_options *options,
                                        moe_executable **out);
/* Other options for the calls that follow; compiles nothing. Not while a call is running. */
MOE_API moe_status moe_set_emulator_options(moe_executable *executable, const moe_emulator_options *options);
/* The traffic of the last call: fills `rows` up to `*count` of them and sets `*count` to how many there are. `rows` may
 * be null. */
MOE_API moe_status moe_last_traffic(const moe_executable *executable, moe_traffic *rows, uint32_t *count);

/* Sizes of the caller's blocks for calls of up to `token_count` tokens in up to `piece_count` pieces of the finest
 * level that is divided by offsets (0 for a gate without pieces by offsets); all blocks are 64-byte aligned. The CPU's
 * workspace grows with the thread count and, up to 256 chunks, with the tokens; a gate with several passes may keep
 * arrays of tokens or pieces in it. */
MOE_API moe_status moe_workspace_bytes(const moe_executable *executable, int64_t token_count, int64_t piece_count,
                                       uint64_t *bytes);
MOE_API moe_status moe_accumulator_bytes(const moe_executable *executable, uint64_t *bytes);
/* What forward keeps for backward: `saved` of one forward call of `token_count` tokens in `piece_count` pieces (exactly
 * as many: an array's place in it depends on them), and `coefficients`, of everything that was accumulated when finish
 * ran. 0 where a gate keeps nothing of the kind. Array by array in the order of the forward gate, each aligned to
 * MOE_ALIGNMENT. */
MOE_API moe_status moe_saved_bytes(const moe_executable *executable, int64_t token_count, int64_t piece_count,
                                   uint64_t *bytes);
MOE_API moe_status moe_coefficient_bytes(const moe_executable *executable, uint64_t *bytes);
/* Once per workspace, before its first call (CUDA: enqueued on `stream`): ties the workspace to this executable. Calls
 * may follow one another on one workspace; two at the same time may not share one. To be repeated after a CUDA launch
 * that was aborted. */
MOE_API moe_status moe_init_workspace(const moe_executable *executable, void *workspace, uint64_t bytes, void *stream);

/* One call, of moe_run or of moe_run_backward. */
typedef struct moe_call {
  uint32_t struct_size; /* sizeof(moe_call) */
  uint32_t phase;       /* moe_phase bits */
  int64_t token_count;  /* of this call (with layers: of each), at most INT32_MAX in all; ignored by MOE_FINISH alone */
  const moe_binding *bindings; /* [array_count], in descriptor order; `data` null leaves a param at its default */
  void *accumulators;          /* null with MOE_ACCUMULATE alone: collect nothing; backward: not used */
  void *workspace;
  uint64_t workspace_bytes;
  void *stream; /* CUstream; ignored on the CPU */
  /* What this forward call keeps for its backward, or null: keep nothing. Backward reads both; null only where the
   * executable needs no bytes for it. MOE_ACCUMULATE writes `saved`, MOE_FINISH writes `coefficients`. */
  void *saved;
  uint64_t saved_bytes; /* at least moe_saved_bytes */
  void *coefficients;
  uint64_t coefficient_bytes; /* at least moe_coefficient_bytes */
  /* Of the random numbers (uniform, normal): one seed for a run, one offset for each forward call (its backward takes
   * the same), and the number of this call's first token among those of all ranks, so that they do not depend on the
   * split. */
  uint64_t seed;
  int64_t first_token;
  uint32_t offset;
  uint32_t reserved;
} moe_call;

/* Runs or enqueues the call. Everything the host can see is checked before anything is touched. */
MOE_API moe_status moe_run(const moe_executable *executable, const moe_call *call);
/* Runs or enqueues the backward of a forward call: the gradients of the inputs, from those of the outputs and the
 * scales of the losses. `bindings` are in the order of gate->backward->arrays; every incoming gradient has to be bound
 * (zeros where there is none), a scale may stay at its default 1. `token_count` and `saved` are the forward call's, and
 * the inputs still hold what it read; `coefficients` were written by the MOE_FINISH of the losses. `phase` is 0, or
 * MOE_ADD to add to the gradients that stand in the arrays. The workspace may be the forward call's. One launch per
 * pass; what a backward program sums over the tokens, it keeps in the workspace. MOE_UNSUPPORTED where the gate has no
 * backward. */
MOE_API moe_status moe_run_backward(const moe_executable *executable, const moe_call *call);

/* Runs or enqueues the step: the new values of the states, from `call->accumulators`, which any number of forward calls
 * has collected (MOE_ACCUMULATE, or MOE_FORWARD for one), in place of the old ones. `bindings` are in the order of
 * gate->step->arrays; phase and token_count are ignored. No token was accumulated: the states of a gate that has tokens
 * stay as they are. MOE_UNSUPPORTED where the gate has no updates. */
MOE_API moe_status moe_run_step(const moe_executable *executable, const moe_call *call);

/* NVRTC without a device: compiles `source` (a `gate->cuda_source`) for `arch` ("sm_80"), to a cubin, or to PTX when
 * `ptx` != 0. `name` is the file name that messages show. `log` may be null; otherwise it gets the compiler's log, for
 * cubins with ptxas' resource report, also when the source is refused. Free both with moe_free. */
MOE_API moe_status moe_compile_cuda(const char *source, const char *name, const char *arch, int ptx, char **code,
                                    size_t *code_bytes, char **log);
MOE_API void moe_free(void *memory);

/* Sizes of the structures on the 64-bit machines we run on: a changed layout needs a new MOE_ABI_VERSION. */
#if defined(__LP64__)
#ifdef __cplusplus
#define MOE_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " has changed: raise MOE_ABI_VERSION")
#else
#define MOE_ASSERT_SIZE(type, bytes)                                                                                   \
  _Static_assert(sizeof(type) == (bytes), #type " has changed: raise MOE_ABI_VERSION")
#endif
MOE_ASSERT_SIZE(moe_axis, 56);
MOE_ASSERT_SIZE(moe_array, 64);
MOE_ASSERT_SIZE(moe_accumulator, 48);
MOE_ASSERT_SIZE(moe_cpu_call, 88);
MOE_ASSERT_SIZE(moe_cpu_pass, 32);
MOE_ASSERT_SIZE(moe_cpu_variant, 16);
MOE_ASSERT_SIZE(moe_cuda_kernel, 32);
MOE_ASSERT_SIZE(moe_gate, 152);
MOE_ASSERT_SIZE(moe_binding, 40);
MOE_ASSERT_SIZE(moe_call, 112);
MOE_ASSERT_SIZE(moe_emulator_options, 16);
MOE_ASSERT_SIZE(moe_traffic, 96);
#undef MOE_ASSERT_SIZE
#endif

#ifdef __cplusplus
}
#endif
#endif
