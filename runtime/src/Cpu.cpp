// A call on the CPU: pass by pass, rows and pieces (CpuPass.h), then finish.
//
// Workspace: header | coefficients | what this call accumulates itself (backward; passes before the last one) | scratch
// and a block of each thread | blocks of each chunk | offsets of the pieces | pointers to layers | coefficients with
// tokens or pieces. Parts whose sizes depend on the call come last and only grow with it, so one workspace serves calls
// of any size up to its own.
#include "Accumulators.h"
#include "Chunks.h"
#include "CpuFeatures.h"
#include "CpuPass.h"
#include "Error.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace moe::rt {
namespace {

/// At the start of a workspace.
struct Header {
  uint64_t magic;      ///< headerMagic once moe_init_workspace has run
  uint64_t executable; ///< serial number of the executable that the workspace is tied to
  uint64_t bytes;      ///< as given to moe_init_workspace
  uint32_t busy;       ///< 1 while a call uses the workspace
};
static_assert(sizeof(Header) <= MOE_WORKSPACE_HEADER_BYTES);
/// The accumulator in which a gate with offsets counts the calls whose offsets were out of place.
constexpr const char *badOffsetsAccumulator = "bad_offsets_seen";
constexpr uint64_t headerMagic = 0x6d6f652077737031; // "moe wsp1"

uint64_t nextSerial() {
  static std::atomic<uint64_t> serial{0};
  return ++serial;
}

class CpuExecutable final : public moe_executable {
public:
  CpuExecutable(const moe_gate &gate, const moe_cpu_variant &variant, uint32_t threads)
      : moe_executable(gate), variant(variant), backwardVariant(sameIsa(gate.backward)),
        stepVariant(sameIsa(gate.step)), threads(threads), serial(nextSerial()) {}

  uint64_t programBytes(const Program &program, const Extent &extent) const override {
    return carriedOffset(program, extent) + program.carriedBytes(extent);
  }
  uint64_t accumulatorOffset(const Program &backward) const override {
    return MOE_WORKSPACE_HEADER_BYTES + alignUp(backward.gate.coefficient_bytes);
  }
  moe_status initWorkspace(void *workspace, uint64_t bytes, void *) const override {
    std::memset(workspace, 0, MOE_WORKSPACE_HEADER_BYTES);
    *static_cast<Header *>(workspace) = {headerMagic, serial, bytes, 0};
    return MOE_OK;
  }
  moe_status run(const Program &program, const moe_call &call) const override;

private:
  const moe_cpu_variant *sameIsa(const moe_gate *program) const {
    if (!program)
      return nullptr;
    return std::find_if(program->cpu_variants, program->cpu_variants + program->cpu_variant_count,
                        [&](const moe_cpu_variant &other) { return !std::strcmp(other.isa, variant.isa); });
  }
  const moe_cpu_variant &variantOf(const Program &program) const {
    switch (program.kind) {
    case ProgramKind::Backward:
      return *backwardVariant;
    case ProgramKind::Step:
      return *stepVariant;
    default:
      return variant;
    }
  }
  /// Passes before the last one collect apart from the caller's block. (That of a backward call is in the workspace.)
  static bool hasOwnBlock(const Program &program) { return program.gate.pass_count > 1 && !program.isBackward; }
  uint64_t blockStride(const Program &program) const { return alignUp(program.gate.accumulator_bytes); }
  uint64_t scratchBytes(const Program &program) const { return alignUp(program.gate.cpu_scratch_bytes); }
  uint64_t threadStride(const Program &program) const {
    return scratchBytes(program) + (isDivided(program.gate) ? blockStride(program) : 0);
  }
  uint64_t threadOffset(const Program &program) const {
    return accumulatorOffset(program) + (program.isBackward || hasOwnBlock(program) ? blockStride(program) : 0);
  }
  uint64_t chunkOffset(const Program &program) const { return threadOffset(program) + threads * threadStride(program); }
  uint64_t boundsOffset(const Program &program, const Extent &extent) const {
    return chunkOffset(program) + maxCpuChunks(extent) * blocksPerChunk(program.gate) * blockStride(program);
  }
  uint64_t tablesOffset(const Program &program, const Extent &extent) const {
    return boundsOffset(program, extent) + boundsBytes(program, extent);
  }
  uint64_t carriedOffset(const Program &program, const Extent &extent) const {
    return tablesOffset(program, extent) + alignUp(program.arraysByLayer * program.gate.layers * sizeof(void *));
  }
  CpuMemory memoryOf(const Program &program, const moe_call &call) const {
    char *workspace = static_cast<char *>(call.workspace);
    return {workspace + chunkOffset(program),
            workspace + threadOffset(program),
            blockStride(program),
            threadStride(program),
            blocksPerChunk(program.gate),
            scratchBytes(program)};
  }

  moe_status checkWorkspace(const moe_call &call) const;
  moe_status checkAccumulated(const moe_call &call) const;
  void runPasses(const Program &program, const moe_call &call, const moe_cpu_variant &code) const;

  const moe_cpu_variant &variant;
  const moe_cpu_variant *const backwardVariant, *const stepVariant;
  const uint32_t threads;
  const uint64_t serial;
};

moe_status CpuExecutable::checkWorkspace(const moe_call &call) const {
  const Header &header = *static_cast<const Header *>(call.workspace);
  if (header.magic != headerMagic)
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace at %p is not initialised: call moe_init_workspace once before its "
                "first call",
                call.workspace);
  if (header.executable != serial)
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace at %p was initialised for another executable: call moe_init_workspace with this one",
                call.workspace);
  if (header.bytes < call.workspace_bytes)
    return fail(MOE_INVALID_ARGUMENT, "the workspace was initialised with %llu bytes, the call says it has %llu",
                static_cast<unsigned long long>(header.bytes), static_cast<unsigned long long>(call.workspace_bytes));
  return MOE_OK;
}

/// The token count after this call: a block that was never reset holds nonsense there.
moe_status CpuExecutable::checkAccumulated(const moe_call &call) const {
  if (!call.accumulators || (call.phase & MOE_RESET))
    return MOE_OK;
  int64_t held = tokenCount(call.accumulators);
  int64_t added = call.phase & MOE_ACCUMULATE ? call.token_count * std::max<int64_t>(gate.layers, 1) : 0;
  if (held < 0 || held > INT32_MAX - added)
    return fail(
        MOE_INVALID_ARGUMENT,
        "the accumulator block says it holds %lld tokens, and %lld come on top; expected at most %d in all: was it "
        "ever reset (MOE_ACCUMULATE | MOE_RESET)?",
        static_cast<long long>(held), static_cast<long long>(added), INT32_MAX);
  return MOE_OK;
}

moe_status CpuExecutable::run(const Program &program, const moe_call &call) const {
  if (moe_status status = checkWorkspace(call))
    return status;
  if (moe_status status = checkAccumulated(call))
    return status;
  Header &header = *static_cast<Header *>(call.workspace);
  if (__atomic_exchange_n(&header.busy, 1u, __ATOMIC_ACQUIRE))
    return fail(MOE_INVALID_ARGUMENT, "the workspace at %p is in use by another call: concurrent calls need one each",
                call.workspace);
  runPasses(program, call, variantOf(program));
  __atomic_store_n(&header.busy, 0u, __ATOMIC_RELEASE);
  return MOE_OK;
}

/// What generated code sees of a call, in a pass over the elements of a level.
moe_cpu_call makeCall(const moe_call &call, void *const *arrays, int64_t tokens, int64_t pieces) {
  moe_cpu_call made = {};
  made.arrays = arrays;
  made.token_count = tokens;
  made.phase = call.phase;
  made.offset = call.offset;
  made.seed = call.seed;
  made.first_token = call.first_token;
  made.piece_count = pieces;
  return made;
}

/// A call whose offsets were out of place, which nobody but the runtime sees: the gate has an accumulator for it.
void countBadOffsets(const moe_gate &gate, void *block) {
  for (uint32_t i = 0; i < gate.accumulator_count; ++i)
    if (const moe_accumulator &it = gate.accumulators[i];
        !std::strcmp(it.name, badOffsetsAccumulator) && it.dtype == MOE_I32 && it.combine == MOE_SUM)
      ++*reinterpret_cast<int32_t *>(static_cast<char *>(block) + it.offset);
}

/// The pointers of generated code: of arrays, and tables of pointers to their layers.
void findArrays(const Program &program, const moe_call &call, uint64_t carriedOffset, void **tables, void **arrays) {
  for (uint32_t i = 0; i < program.gate.array_count; ++i) {
    if (!isByLayer(program.gate, program.gate.arrays[i])) {
      arrays[i] = arrayPointer(program, call, i, carriedOffset);
      continue;
    }
    arrays[i] = static_cast<void *>(tables);
    for (uint32_t layer = 0; layer < program.gate.layers; ++layer)
      *tables++ = layerPointer(program, call, i, layer);
  }
}

bool hasTokens(const moe_gate &gate) {
  return std::any_of(gate.arrays, gate.arrays + gate.array_count, [](const moe_array &array) {
    return std::find(array.sizes, array.sizes + array.rank, int64_t(MOE_TOKENS)) != array.sizes + array.rank;
  });
}

/// Merges what the passes before the last one have collected in this call.
void mergeEarlierPasses(const moe_gate &gate, void *into, const void *from) {
  for (uint32_t pass = 0; pass + 1 < gate.pass_count; ++pass)
    combine(gate, pass, /*perPiece=*/false, into, from);
}

/// Passes before the last one collect into a block of this call, which their finish is about; the last one, whose
/// finish is about all accumulated calls, into the caller's.
void CpuExecutable::runPasses(const Program &program, const moe_call &call, const moe_cpu_variant &code) const {
  const moe_gate &gate = program.gate;
  if (program.kind == ProgramKind::Step && hasTokens(this->gate) && tokenCount(call.accumulators) == 0)
    return; // the states stay as they are
  char *workspace = static_cast<char *>(call.workspace);
  Extent extent = program.extentOf(call);
  bool isBad = false;
  auto *bounds = reinterpret_cast<int32_t *>(workspace + boundsOffset(program, extent));
  AllPieces pieces = readPieces(program, call, bounds, isBad);
  CpuMemory memory = memoryOf(program, call);
  void *arrays[MOE_MAX_ARRAYS];
  findArrays(program, call, carriedOffset(program, extent),
             reinterpret_cast<void **>(workspace + tablesOffset(program, extent)), arrays);
  void *all = call.accumulators, *own = hasOwnBlock(program) ? workspace + accumulatorOffset(program) : all;
  uint32_t last = gate.pass_count - 1;
  if (call.phase & MOE_RESET)
    fillNeutral(gate, all);
  if (call.phase & MOE_ACCUMULATE) {
    if (own != all) {
      fillNeutral(gate, own);
      tokenCount(own) = extent.rows();
    }
    if (all)
      tokenCount(all) += extent.rows();
    if (isBad && all)
      countBadOffsets(gate, all);
    for (uint32_t i = 0; i <= last; ++i) {
      uint32_t level = code.passes[i].level;
      moe_cpu_call rows = makeCall(call, arrays, extent.counts[level], extent.counts[level + 1]);
      const Pieces *parts = level < program.divisions.size() ? &pieces.levels[level] : nullptr;
      CpuPass(gate, i, code.passes[i], rows, parts, memory).run(threads, i < last ? own : all);
      moe_cpu_call finish = makeCall(call, arrays, extent.rows(), extent.counts[level + 1]);
      if (i < last)
        code.passes[i].finish(&finish, own, memory.scratch(0));
    }
    if (all && own != all)
      mergeEarlierPasses(gate, all, own);
  }
  if (call.phase & MOE_FINISH) {
    moe_cpu_call finish = makeCall(call, arrays, tokenCount(all), extent.counts[code.passes[last].level + 1]);
    code.passes[last].finish(&finish, all, memory.scratch(0));
  }
}

/// The variant called `isa`, or without a name the first that runs here; null with a message otherwise.
const moe_cpu_variant *chooseVariant(const moe_gate &gate, const char *isa) {
  std::string seen;
  for (uint32_t i = 0; i < gate.cpu_variant_count; ++i) {
    const moe_cpu_variant &variant = gate.cpu_variants[i];
    std::string missing = missingFeatures(variant.isa);
    if (isa ? std::strcmp(isa, variant.isa) == 0 && missing.empty() : missing.empty())
      return &variant;
    seen += (seen.empty() ? "" : "; ") + std::string(variant.isa) +
            (missing.empty() ? " (runs here)" : " (this machine lacks " + missing + ")");
  }
  fail(MOE_UNSUPPORTED, "gate '%s' has no %s CPU variant that this machine can run; it has: %s", gate.name,
       isa ? isa : "AVX-512, AVX2 or generic", seen.empty() ? "none" : seen.c_str());
  return nullptr;
}

uint32_t ompThreads() {
#if defined(_OPENMP)
  return static_cast<uint32_t>(std::max(1, omp_get_max_threads()));
#else
  return 1;
#endif
}

} // namespace

moe_status prepareCpu(const moe_gate &gate, uint32_t threads, const char *isa, moe_executable **out) {
  const moe_cpu_variant *variant = chooseVariant(gate, isa);
  if (!variant)
    return MOE_UNSUPPORTED;
  *out = new CpuExecutable(gate, *variant, std::min(threads ? threads : ompThreads(), maxChunks));
  return MOE_OK;
}

} // namespace moe::rt
