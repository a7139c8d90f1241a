// Checks of a gate descriptor. A descriptor is made by our compiler, but it comes from an object file that may be older
// than this library or damaged, so every field that later code trusts is looked at once, when an executable is
// prepared.
#include "Descriptor.h"
#include "Error.h"

#include <cstring>

namespace moe::rt {

int32_t levelOfSize(int64_t size, bool &isBounds) {
  isBounds = size == MOE_PIECES_PLUS_1 || (size < MOE_DISPATCH_ROWS && size % 2 == 0);
  if (size == MOE_DISPATCH_ROWS)
    return -1;
  if (size >= MOE_PIECES_PLUS_1)
    return size == MOE_TOKENS ? 0 : 1;
  return static_cast<int32_t>((isBounds ? -size - 2 : -size - 1) / 2);
}

int64_t sizeIn(const moe_array &array, uint32_t axis, const Extent &extent) {
  int64_t size = array.sizes[axis];
  if (size >= 0)
    return size;
  bool isBounds = false;
  int32_t level = levelOfSize(size, isBounds);
  if (level < 0)
    return array.per_token * extent.rows() + array.extra;
  // What never leaves the runtime has all layers in one.
  bool isCallers = array.role == MOE_INPUT || array.role == MOE_OUTPUT;
  auto index = static_cast<uint32_t>(level);
  return (isCallers ? extent.inLayer(index) : extent.counts[index]) + isBounds;
}

uint64_t elementCount(const moe_array &array, const Extent &extent) {
  uint64_t count = 1;
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    count *= static_cast<uint64_t>(sizeIn(array, axis, extent));
  return count;
}

uint64_t arrayBytes(const moe_array &array, const Extent &extent) {
  return elementCount(array, extent) * moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
}

uint64_t rowBytes(const moe_array &array) {
  uint64_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
  for (uint32_t axis = array.flags & MOE_ARRAY_LAYERED ? 1 : 0; axis < array.rank; ++axis)
    if (array.sizes[axis] >= 0)
      bytes *= static_cast<uint64_t>(array.sizes[axis]);
  return bytes;
}

const moe_axis *pieceAxis(const moe_gate &gate, uint32_t level) {
  for (uint32_t i = 0; i < gate.axis_count; ++i)
    if (isPieces(gate.axes[i]) && --level == 0)
      return &gate.axes[i];
  return nullptr;
}

const char *roleName(uint32_t role) {
  static const char *const names[] = {"input",       "param",       "output",      "loss", "metric",
                                      "status word", "coefficient", "saved array", "state"};
  return role < sizeof(names) / sizeof(*names) ? names[role] : "array of unknown role";
}

static moe_status checkTables(const moe_gate &gate) {
  struct Table {
    const char *name;
    uint64_t count;
    const void *data;
  } tables[] = {{"axes", gate.axis_count, gate.axes},
                {"arrays", gate.array_count, gate.arrays},
                {"accumulators", gate.accumulator_count, gate.accumulators},
                {"cpu_variants", gate.cpu_variant_count, gate.cpu_variants},
                {"cuda_kernels", gate.cuda_kernel_count, gate.cuda_kernels}};
  for (const Table &table : tables)
    if (table.count && !table.data)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': table %s is null, but should have %llu entries", gate.name,
                  table.name, static_cast<unsigned long long>(table.count));
  if (gate.array_count > MOE_MAX_ARRAYS)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' has %u arrays, at most %u are supported", gate.name, gate.array_count,
                MOE_MAX_ARRAYS);
  if (gate.pass_count == 0 || gate.pass_count > MOE_MAX_PASSES)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' has %u passes, expected 1 to %u", gate.name, gate.pass_count,
                MOE_MAX_PASSES);
  for (uint32_t i = 0; i < gate.axis_count; ++i)
    if (!gate.axes[i].name || gate.axes[i].size < -1)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': axis %u has no name or a negative size", gate.name, i);
  return MOE_OK;
}

/// Each axis of pieces divides the one of the level before, in one way.
static moe_status checkLevels(const moe_gate &gate) {
  uint32_t level = 0;
  const moe_axis *finer = nullptr;
  bool isCounted = false;
  for (uint32_t i = 0; i < gate.axis_count; ++i) {
    const moe_axis &axis = gate.axes[i];
    if (!isPieces(axis))
      continue;
    if (axis.length < 0 || axis.count < 0 || (axis.length != 0) + (axis.count != 0) + (axis.offsets != nullptr) != 1)
      return fail(
          MOE_INVALID_ARGUMENT,
          "gate '%s': axis '%s' has %lld pieces of %lld elements%s; expected a number or a length of 1 or more, "
          "or offsets",
          gate.name, axis.name, static_cast<long long>(axis.count), static_cast<long long>(axis.length),
          axis.offsets ? " and offsets" : "");
    if (finer && (!axis.of || std::strcmp(axis.of, finer->name)))
      return fail(
          MOE_INVALID_ARGUMENT,
          "gate '%s': axes '%s' and '%s' both divide the tokens; expected each axis of pieces to divide the one "
          "before",
          gate.name, finer->name, axis.name);
    if (++level > maxLevels)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s' divides its tokens more than %u times", gate.name, maxLevels);
    if (gate.layers && axis.count && !isCounted && axis.count % gate.layers)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': axis '%s' has %lld elements for %u layers", gate.name, axis.name,
                  static_cast<long long>(axis.count), gate.layers);
    isCounted |= axis.count != 0;
    finer = &axis;
  }
  if (gate.layers > maxLayers)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' has %u layers, at most %u are supported", gate.name, gate.layers,
                maxLayers);
  return MOE_OK;
}

/// Whether the elements of a level are the same in each layer: they are finer than an axis of so many pieces.
static bool isSameInLayers(const moe_gate &gate, uint32_t level) {
  for (uint32_t i = 1; i <= level; ++i)
    if (pieceAxis(gate, i)->count)
      return false;
  return true;
}

/// The run-time axis of an array is that of the tokens, or of a level of pieces that there is.
static moe_status checkPieceArray(const moe_gate &gate, const moe_array &array) {
  bool isBounds = false;
  int32_t level = hasRunTimeAxis(array) ? levelOfSize(outerSize(array), isBounds) : 0;
  if (level <= 0)
    return MOE_OK;
  const moe_axis *pieces = pieceAxis(gate, static_cast<uint32_t>(level));
  if (!pieces)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has an axis of pieces of level %d, but no axis divides %s",
                gate.name, array.name, level, level == 1 ? "the tokens" : "those of the level before");
  if (isBounds && (array.rank != 1 || array.role != MOE_INPUT || array.dtype != MOE_I32 || !pieces->offsets ||
                   std::strcmp(pieces->offsets, array.name)))
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': array '%s' has one element more than there are pieces, and is not the i32 input of their "
                "offsets",
                gate.name, array.name);
  bool isCallers = array.role == MOE_INPUT || array.role == MOE_OUTPUT;
  if (gate.layers && isCallers && !isBounds && !(array.flags & MOE_ARRAY_LAYERED) &&
      isSameInLayers(gate, static_cast<uint32_t>(level)))
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': array '%s' has a row for each element of '%s', but none for each layer of them", gate.name,
                array.name, pieces->name);
  return MOE_OK;
}

static moe_status checkPieces(const moe_gate &gate) {
  if (moe_status status = checkLevels(gate))
    return status;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (moe_status status = checkPieceArray(gate, gate.arrays[i]))
      return status;
  const moe_axis *pieces = nullptr;
  for (uint32_t level = 1; (pieces = pieceAxis(gate, level)); ++level) {
    int32_t index = pieces->offsets ? moe_find_array(&gate, pieces->offsets, 1) : 0;
    if (pieces->offsets && (index < 0 || outerSize(gate.arrays[index]) != MOE_PIECES_OF_LEVEL_PLUS_1(int64_t(level))))
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': axis '%s' takes its offsets from '%s', which is no such input",
                  gate.name, pieces->name, pieces->offsets);
  }
  return MOE_OK;
}

/// What flags say fits the role.
static moe_status checkFlags(const moe_gate &gate, const moe_array &array) {
  if (array.flags & ~static_cast<uint32_t>(MOE_ARRAY_ADDS | MOE_ARRAY_LAYERED))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has unknown flags (%u)", gate.name, array.name,
                array.flags);
  if ((array.flags & MOE_ARRAY_ADDS) && (array.role != MOE_OUTPUT || array.dtype > MOE_F16))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': %s '%s' is flagged to be added to; only outputs of floats may be",
                gate.name, roleName(array.role), array.name);
  if (!(array.flags & MOE_ARRAY_LAYERED))
    return MOE_OK;
  if ((array.role != MOE_INPUT && array.role != MOE_OUTPUT) || !gate.layers || array.rank < 2 ||
      array.sizes[0] != gate.layers || array.sizes[1] >= 0 || array.sizes[1] == MOE_DISPATCH_ROWS)
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': %s '%s' is flagged to have layers; expected an input or output of sizes [%u, tokens or "
                "pieces, …] in a gate with layers",
                gate.name, roleName(array.role), array.name, gate.layers);
  return MOE_OK;
}

/// A role fixes the shape and type of scalars.
static moe_status checkRole(const moe_gate &gate, const moe_array &array) {
  bool scalar = array.rank == 0;
  if (array.role == MOE_PARAM && !(scalar && array.dtype == MOE_F32))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': param '%s' is not a scalar f32", gate.name, array.name);
  if (array.role == MOE_LOSS && !(scalar && array.dtype == MOE_F32))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': loss '%s' is not a scalar f32", gate.name, array.name);
  if (array.role == MOE_STATUS_WORD && !(scalar && array.dtype == MOE_I32))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': status word '%s' is not a scalar i32", gate.name, array.name);
  if (hasRunTimeAxis(array) && array.role != MOE_INPUT && array.role != MOE_OUTPUT && array.role != MOE_SAVED &&
      array.role != MOE_COEFFICIENT)
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': %s '%s' has an axis of tokens or pieces; only inputs, outputs, saved arrays and "
                "coefficients may",
                gate.name, roleName(array.role), array.name);
  if (array.dtype == MOE_I16 && array.role != MOE_OUTPUT)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': %s '%s' is of i16; only outputs may be", gate.name,
                roleName(array.role), array.name);
  return checkFlags(gate, array);
}

static moe_status checkArray(const moe_gate &gate, uint32_t index) {
  const moe_array &array = gate.arrays[index];
  if (!array.name)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array %u has no name", gate.name, index);
  if (array.role > MOE_STATE || array.dtype > MOE_I16)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has an unknown role (%u) or dtype (%u)", gate.name,
                array.name, array.role, array.dtype);
  if (array.rank > MOE_MAX_RANK)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has rank %u, at most %u is supported", gate.name,
                array.name, array.rank, MOE_MAX_RANK);
  if (array.rank && (!array.sizes || !array.axis_names))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has no sizes or no axis names", gate.name, array.name);
  uint64_t rest = 1;
  uint32_t outer = array.flags & MOE_ARRAY_LAYERED ? 1 : 0;
  for (uint32_t axis = 0; axis < array.rank; ++axis) {
    int64_t size = array.sizes[axis];
    if (!array.axis_names[axis])
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': axis %u of array '%s' has no name", gate.name, axis, array.name);
    if (size < MOE_PIECES_OF_LEVEL_PLUS_1(int64_t(maxLevels)) || (size < 0 && axis != outer))
      return fail(MOE_INVALID_ARGUMENT,
                  "gate '%s': axis %u of array '%s' has size %lld; only the first (behind the layers) may be negative, "
                  "and at least %lld",
                  gate.name, axis, array.name, static_cast<long long>(size),
                  static_cast<long long>(MOE_PIECES_OF_LEVEL_PLUS_1(int64_t(maxLevels))));
    if (size >= 0 && __builtin_mul_overflow(rest, static_cast<uint64_t>(size), &rest))
      rest = UINT64_MAX;
  }
  if (rest > INT32_MAX) // times INT32_MAX tokens times 8 bytes still fits in 64 bits
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': array '%s' has more than 2^31 - 1 elements (per token)", gate.name,
                array.name);
  bool isDispatch = array.rank && array.sizes[0] == MOE_DISPATCH_ROWS;
  if (isDispatch ? array.per_token < 1 || array.per_token > INT32_MAX || array.extra < 0 || array.extra > INT32_MAX ||
                       array.rank != 1 || array.role != MOE_OUTPUT
                 : array.per_token || array.extra)
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': array '%s' has %lld rows for each token and %lld more; expected an output of size -4 with "
                "1 or more, and 0 or more",
                gate.name, array.name, static_cast<long long>(array.per_token), static_cast<long long>(array.extra));
  for (uint32_t other = 0; other < index; ++other)
    if (isRead(array) == isRead(gate.arrays[other]) && !std::strcmp(array.name, gate.arrays[other].name))
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': two arrays of one direction have the name '%s'", gate.name,
                  array.name);
  return checkRole(gate, array);
}

static moe_status checkAccumulator(const moe_gate &gate, uint32_t index) {
  const moe_accumulator &accumulator = gate.accumulators[index];
  if (!accumulator.name)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulator %u has no name", gate.name, index);
  if (accumulator.combine > MOE_MAXNUM ||
      (accumulator.dtype != MOE_F32 && accumulator.dtype != MOE_F64 && accumulator.dtype != MOE_I32))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulator '%s' has an unknown combine (%u) or dtype (%u)",
                gate.name, accumulator.name, accumulator.combine, accumulator.dtype);
  if (accumulator.flags & ~static_cast<uint32_t>(MOE_PER_PIECE | MOE_RANKED))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulator '%s' has unknown flags (%u)", gate.name, accumulator.name,
                accumulator.flags);
  if ((accumulator.flags & MOE_PER_PIECE) && !pieceAxis(gate))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulator '%s' is one per piece, but no axis divides the tokens",
                gate.name, accumulator.name);
  bool isRanked = accumulator.flags & MOE_RANKED;
  if (accumulator.pass >= gate.pass_count ||
      (isRanked ? accumulator.rank_pass <= accumulator.pass || accumulator.rank_pass >= gate.pass_count ||
                      accumulator.dtype != MOE_I32 || accumulator.combine != MOE_SUM
                : accumulator.rank_pass != 0))
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s': accumulator '%s' is collected in pass %u and counted on from in pass %u of %u; expected a "
                "later pass for a sum of i32 that is ranked, and 0 for others",
                gate.name, accumulator.name, accumulator.pass, accumulator.rank_pass, gate.pass_count);
  uint64_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(accumulator.dtype));
  uint64_t end;
  if (accumulator.offset < sizeof(int64_t) || accumulator.offset % bytes ||
      __builtin_mul_overflow(accumulator.count, bytes, &end) || __builtin_add_overflow(end, accumulator.offset, &end) ||
      end > gate.accumulator_bytes)
    return fail(
        MOE_INVALID_ARGUMENT,
        "gate '%s': accumulator '%s' (%llu elements at offset %llu) overlaps the token count, is misaligned, or "
        "does not fit in %llu bytes",
        gate.name, accumulator.name, static_cast<unsigned long long>(accumulator.count),
        static_cast<unsigned long long>(accumulator.offset), static_cast<unsigned long long>(gate.accumulator_bytes));
  for (uint32_t i = 0; i < index; ++i) {
    const moe_accumulator &other = gate.accumulators[i];
    uint64_t otherEnd = other.offset + other.count * moe_dtype_bytes(static_cast<moe_dtype>(other.dtype));
    if (accumulator.offset < otherEnd && other.offset < end)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulators '%s' and '%s' overlap", gate.name, other.name,
                  accumulator.name);
  }
  return MOE_OK;
}

static moe_status checkMemory(const moe_gate &gate) {
  if (gate.accumulator_bytes < sizeof(int64_t))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': the accumulator block has no room for the token count", gate.name);
  for (uint32_t i = 0; i < gate.accumulator_count; ++i)
    if (moe_status status = checkAccumulator(gate, i))
      return status;
  uint64_t coefficients = 0, keptPerRow = 0;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    if (array.role == MOE_COEFFICIENT && !hasRunTimeAxis(array))
      coefficients += alignUp(rowBytes(array));
    if ((array.role == MOE_SAVED || array.role == MOE_COEFFICIENT) && hasRunTimeAxis(array))
      keptPerRow += rowBytes(array);
  }
  if (keptPerRow > INT32_MAX) // times INT32_MAX tokens or pieces still fits in 64 bits
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' keeps more than 2^31 - 1 bytes per token", gate.name);
  if (coefficients != gate.coefficient_bytes)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': coefficient_bytes is %llu, but the coefficient arrays take %llu",
                gate.name, static_cast<unsigned long long>(gate.coefficient_bytes),
                static_cast<unsigned long long>(coefficients));
  return MOE_OK;
}

/// A pass runs over the tokens, or over pieces that there are; where these come in no pieces, nothing is per piece.
static moe_status checkPassLevel(const moe_gate &gate, uint32_t pass, uint32_t level) {
  bool hasPieces = level < maxLevels && pieceAxis(gate, level + 1);
  if (level > 0 && (level > maxLevels || !pieceAxis(gate, level)))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': pass %u runs over pieces of level %u, which the gate does not have",
                gate.name, pass, level);
  for (uint32_t i = 0; i < gate.accumulator_count && !hasPieces; ++i)
    if (gate.accumulators[i].pass == pass && (gate.accumulators[i].flags & MOE_PER_PIECE))
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': accumulator '%s' is one per piece, but no axis divides %s",
                  gate.name, gate.accumulators[i].name, level ? "the pieces of its pass" : "the tokens");
  return MOE_OK;
}

static moe_status checkTargets(const moe_gate &gate, const char *cudaSource) {
  for (uint32_t i = 0; i < gate.cpu_variant_count; ++i) {
    const moe_cpu_variant &variant = gate.cpu_variants[i];
    if (!variant.isa || !variant.passes)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': CPU variant %u has no instruction set name or no passes", gate.name,
                  i);
    for (uint32_t pass = 0; pass < gate.pass_count; ++pass)
      if (!variant.passes[pass].rows || !variant.passes[pass].finish)
        return fail(MOE_INVALID_ARGUMENT, "gate '%s': CPU variant '%s' lacks a function of pass %u", gate.name,
                    variant.isa, pass);
      else if (moe_status status = checkPassLevel(gate, pass, variant.passes[pass].level))
        return status;
  }
  if (gate.cuda_kernel_count == 0)
    return MOE_OK;
  if (gate.cuda_kernel_count != gate.pass_count || !cudaSource)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' has %u CUDA kernels for %u passes, or no CUDA source", gate.name,
                gate.cuda_kernel_count, gate.pass_count);
  for (uint32_t i = 0; i < gate.cuda_kernel_count; ++i) {
    const moe_cuda_kernel &kernel = gate.cuda_kernels[i];
    if (!kernel.name || kernel.threads == 0 || kernel.threads > 1024 || kernel.rows_per_block == 0 ||
        kernel.max_blocks == 0)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': CUDA kernel %u lacks a name, threads (1 to 1024), rows or blocks",
                  gate.name, i);
    if (moe_status status = checkPassLevel(gate, i, kernel.level))
      return status;
  }
  if (gate.cuda_workspace_bytes < MOE_WORKSPACE_HEADER_BYTES + gate.coefficient_bytes)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s': the CUDA workspace has no room for its header and the coefficients",
                gate.name);
  return MOE_OK;
}

/// The saved array of the forward gate that a saved array of its backward stands for.
static moe_status checkSavedArray(const moe_gate &forward, const moe_gate &backward, const moe_array &array) {
  for (uint32_t i = 0; i < forward.array_count; ++i) {
    const moe_array &other = forward.arrays[i];
    if (other.role != MOE_SAVED || std::strcmp(other.name, array.name))
      continue;
    bool same = other.dtype == array.dtype && other.rank == array.rank;
    for (uint32_t axis = 0; same && axis < array.rank; ++axis)
      same = other.sizes[axis] == array.sizes[axis];
    return same ? MOE_OK
                : fail(MOE_INVALID_ARGUMENT,
                       "gate '%s': saved array '%s' has another dtype or other sizes than that of gate '%s'",
                       backward.name, array.name, forward.name);
  }
  return fail(MOE_INVALID_ARGUMENT, "gate '%s': saved array '%s' is none of gate '%s', which should write it",
              backward.name, array.name, forward.name);
}

/// What two programs must agree on, so that one executable can hold both. `role`: "backward" or "step".
static moe_status checkPair(const moe_gate &forward, const moe_gate &other, const char *role) {
  if (other.backward || other.step)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s', the %s of gate '%s', has a %s of its own", other.name, role,
                forward.name, other.backward ? "backward" : "step");
  for (uint32_t i = 0; i < forward.cpu_variant_count; ++i) {
    bool found = false;
    for (uint32_t j = 0; j < other.cpu_variant_count; ++j)
      found |= !std::strcmp(forward.cpu_variants[i].isa, other.cpu_variants[j].isa);
    if (!found)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s' has a CPU variant '%s', its %s has none", forward.name,
                  forward.cpu_variants[i].isa, role);
  }
  if ((forward.cuda_kernel_count == 0) != (other.cuda_kernel_count == 0))
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' has %u CUDA kernels, its %s %u: both or none must have some",
                forward.name, forward.cuda_kernel_count, role, other.cuda_kernel_count);
  return MOE_OK;
}

static moe_status checkBackward(const moe_gate &forward, const moe_gate &backward) {
  bool savesRows = false;
  for (uint32_t i = 0; i < backward.array_count; ++i)
    if (const moe_array &array = backward.arrays[i]; array.role == MOE_SAVED) {
      savesRows |= array.rank && array.sizes[0] < 0;
      if (moe_status status = checkSavedArray(forward, backward, array))
        return status;
    }
  // A backward that reads no row of any layer may know nothing of them.
  bool isSame = forward.layers == backward.layers || (!backward.layers && !savesRows);
  const moe_axis *others = nullptr;
  for (uint32_t level = 1; (others = pieceAxis(backward, level)); ++level) {
    const moe_axis *pieces = pieceAxis(forward, level);
    isSame &= pieces && pieces->length == others->length && pieces->count == others->count;
  }
  if (!isSame)
    return fail(MOE_INVALID_ARGUMENT, "gate '%s' and its backward divide the tokens in different ways", forward.name);
  return checkPair(forward, backward, "backward");
}

/// Whether the step has an accumulator where the gate has one, and of the same kind.
static bool isSameAccumulator(const moe_accumulator &a, const moe_accumulator &b) {
  return !std::strcmp(a.name, b.name) && a.combine == b.combine && a.dtype == b.dtype && a.count == b.count &&
         a.offset == b.offset;
}

static moe_status checkStep(const moe_gate &forward, const moe_gate &step) {
  bool same =
      forward.accumulator_count == step.accumulator_count && forward.accumulator_bytes == step.accumulator_bytes;
  for (uint32_t i = 0; same && i < step.accumulator_count; ++i)
    same = isSameAccumulator(forward.accumulators[i], step.accumulators[i]);
  if (!same || step.pass_count != 1)
    return fail(MOE_INVALID_ARGUMENT,
                "gate '%s', the step of gate '%s', has %u passes, or other accumulators; expected one pass, and those "
                "of the gate",
                step.name, forward.name, step.pass_count);
  for (uint32_t i = 0; i < step.array_count; ++i)
    if (hasRunTimeAxis(step.arrays[i]) || step.arrays[i].role == MOE_SAVED)
      return fail(MOE_INVALID_ARGUMENT, "gate '%s': %s '%s' has no place in a step, which sees no tokens", step.name,
                  roleName(step.arrays[i].role), step.arrays[i].name);
  return checkPair(forward, step, "step");
}

/// One descriptor, without its backward and step. `cudaSource` is the text that its kernels stand in.
static moe_status checkProgram(const moe_gate &gate, const char *cudaSource) {
  if (gate.abi_version != MOE_ABI_VERSION)
    return fail(MOE_VERSION_MISMATCH,
                "the gate descriptor has version %u, this runtime reads version %u; compile the gate again with the "
                "moe-opt that came with this runtime",
                gate.abi_version, MOE_ABI_VERSION);
  if (gate.struct_size != sizeof(moe_gate))
    return fail(MOE_VERSION_MISMATCH, "the gate descriptor has %u bytes, version %u of it has %zu", gate.struct_size,
                MOE_ABI_VERSION, sizeof(moe_gate));
  if (!gate.name)
    return fail(MOE_INVALID_ARGUMENT, "the gate descriptor has no name");
  if (moe_status status = checkTables(gate))
    return status;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (moe_status status = checkArray(gate, i))
      return status;
  if (moe_status status = checkPieces(gate))
    return status;
  if (moe_status status = checkMemory(gate))
    return status;
  return checkTargets(gate, cudaSource);
}

} // namespace moe::rt

using namespace moe::rt;

extern "C" moe_status moe_check_gate(const moe_gate *gate) {
  if (!gate)
    return fail(MOE_INVALID_ARGUMENT, "the gate descriptor is null");
  // The version comes first: fields after it may mean something else in another one.
  if (moe_status status = checkProgram(*gate, gate->abi_version == MOE_ABI_VERSION ? gate->cuda_source : nullptr))
    return status;
  if (gate->backward) {
    if (moe_status status = checkProgram(*gate->backward, gate->cuda_source))
      return status;
    if (moe_status status = checkBackward(*gate, *gate->backward))
      return status;
  }
  if (!gate->step)
    return MOE_OK;
  if (moe_status status = checkProgram(*gate->step, gate->cuda_source))
    return status;
  return checkStep(*gate, *gate->step);
}

extern "C" int32_t moe_find_array(const moe_gate *gate, const char *name, int in) {
  if (!gate || !name)
    return -1;
  for (uint32_t i = 0; i < gate->array_count; ++i)
    if (isRead(gate->arrays[i]) == (in != 0) && !std::strcmp(gate->arrays[i].name, name))
      return static_cast<int32_t>(i);
  return -1;
}
