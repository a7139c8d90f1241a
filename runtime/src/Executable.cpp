// Checks of a call against the descriptor, before anything is touched. A message names the array, what was expected,
// and what came.
#include "Executable.h"
#include "Descriptor.h"
#include "Error.h"

#include <algorithm>
#include <string>

using namespace moe::rt;

Program::Program(const moe_gate &gate, const moe_gate &forward, ProgramKind kind)
    : gate(gate), kind(kind), isBackward(kind == ProgramKind::Backward), pieces(pieceAxis(gate)),
      offsetsIndex(pieces && pieces->offsets ? moe_find_array(&gate, pieces->offsets, 1) : -1), saved(forward) {
  uint64_t offset = MOE_WORKSPACE_HEADER_BYTES;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    defaults.push_back(static_cast<float>(array.init));
    coefficientOffsets.push_back(offset);
    if (array.role == MOE_COEFFICIENT && !hasRunTimeAxis(array))
      offset += alignUp(rowBytes(array));
    savedIndices.push_back(array.role == MOE_SAVED ? saved.find(array).value() : 0);
  }
}

Extent Program::extentOf(int64_t tokens, int64_t byOffsets) const {
  if (!pieces)
    return {tokens, 0};
  return {tokens, pieces->length ? tokens / pieces->length : byOffsets};
}

Extent Program::extentOf(const moe_call &call) const {
  if (!(call.phase & MOE_ACCUMULATE))
    return {};
  if (offsetsIndex < 0)
    return extentOf(call.token_count, 0);
  const moe_binding &offsets = call.bindings[offsetsIndex];
  bool isKnown = offsets.data && offsets.rank == 1 && offsets.sizes && offsets.sizes[0] > 0;
  return {call.token_count, isKnown ? offsets.sizes[0] - 1 : 0};
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
  switch (size) {
  case MOE_TOKENS:
    return "but token_count of the call is";
  case MOE_PIECES:
    return "but the pieces of the call are";
  case MOE_PIECES_PLUS_1:
    return "one more than the pieces of the call:";
  case MOE_DISPATCH_ROWS:
    return "but the rows of the call's dispatch plan are";
  default:
    return "the gate was compiled for";
  }
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

static moe_status checkBinding(const moe_array &array, const moe_binding &binding, const moe_call &call,
                               const Extent &extent) {
  const char *role = roleName(array.role);
  if (array.role == MOE_COEFFICIENT || array.role == MOE_SAVED) {
    if (binding.data)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s' lives in %s and may not be bound", role, array.name,
                  array.role == MOE_COEFFICIENT ? "the workspace"
                  : hasRunTimeAxis(array)       ? "the block moe_call.saved"
                                                : "the block moe_call.coefficients");
    return MOE_OK;
  }
  if (!binding.data) {
    // For a param the default is used; the rest may be left out only where nothing would be read or written.
    bool isOffsets = array.rank && array.sizes[0] == MOE_PIECES_PLUS_1;
    if (array.role == MOE_PARAM || !isNeeded(array, call.phase) || elementCount(array, extent) == 0 ||
        (isOffsets && extent.tokens == 0)) // without them there is no piece
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
  size_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
  if (reinterpret_cast<uintptr_t>(binding.data) % bytes)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' at %p is misaligned: %s needs a multiple of %zu bytes", role, array.name,
                binding.data, dtypeText(array.dtype), bytes);
  return MOE_OK;
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
  if (gate.pass_count > 1 && call.phase != MOE_FORWARD)
    return fail(MOE_UNSUPPORTED,
                "gate '%s' takes %u passes over the tokens, and the later ones need the finished coefficients of the "
                "earlier ones: it runs as MOE_FORWARD only, phase %u was asked for",
                gate.name, gate.pass_count, call.phase);
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
  uint64_t needed = executable.workspaceBytes(extent.tokens, extent.pieces);
  if (call.workspace_bytes < needed)
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace has %llu bytes, %lld tokens%s need %llu: ask moe_workspace_bytes for the largest call",
                static_cast<unsigned long long>(call.workspace_bytes), static_cast<long long>(extent.tokens),
                extent.pieces ? print(" in %lld pieces", static_cast<long long>(extent.pieces)).c_str() : "",
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

/// What divides the tokens must do so.
static moe_status checkPieces(const Program &program, const moe_call &call) {
  if (!program.pieces || !(call.phase & MOE_ACCUMULATE))
    return MOE_OK;
  const char *axis = program.pieces->name;
  if (int64_t length = program.pieces->length; length && call.token_count % length)
    return fail(MOE_INVALID_ARGUMENT,
                "token_count is %lld, but axis '%s' of gate '%s' has %lld tokens in each element: expected a multiple "
                "of it; pad the last one, and mask the padding",
                static_cast<long long>(call.token_count), axis, program.gate.name, static_cast<long long>(length));
  if (program.offsetsIndex < 0)
    return MOE_OK;
  const moe_binding &offsets = call.bindings[program.offsetsIndex];
  int64_t least = call.token_count ? 2 : 1;
  if (!offsets.data || offsets.rank != 1 || !offsets.sizes) // what the check of the binding is about
    return MOE_OK;
  if (offsets.sizes[0] < least || offsets.sizes[0] > INT32_MAX)
    return fail(MOE_INVALID_ARGUMENT,
                "input '%s' has %lld elements, expected one more than there are elements of axis '%s': %lld to %d for "
                "a call of %lld tokens",
                program.pieces->offsets, static_cast<long long>(offsets.sizes[0]), axis, static_cast<long long>(least),
                INT32_MAX, static_cast<long long>(call.token_count));
  return MOE_OK;
}

/// What calls of all programs have in common; the phase is that of generated code.
static moe_status checkArrays(const Program &program, const moe_call &call) {
  const moe_gate &gate = program.gate;
  if ((call.phase & MOE_ACCUMULATE) && (call.token_count < 0 || call.token_count > INT32_MAX))
    return fail(MOE_INVALID_ARGUMENT, "token_count is %lld, expected 0 to %d", static_cast<long long>(call.token_count),
                INT32_MAX);
  if (gate.array_count && !call.bindings)
    return fail(MOE_INVALID_ARGUMENT, "bindings is null, expected one for each of the %u arrays of gate '%s'",
                gate.array_count, gate.name);
  if (moe_status status = checkPieces(program, call))
    return status;
  Extent extent = program.extentOf(call);
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (moe_status status = checkBinding(gate.arrays[i], call.bindings[i], call, extent))
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

} // namespace moe::rt
