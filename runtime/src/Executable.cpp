// Checks of a call against the descriptor, before anything is touched. A message names the array, what was expected,
// and what came.
#include "Executable.h"
#include "Descriptor.h"
#include "Error.h"

#include <algorithm>
#include <string>

using namespace moe::rt;

Program::Program(const moe_gate &gate, const moe_gate &forward, ProgramKind kind)
    : gate(gate), kind(kind), isBackward(kind == ProgramKind::Backward), saved(forward) {
  const moe_axis *axis = nullptr;
  for (uint32_t level = 1; (axis = pieceAxis(gate, level)); ++level)
    divisions.push_back({axis, axis->offsets ? moe_find_array(&gate, axis->offsets, 1) : -1});
  uint64_t offset = MOE_WORKSPACE_HEADER_BYTES;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    defaults.push_back(static_cast<float>(array.init));
    coefficientOffsets.push_back(offset);
    if (array.role == MOE_COEFFICIENT && !hasRunTimeAxis(array))
      offset += alignUp(rowBytes(array));
    savedIndices.push_back(array.role == MOE_SAVED ? saved.find(array).value() : 0);
    arraysByLayer += isByLayer(gate, array);
  }
}

/// `byOffsets(level, finer)`: the pieces of a level, in one layer, where those of the level before are `finer`.
template <typename Count> Extent Program::extentWith(int64_t tokens, Count &&byOffsets) const {
  Extent extent;
  extent.layers = gate.layers ? gate.layers : 1;
  extent.counts[0] = extent.layers * tokens;
  bool isPerLayer = true;
  for (uint32_t level = 1; level <= divisions.size(); ++level) {
    const auto &[axis, offsets] = divisions[level - 1];
    isPerLayer &= !axis->count;
    extent.perLayerLevels += isPerLayer;
    int64_t finer = extent.counts[level - 1];
    if (axis->count)
      extent.counts[level] = axis->count;
    else if (axis->length)
      extent.counts[level] = finer / axis->length;
    else
      extent.counts[level] = (isPerLayer ? extent.layers : 1) * byOffsets(level, extent.inLayer(level - 1));
  }
  return extent;
}

Extent Program::extentOf(int64_t tokens, int64_t byOffsets) const {
  bool isFinest = true;
  return extentWith(tokens, [&](uint32_t, int64_t finer) {
    int64_t count = isFinest ? byOffsets : finer;
    isFinest = false;
    return count;
  });
}

Extent Program::extentOf(const moe_call &call) const {
  if (!(call.phase & MOE_ACCUMULATE))
    return {};
  return extentWith(call.token_count, [&](uint32_t level, int64_t) -> int64_t {
    const moe_binding &offsets = call.bindings[divisions[level - 1].offsets];
    bool isKnown = offsets.data && offsets.rank == 1 && offsets.sizes && offsets.sizes[0] > 0;
    return isKnown ? offsets.sizes[0] - 1 : 0;
  });
}

uint64_t Program::carriedBytes(const Extent &extent) const {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].role == MOE_COEFFICIENT && hasRunTimeAxis(gate.arrays[i]))
      bytes += alignUp(arrayBytes(gate.arrays[i], extent));
  return bytes;
}

static std::optional<Program> programOf(const moe_gate *program, const moe_gate &forward, ProgramKind kind) {
  return program ? std::optional<Program>(std::in_place, *program, forward, kind) : std::nullopt;
}

moe_executable::moe_executable(const moe_gate &gate)
    : gate(gate), forward(gate, gate, ProgramKind::Forward),
      backward(programOf(gate.backward, gate, ProgramKind::Backward)),
      step(programOf(gate.step, gate, ProgramKind::Step)) {}

uint64_t moe_executable::workspaceBytes(int64_t tokens, int64_t pieces) const {
  uint64_t bytes = programBytes(forward, forward.extentOf(tokens, pieces));
  if (backward)
    bytes = std::max(bytes, programBytes(*backward, backward->extentOf(tokens, pieces)));
  return step ? std::max(bytes, programBytes(*step, {})) : bytes;
}

namespace moe::rt {

/// "[4096, 64]"
static std::string shapeText(const moe_array &array, const Extent &extent) {
  std::string text = "[";
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(sizeIn(array, axis, extent));
  return text + "]";
}

/// The same of a binding that has sizes.
static std::string shapeText(const moe_binding &binding) {
  std::string text = "[";
  for (uint32_t axis = 0; axis < binding.rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(binding.sizes[axis]);
  return text + "]";
}

/// A caller's dtype may be any number; only those of the enumeration may become one.
static const char *dtypeText(uint32_t dtype) {
  return dtype <= MOE_I16 ? moe_dtype_name(static_cast<moe_dtype>(dtype)) : "unknown dtype";
}

bool isNeeded(const moe_array &array, uint32_t phase) {
  switch (array.role) {
  case MOE_LOSS:
  case MOE_METRIC:
  case MOE_STATUS_WORD:
    return phase & MOE_FINISH;
  case MOE_SAVED:
    return phase & (hasRunTimeAxis(array) ? MOE_ACCUMULATE : MOE_FINISH);
  default:
    return !hasRunTimeAxis(array) || (phase & MOE_ACCUMULATE);
  }
}

static moe_status checkStrides(const moe_array &array, const moe_binding &binding) {
  int64_t expected = 1;
  for (uint32_t axis = array.rank; axis-- > 0;) {
    if (binding.sizes[axis] > 1 && binding.strides[axis] != expected)
      return fail(MOE_INVALID_ARGUMENT,
                  "%s '%s': axis %u (%s) has stride %lld, expected %lld elements: only dense arrays in C order are "
                  "accepted; copy it into one",
                  roleName(array.role), array.name, axis, array.axis_names[axis],
                  static_cast<long long>(binding.strides[axis]), static_cast<long long>(expected));
    expected *= binding.sizes[axis];
  }
  return MOE_OK;
}

/// Where an expected size comes from, for messages.
static const char *sizeSource(int64_t size) {
  if (size >= 0)
    return "the gate was compiled for";
  bool isBounds = false;
  int32_t level = levelOfSize(size, isBounds);
  if (level < 0)
    return "but the rows of the call's dispatch plan are";
  if (level == 0)
    return "but token_count of the call is";
  if (isBounds)
    return level == 1 ? "one more than the pieces of the call:" : "one more than the call's pieces of pieces:";
  return level == 1 ? "but the pieces of the call are" : "but the call's pieces of pieces are";
}

static moe_status checkShape(const moe_array &array, const moe_binding &binding, const Extent &extent) {
  const char *role = roleName(array.role);
  if (binding.rank != array.rank)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' has rank %u, expected %u: shape %s", role, array.name, binding.rank,
                array.rank, shapeText(array, extent).c_str());
  if (array.rank && !binding.sizes)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' is bound without sizes, expected %s", role, array.name,
                shapeText(array, extent).c_str());
  for (uint32_t axis = 0; axis < array.rank; ++axis) {
    int64_t expected = sizeIn(array, axis, extent);
    if (binding.sizes[axis] != expected)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s' has shape %s, expected %s: axis %u (%s) has %lld elements, %s %lld",
                  role, array.name, shapeText(binding).c_str(), shapeText(array, extent).c_str(), axis,
                  array.axis_names[axis], static_cast<long long>(binding.sizes[axis]), sizeSource(array.sizes[axis]),
                  static_cast<long long>(expected));
  }
  return binding.strides ? checkStrides(array, binding) : MOE_OK;
}

/// A layered array with tokens may come as a pointer for each layer.
static moe_status checkLayers(const moe_gate &gate, const moe_array &array, const moe_binding &binding,
                              const Extent &extent) {
  const char *role = roleName(array.role);
  if (!isByLayer(gate, array) || !(array.flags & MOE_ARRAY_LAYERED))
    return fail(MOE_INVALID_ARGUMENT,
                "%s '%s' is bound by layers, but is no array of [layer, token, …]: expected one pointer, in `data`",
                role, array.name);
  if (binding.data || binding.strides)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' is bound by layers and %s; expected one of them", role, array.name,
                binding.data ? "as one array" : "with strides");
  size_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
  for (int64_t layer = 0; layer < extent.layers && elementCount(array, extent); ++layer)
    if (!binding.layers[layer] || reinterpret_cast<uintptr_t>(binding.layers[layer]) % bytes)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s': the pointer of layer %lld of %lld (%p) is %s", role, array.name,
                  static_cast<long long>(layer), static_cast<long long>(extent.layers), binding.layers[layer],
                  binding.layers[layer] ? "misaligned: a multiple of the element size is expected"
                                        : "null: expected an array of each layer");
  return MOE_OK;
}

static moe_status checkBinding(const moe_gate &gate, const moe_array &array, const moe_binding &binding,
                               const moe_call &call, const Extent &extent) {
  const char *role = roleName(array.role);
  if (array.role == MOE_COEFFICIENT || array.role == MOE_SAVED) {
    if (binding.data || binding.layers)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s' lives in %s and may not be bound", role, array.name,
                  array.role == MOE_COEFFICIENT ? "the workspace"
                  : hasRunTimeAxis(array)       ? "the block moe_call.saved"
                                                : "the block moe_call.coefficients");
    return MOE_OK;
  }
  if (!binding.data && !binding.layers) {
    // For a param the default is used; the rest may be left out only where nothing would be read or written.
    bool isOffsets = false;
    if (hasRunTimeAxis(array))
      levelOfSize(outerSize(array), isOffsets);
    if (array.role == MOE_PARAM || !isNeeded(array, call.phase) || elementCount(array, extent) == 0 ||
        (isOffsets && extent.rows() == 0)) // without them there is no piece
      return MOE_OK;
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' is not bound (data is null), expected %s of shape %s", role, array.name,
                dtypeText(array.dtype), isOffsets ? "[pieces + 1]" : shapeText(array, extent).c_str());
  }
  if (!isNeeded(array, call.phase))
    return MOE_OK; // Neither read nor written; its shape may belong to another call.
  if (binding.dtype != array.dtype)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' has dtype %s, expected %s", role, array.name, dtypeText(binding.dtype),
                dtypeText(array.dtype));
  if (moe_status status = checkShape(array, binding, extent))
    return status;
  if (binding.layers)
    return checkLayers(gate, array, binding, extent);
  size_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
  if (reinterpret_cast<uintptr_t>(binding.data) % bytes)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' at %p is misaligned: %s needs a multiple of %zu bytes", role, array.name,
                binding.data, dtypeText(array.dtype), bytes);
  return MOE_OK;
}

moe_status checkTokenCount(const moe_gate &gate, int64_t tokens) {
  int64_t most = gate.layers ? INT32_MAX / static_cast<int64_t>(gate.layers) : INT32_MAX;
  if (tokens >= 0 && tokens <= most)
    return MOE_OK;
  return fail(MOE_INVALID_ARGUMENT, "token_count is %lld, expected 0 to %lld%s", static_cast<long long>(tokens),
              static_cast<long long>(most), gate.layers ? print(" in each of %u layers", gate.layers).c_str() : "");
}

static moe_status checkPhase(const moe_gate &gate, const moe_call &call) {
  switch (call.phase) {
  case MOE_ACCUMULATE:
  case MOE_FINISH:
  case MOE_ACCUMULATE | MOE_FINISH:
  case MOE_ACCUMULATE | MOE_RESET:
  case MOE_FORWARD:
    break;
  default:
    return fail(
        MOE_INVALID_ARGUMENT,
        "phase %u is none of ACCUMULATE (1), FINISH (2), ACCUMULATE | FINISH (3), ACCUMULATE | RESET (5), FORWARD "
        "(7)",
        call.phase);
  }
  bool isRecomputation = call.phase == MOE_ACCUMULATE && !call.accumulators;
  if (gate.whole_batch && call.phase != MOE_FORWARD && !isRecomputation)
    return fail(MOE_UNSUPPORTED,
                "gate '%s' needs all tokens of a batch at once: %s. Phase %u was asked for: run the whole batch as one "
                "MOE_FORWARD (to recompute outputs and saved arrays: MOE_ACCUMULATE with null accumulators)",
                gate.name, gate.whole_batch, call.phase);
  return MOE_OK;
}

static moe_status checkAligned(const void *block, const char *name) {
  if (!block)
    return fail(MOE_INVALID_ARGUMENT, "%s is null", name);
  if (reinterpret_cast<uintptr_t>(block) % MOE_ALIGNMENT)
    return fail(MOE_INVALID_ARGUMENT, "%s at %p is misaligned: a multiple of %u bytes is expected", name, block,
                MOE_ALIGNMENT);
  return MOE_OK;
}

static moe_status checkWorkspace(const moe_executable &executable, const Program &program, const moe_call &call) {
  if (moe_status status = checkAligned(call.workspace, "the workspace"))
    return status;
  Extent extent = program.extentOf(call);
  // Calls of other programs may need more: what moe_workspace_bytes says of this call.
  int64_t tokens = extent.inLayer(0), pieces = 0;
  for (uint32_t level = static_cast<uint32_t>(program.divisions.size()); level > 0; --level)
    if (program.divisions[level - 1].axis->offsets)
      pieces = extent.inLayer(level);
  uint64_t needed = executable.workspaceBytes(tokens, pieces);
  if (call.workspace_bytes < needed)
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace has %llu bytes, %lld tokens%s need %llu: ask moe_workspace_bytes for the largest call",
                static_cast<unsigned long long>(call.workspace_bytes), static_cast<long long>(tokens),
                pieces ? print(" in %lld pieces", static_cast<long long>(pieces)).c_str() : "",
                static_cast<unsigned long long>(needed));
  return MOE_OK;
}

/// One of the two blocks of saved arrays. A forward call may do without; a backward call needs what is in it.
static moe_status checkKept(const Program &program, const void *block, uint64_t bytes, uint64_t needed,
                            const char *name, const char *query) {
  if (!block && program.isBackward && needed)
    return fail(MOE_INVALID_ARGUMENT,
                "%s is null: backward reads the %llu bytes that the forward call has written there; give the forward "
                "call a block of %s bytes, and the same one here",
                name, static_cast<unsigned long long>(needed), query);
  if (!block)
    return MOE_OK;
  if (moe_status status = checkAligned(block, name))
    return status;
  if (bytes < needed)
    return fail(MOE_INVALID_ARGUMENT, "%s has %llu bytes, this call needs %llu: ask %s", name,
                static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(needed), query);
  return MOE_OK;
}

static moe_status checkSaved(const Program &program, const moe_call &call) {
  if (call.phase & MOE_ACCUMULATE)
    if (moe_status status =
            checkKept(program, call.saved, call.saved_bytes, program.saved.savedBytes(program.extentOf(call)),
                      "the block moe_call.saved", "moe_saved_bytes"))
      return status;
  if (call.phase & MOE_FINISH)
    return checkKept(program, call.coefficients, call.coefficient_bytes, program.saved.coefficientBytes(),
                     "the block moe_call.coefficients", "moe_coefficient_bytes");
  return MOE_OK;
}

static moe_status checkSize(const moe_call &call) {
  if (call.struct_size == sizeof(moe_call))
    return MOE_OK;
  return fail(MOE_VERSION_MISMATCH,
              "moe_call has %u bytes, this runtime reads %zu: set struct_size = sizeof(moe_call), and compile against "
              "this runtime's moe/runtime.h",
              call.struct_size, sizeof(moe_call));
}

/// The input that says where the pieces of a level are, where `finer` elements come in them.
static moe_status checkOffsets(const Program &program, const moe_call &call, uint32_t level, int64_t finer) {
  const auto &[axis, index] = program.divisions[level - 1];
  const moe_binding &offsets = call.bindings[index];
  if (!offsets.data || offsets.rank != 1 || !offsets.sizes) // what the check of the binding is about
    return MOE_OK;
  int64_t least = finer ? 2 : 1, size = offsets.sizes[0];
  if (size < least || size > INT32_MAX)
    return fail(MOE_INVALID_ARGUMENT,
                "input '%s' has %lld elements, expected one more than there are elements of axis '%s': %lld to %d for "
                "a call of %lld tokens",
                axis->offsets, static_cast<long long>(size), axis->name, static_cast<long long>(least), INT32_MAX,
                static_cast<long long>(call.token_count));
  bool isFinest = std::none_of(program.divisions.begin(), program.divisions.begin() + (level - 1),
                               [](const Program::Division &it) { return it.axis->offsets; });
  if (!isFinest && size - 1 > finer)
    return fail(MOE_INVALID_ARGUMENT,
                "input '%s' divides %lld elements of axis '%s' into %lld of axis '%s'; expected at most as many: leave "
                "out empty ones",
                axis->offsets, static_cast<long long>(finer), program.divisions[level - 2].axis->name,
                static_cast<long long>(size - 1), axis->name);
  return MOE_OK;
}

/// What divides the tokens, or their pieces, must do so.
static moe_status checkPieces(const Program &program, const moe_call &call) {
  if (!(call.phase & MOE_ACCUMULATE))
    return MOE_OK;
  Extent extent = program.extentOf(call);
  auto cameText = [&](uint32_t level, int64_t count) {
    auto number = static_cast<long long>(count);
    return level == 1 ? print("token_count is %lld", static_cast<long long>(call.token_count))
                      : print("axis '%s' has %lld elements", program.divisions[level - 2].axis->name, number);
  };
  for (uint32_t level = 1; level <= program.divisions.size(); ++level) {
    const auto &[axis, offsets] = program.divisions[level - 1];
    int64_t finer = axis->count ? extent.counts[level - 1] : extent.inLayer(level - 1);
    if (axis->length && finer % axis->length)
      return fail(MOE_INVALID_ARGUMENT,
                  "%s, but axis '%s' of gate '%s' has %lld %s in each element: expected a multiple of it; pad the last "
                  "one, and mask the padding",
                  cameText(level, finer).c_str(), axis->name, program.gate.name, static_cast<long long>(axis->length),
                  level == 1 ? "tokens" : "pieces");
    if (axis->count && finer % axis->count)
      return fail(MOE_INVALID_ARGUMENT,
                  "%s, but axis '%s' of gate '%s' divides them into %lld equal parts: expected a multiple of it",
                  cameText(level, finer).c_str(), axis->name, program.gate.name, static_cast<long long>(axis->count));
    if (axis->offsets)
      if (moe_status status = checkOffsets(program, call, level, finer))
        return status;
  }
  return MOE_OK;
}

/// What calls of all programs have in common; the phase is that of generated code.
static moe_status checkArrays(const Program &program, const moe_call &call) {
  const moe_gate &gate = program.gate;
  if (call.phase & MOE_ACCUMULATE)
    if (moe_status status = checkTokenCount(gate, call.token_count))
      return status;
  if (gate.array_count && !call.bindings)
    return fail(MOE_INVALID_ARGUMENT, "bindings is null, expected one for each of the %u arrays of gate '%s'",
                gate.array_count, gate.name);
  if (moe_status status = checkPieces(program, call))
    return status;
  Extent extent = program.extentOf(call);
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (moe_status status = checkBinding(gate, gate.arrays[i], call.bindings[i], call, extent))
      return status;
  return MOE_OK;
}

moe_status checkCall(const moe_executable &executable, const moe_call &call) {
  if (moe_status status = checkSize(call))
    return status;
  if (moe_status status = checkPhase(executable.gate, call))
    return status;
  if (moe_status status = checkArrays(executable.forward, call))
    return status;
  if (call.accumulators || call.phase != MOE_ACCUMULATE)
    if (moe_status status = checkAligned(call.accumulators, "the accumulator block"))
      return status;
  if (moe_status status = checkWorkspace(executable, executable.forward, call))
    return status;
  return checkSaved(executable.forward, call);
}

moe_status checkBackwardCall(const moe_executable &executable, const moe_call &call, moe_call &prepared) {
  if (moe_status status = checkSize(call))
    return status;
  if (!executable.backward)
    return fail(MOE_UNSUPPORTED,
                "gate '%s' has no backward program: compile its spec without --forward-only; a gate that has no loss "
                "and no float output, or no float input, has none in any case",
                executable.gate.name);
  if (call.phase & ~static_cast<uint32_t>(MOE_ADD))
    return fail(MOE_INVALID_ARGUMENT,
                "phase %u of a backward call is neither 0 (the gradients are overwritten) nor MOE_ADD (8, they are "
                "added to)",
                call.phase);
  prepared = call;
  prepared.phase = MOE_FORWARD | call.phase;
  if (moe_status status = checkArrays(*executable.backward, prepared))
    return status;
  if (moe_status status = checkWorkspace(executable, *executable.backward, prepared))
    return status;
  prepared.accumulators = static_cast<char *>(call.workspace) + executable.accumulatorOffset(*executable.backward);
  return checkSaved(*executable.backward, prepared);
}

moe_status checkStepCall(const moe_executable &executable, const moe_call &call, moe_call &prepared) {
  if (moe_status status = checkSize(call))
    return status;
  if (!executable.step)
    return fail(MOE_UNSUPPORTED, "gate '%s' has no step: its spec updates no state", executable.gate.name);
  prepared = call;
  prepared.phase = MOE_FINISH;
  prepared.token_count = 0;
  prepared.saved = prepared.coefficients = nullptr;
  if (moe_status status = checkArrays(*executable.step, prepared))
    return status;
  if (moe_status status = checkAligned(call.accumulators, "the accumulator block"))
    return status;
  return checkWorkspace(executable, *executable.step, prepared);
}

/// Where a coefficient with tokens or pieces is, behind those before it.
static uint64_t carriedBefore(const Program &program, const Extent &extent, uint32_t index) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < index; ++i)
    if (const moe_array &array = program.gate.arrays[i]; array.role == MOE_COEFFICIENT && hasRunTimeAxis(array))
      bytes += alignUp(arrayBytes(array, extent));
  return bytes;
}

void *arrayPointer(const Program &program, const moe_call &call, uint32_t index, uint64_t carriedOffset) {
  const moe_array &array = program.gate.arrays[index];
  switch (array.role) {
  case MOE_COEFFICIENT:
    return static_cast<char *>(call.workspace) +
           (hasRunTimeAxis(array) ? carriedOffset + carriedBefore(program, program.extentOf(call), index)
                                  : program.coefficientOffsets[index]);
  case MOE_SAVED:
    return program.saved.place(array, program.savedIndices[index], call, program.extentOf(call));
  case MOE_PARAM:
    if (!call.bindings[index].data)
      return const_cast<float *>(&program.defaults[index]); // Generated code only reads params.
    [[fallthrough]];
  default:
    return call.bindings[index].data;
  }
}

void *layerPointer(const Program &program, const moe_call &call, uint32_t index, int64_t layer) {
  const moe_array &array = program.gate.arrays[index];
  const moe_binding &binding = call.bindings[index];
  if (binding.layers)
    return binding.layers[layer];
  if (!binding.data || !(array.flags & MOE_ARRAY_LAYERED))
    return binding.data;
  return static_cast<char *>(binding.data) + static_cast<uint64_t>(layer * call.token_count) * rowBytes(array);
}

} // namespace moe::rt
