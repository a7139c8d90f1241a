// Checks of a call against the descriptor, before anything is touched. A message names the array, what was expected,
// and what came.
#include "Executable.h"
#include "Descriptor.h"
#include "Error.h"

#include <algorithm>
#include <string>

using namespace moe::rt;

Program::Program(const moe_gate &gate, const moe_gate &forward)
    : gate(gate), isBackward(&gate != &forward), saved(forward) {
  uint64_t offset = MOE_WORKSPACE_HEADER_BYTES;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    defaults.push_back(static_cast<float>(array.init));
    coefficientOffsets.push_back(offset);
    if (array.role == MOE_COEFFICIENT)
      offset += alignUp(elementCount(array, 0) * moe_dtype_bytes(static_cast<moe_dtype>(array.dtype)));
    savedIndices.push_back(array.role == MOE_SAVED ? saved.find(array).value() : 0);
  }
}

moe_executable::moe_executable(const moe_gate &gate)
    : gate(gate), forward(gate, gate),
      backward(gate.backward ? std::optional<Program>(std::in_place, *gate.backward, gate) : std::nullopt) {}

uint64_t moe_executable::workspaceBytes(int64_t tokens) const {
  uint64_t bytes = programBytes(forward, tokens);
  return backward ? std::max(bytes, programBytes(*backward, tokens)) : bytes;
}

namespace moe::rt {

/// "[4096, 64]"
static std::string shapeText(const int64_t *sizes, uint32_t rank, int64_t tokens) {
  std::string text = "[";
  for (uint32_t axis = 0; axis < rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(sizes[axis] == -1 ? tokens : sizes[axis]);
  return text + "]";
}

/// A caller's dtype may be any number; only those of the enumeration may become one.
static const char *dtypeText(uint32_t dtype) {
  return dtype <= MOE_BOOL ? moe_dtype_name(static_cast<moe_dtype>(dtype)) : "unknown dtype";
}

bool isNeeded(const moe_array &array, uint32_t phase) {
  switch (array.role) {
  case MOE_LOSS:
  case MOE_METRIC:
  case MOE_STATUS_WORD:
    return phase & MOE_FINISH;
  case MOE_SAVED:
    return phase & (hasTokenAxis(array) ? MOE_ACCUMULATE : MOE_FINISH);
  default:
    return !hasTokenAxis(array) || (phase & MOE_ACCUMULATE);
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

static moe_status checkShape(const moe_array &array, const moe_binding &binding, int64_t tokens) {
  const char *role = roleName(array.role);
  if (binding.rank != array.rank)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' has rank %u, expected %u: shape %s", role, array.name, binding.rank,
                array.rank, shapeText(array.sizes, array.rank, tokens).c_str());
  if (array.rank && !binding.sizes)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' is bound without sizes, expected %s", role, array.name,
                shapeText(array.sizes, array.rank, tokens).c_str());
  for (uint32_t axis = 0; axis < array.rank; ++axis) {
    int64_t expected = array.sizes[axis] == -1 ? tokens : array.sizes[axis];
    if (binding.sizes[axis] != expected)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s' has shape %s, expected %s: axis %u (%s) has %lld elements, %s %lld",
                  role, array.name, shapeText(binding.sizes, array.rank, tokens).c_str(),
                  shapeText(array.sizes, array.rank, tokens).c_str(), axis, array.axis_names[axis],
                  static_cast<long long>(binding.sizes[axis]),
                  array.sizes[axis] == -1 ? "but token_count of the call is" : "the gate was compiled for",
                  static_cast<long long>(expected));
  }
  return binding.strides ? checkStrides(array, binding) : MOE_OK;
}

static moe_status checkBinding(const moe_array &array, const moe_binding &binding, const moe_call &call) {
  const char *role = roleName(array.role);
  if (array.role == MOE_COEFFICIENT || array.role == MOE_SAVED) {
    if (binding.data)
      return fail(MOE_INVALID_ARGUMENT, "%s '%s' lives in %s and may not be bound", role, array.name,
                  array.role == MOE_COEFFICIENT ? "the workspace"
                  : hasTokenAxis(array)         ? "the block moe_call.saved"
                                                : "the block moe_call.coefficients");
    return MOE_OK;
  }
  if (!binding.data) {
    // For a param the default is used; the rest may be left out only where nothing would be read or written.
    if (array.role == MOE_PARAM || !isNeeded(array, call.phase) || elementCount(array, call.token_count) == 0)
      return MOE_OK;
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' is not bound (data is null), expected %s of shape %s", role, array.name,
                dtypeText(array.dtype), shapeText(array.sizes, array.rank, call.token_count).c_str());
  }
  if (!isNeeded(array, call.phase))
    return MOE_OK; // Neither read nor written; its shape may belong to another call.
  if (binding.dtype != array.dtype)
    return fail(MOE_INVALID_ARGUMENT, "%s '%s' has dtype %s, expected %s", role, array.name, dtypeText(binding.dtype),
                dtypeText(array.dtype));
  if (moe_status status = checkShape(array, binding, call.token_count))
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

static moe_status checkWorkspace(const moe_executable &executable, const moe_call &call) {
  if (moe_status status = checkAligned(call.workspace, "the workspace"))
    return status;
  uint64_t needed = executable.workspaceBytes(call.phase == MOE_FINISH ? 0 : call.token_count);
  if (call.workspace_bytes < needed)
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace has %llu bytes, %lld tokens need %llu: ask moe_workspace_bytes for the largest call",
                static_cast<unsigned long long>(call.workspace_bytes), static_cast<long long>(call.token_count),
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
    if (moe_status status = checkKept(program, call.saved, call.saved_bytes, program.saved.savedBytes(call.token_count),
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

/// What calls of both programs have in common; the phase is that of generated code.
static moe_status checkArrays(const Program &program, const moe_call &call) {
  const moe_gate &gate = program.gate;
  if (call.phase != MOE_FINISH && (call.token_count < 0 || call.token_count > INT32_MAX))
    return fail(MOE_INVALID_ARGUMENT, "token_count is %lld, expected 0 to %d", static_cast<long long>(call.token_count),
                INT32_MAX);
  if (gate.array_count && !call.bindings)
    return fail(MOE_INVALID_ARGUMENT, "bindings is null, expected one for each of the %u arrays of gate '%s'",
                gate.array_count, gate.name);
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (moe_status status = checkBinding(gate.arrays[i], call.bindings[i], call))
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
  if (moe_status status = checkWorkspace(executable, call))
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
  if (moe_status status = checkWorkspace(executable, prepared))
    return status;
  prepared.accumulators = static_cast<char *>(call.workspace) + executable.accumulatorOffset(*executable.backward);
  return checkSaved(*executable.backward, prepared);
}

void *arrayPointer(const Program &program, const moe_call &call, uint32_t index) {
  const moe_array &array = program.gate.arrays[index];
  switch (array.role) {
  case MOE_COEFFICIENT:
    return static_cast<char *>(call.workspace) + program.coefficientOffsets[index];
  case MOE_SAVED:
    return program.saved.place(array, program.savedIndices[index], call);
  case MOE_PARAM:
    if (!call.bindings[index].data)
      return const_cast<float *>(&program.defaults[index]); // Generated code only reads params.
    [[fallthrough]];
  default:
    return call.bindings[index].data;
  }
}

} // namespace moe::rt
