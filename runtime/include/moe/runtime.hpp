/// The C interface for C++17 programs: executables that release themselves, blocks that are aligned, arrays bound by
/// name, and failures as exceptions.
///
///   moe::rt::Executable gate = moe::rt::Executable::cpu(deepseek_moe);
///   moe::rt::Call call(gate, maxTokens);
///   call.input("logits", logits, {tokens, 64}).output("weight", weight, {tokens, 6}).output("route", route, {tokens,
///   6}); call.output("expert_balance", &loss, {}); call.forward(tokens);
///
/// Header only; links with moe::runtime. Every failure throws moe::rt::Error with the text of moe_last_error(). The
/// functions that run a call allocate nothing and throw only on failure.
#ifndef MOE_RUNTIME_HPP
#define MOE_RUNTIME_HPP
#include "moe/runtime.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace moe::rt {

/// A status other than MOE_OK, with the runtime's explanation.
class Error : public std::runtime_error {
public:
  Error(moe_status status, const std::string &message) : std::runtime_error(message), code(status) {}
  moe_status status() const noexcept { return code; }

private:
  moe_status code;
};

/// Throws unless `status` is MOE_OK.
inline void check(moe_status status) {
  if (status != MOE_OK)
    throw Error(status, std::string(moe_status_name(status)) + ": " + moe_last_error());
}

/// Element types that C++ has no name for; layout of the 16-bit formats, no arithmetic.
struct bf16 {
  std::uint16_t bits;
};
struct f16 {
  std::uint16_t bits;
};

/// The moe_dtype of a C++ element type.
template <typename T> constexpr moe_dtype dtypeOf() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>)
    return MOE_F32;
  else if constexpr (std::is_same_v<U, double>)
    return MOE_F64;
  else if constexpr (std::is_same_v<U, bf16>)
    return MOE_BF16;
  else if constexpr (std::is_same_v<U, f16>)
    return MOE_F16;
  else if constexpr (std::is_same_v<U, std::int32_t>)
    return MOE_I32;
  else if constexpr (std::is_same_v<U, std::int64_t>)
    return MOE_I64;
  else if constexpr (std::is_same_v<U, std::int16_t>)
    return MOE_I16;
  else {
    static_assert(std::is_same_v<U, bool>, "no moe_dtype for this element type: give the dtype explicitly");
    return MOE_BOOL;
  }
}

/// Host memory that starts at a multiple of MOE_ALIGNMENT and is freed with its owner.
class Block {
public:
  Block() = default;
  explicit Block(std::uint64_t bytes)
      : memory(::operator new(bytes ? bytes : 1, std::align_val_t(MOE_ALIGNMENT))), count(bytes) {}
  void *data() const noexcept { return memory.get(); }
  std::uint64_t bytes() const noexcept { return count; }

private:
  struct Free {
    void operator()(void *pointer) const noexcept { ::operator delete(pointer, std::align_val_t(MOE_ALIGNMENT)); }
  };
  std::unique_ptr<void, Free> memory;
  std::uint64_t count = 0;
};

/// A gate prepared for a device. Movable. The descriptor must outlive it. Any number of threads may use one at a time.
class Executable {
public:
  /// See moe_prepare_cpu.
  static Executable cpu(const moe_gate &gate, std::uint32_t threads = 0, const char *isa = nullptr) {
    moe_executable *made = nullptr;
    check(moe_prepare_cpu(&gate, threads, isa, &made));
    return Executable(gate, made, MOE_CPU);
  }
  /// See moe_prepare_cuda.
  static Executable cuda(const moe_gate &gate, std::uint32_t ordinal = 0, const char *cacheDir = nullptr) {
    moe_executable *made = nullptr;
    check(moe_prepare_cuda(&gate, ordinal, cacheDir, &made));
    return Executable(gate, made, MOE_CUDA);
  }

  /// See moe_prepare_emulator. `blocks` and `seed` are those of moe_emulator_options.
  static Executable emulator(const moe_gate &gate, std::uint32_t blocks = 0, std::uint64_t seed = 0) {
    moe_executable *made = nullptr;
    moe_emulator_options options = {sizeof(moe_emulator_options), blocks, seed};
    check(moe_prepare_emulator(&gate, &options, &made));
    return Executable(gate, made, MOE_EMULATOR);
  }

  const moe_gate &gate() const noexcept { return *descriptor; }
  const moe_executable *get() const noexcept { return executable.get(); }
  moe_device_kind device() const noexcept { return kind; }

  /// Bytes of workspace for calls of up to `tokens` tokens, in up to `pieces` pieces where offsets say where they are.
  std::uint64_t workspaceBytes(std::int64_t tokens, std::int64_t pieces = 0) const {
    std::uint64_t bytes = 0;
    check(moe_workspace_bytes(get(), tokens, pieces, &bytes));
    return bytes;
  }
  /// Bytes of an accumulator block.
  std::uint64_t accumulatorBytes() const {
    std::uint64_t bytes = 0;
    check(moe_accumulator_bytes(get(), &bytes));
    return bytes;
  }
  /// Bytes that a forward call of exactly `tokens` tokens (in `pieces` pieces by offsets) keeps for its backward, and
  /// that its finish keeps.
  std::uint64_t savedBytes(std::int64_t tokens, std::int64_t pieces = 0) const {
    std::uint64_t bytes = 0;
    check(moe_saved_bytes(get(), tokens, pieces, &bytes));
    return bytes;
  }
  std::uint64_t coefficientBytes() const {
    std::uint64_t bytes = 0;
    check(moe_coefficient_bytes(get(), &bytes));
    return bytes;
  }
  /// Other options of an emulator. See moe_set_emulator_options.
  void schedule(std::uint32_t blocks, std::uint64_t seed) {
    moe_emulator_options options = {sizeof(moe_emulator_options), blocks, seed};
    check(moe_set_emulator_options(executable.get(), &options));
  }
  /// What the last call moved in an emulator. See moe_last_traffic.
  std::vector<moe_traffic> traffic() const {
    std::uint32_t count = 0;
    check(moe_last_traffic(get(), nullptr, &count));
    std::vector<moe_traffic> rows(count);
    check(moe_last_traffic(get(), rows.data(), &count));
    return rows;
  }

private:
  struct Release {
    void operator()(moe_executable *pointer) const noexcept { moe_release(pointer); }
  };
  Executable(const moe_gate &gate, moe_executable *made, moe_device_kind kind)
      : executable(made), descriptor(&gate), kind(kind) {}

  std::unique_ptr<moe_executable, Release> executable;
  const moe_gate *descriptor;
  moe_device_kind kind;
};

/// Arrays of one program, bound by name: what Call and Backward have in common. Arrays are borrowed and stay bound from
/// call to call.
template <typename Derived> class Arrays {
public:
  /// Binds an input. `sizes` are the array's; the runtime compares them with the gate and the token count. On CUDA
  /// `data` is a device pointer.
  template <typename T> Derived &input(const char *name, const T *data, std::initializer_list<std::int64_t> sizes) {
    return bind(name, true, const_cast<T *>(data), dtypeOf<T>(), sizes.begin(), sizes.size());
  }
  /// Binds an output, loss, metric or status word; a scalar has the sizes {}.
  template <typename T> Derived &output(const char *name, T *data, std::initializer_list<std::int64_t> sizes) {
    return bind(name, false, data, dtypeOf<T>(), sizes.begin(), sizes.size());
  }
  /// Binds a state: forward and backward read it, a step changes it.
  template <typename T> Derived &state(const char *name, T *data, std::initializer_list<std::int64_t> sizes) {
    return bind(name, true, data, dtypeOf<T>(), sizes.begin(), sizes.size());
  }
  /// The same for an array of a gate with layers, of sizes {layers, tokens, …}, whose layers stand in arrays of their
  /// own: `layers` has a pointer to each. It is borrowed too, and on the host on every device.
  template <typename T>
  Derived &inputLayers(const char *name, const T *const *layers, std::initializer_list<std::int64_t> sizes) {
    auto *writable = reinterpret_cast<void *const *>(const_cast<T *const *>(layers)); // which an input is not
    return bindLayers(name, true, writable, dtypeOf<T>(), sizes.begin(), sizes.size());
  }
  template <typename T>
  Derived &outputLayers(const char *name, T *const *layers, std::initializer_list<std::int64_t> sizes) {
    return bindLayers(name, false, reinterpret_cast<void *const *>(layers), dtypeOf<T>(), sizes.begin(), sizes.size());
  }
  /// Sets a param for the calls that follow.
  Derived &param(const char *name, float value) {
    std::size_t index = find(name, true);
    if (gate->arrays[index].role != MOE_PARAM)
      throw Error(MOE_INVALID_ARGUMENT, std::string("'") + name + "' of gate '" + gate->name + "' is not a param");
    params[index] = value;
    return bind(name, true, &params[index], MOE_F32, nullptr, 0);
  }
  /// Binds by run-time type. `in`: inputs, params and states, else what the gate writes.
  Derived &bind(const char *name, bool in, void *data, moe_dtype dtype, const std::int64_t *sizes, std::size_t rank) {
    std::size_t index = find(name, in);
    if (rank > MOE_MAX_RANK)
      throw Error(MOE_INVALID_ARGUMENT, std::string("'") + name + "' has more than 8 axes");
    for (std::size_t axis = 0; axis < rank; ++axis)
      shapes[index][axis] = sizes[axis];
    bindings[index] = {
        data,   static_cast<std::uint32_t>(dtype), static_cast<std::uint32_t>(rank), shapes[index].data(), nullptr,
        nullptr};
    return static_cast<Derived &>(*this);
  }
  /// The same of a layered array that comes as one array per layer.
  Derived &bindLayers(const char *name, bool in, void *const *layers, moe_dtype dtype, const std::int64_t *sizes,
                      std::size_t rank) {
    bind(name, in, nullptr, dtype, sizes, rank);
    bindings[find(name, in)].layers = layers;
    return static_cast<Derived &>(*this);
  }

protected:
  explicit Arrays(const moe_gate &gate)
      : gate(&gate), bindings(gate.array_count), shapes(gate.array_count), params(gate.array_count) {}

  std::size_t find(const char *name, bool in) const {
    std::int32_t index = moe_find_array(gate, name, in);
    if (index >= 0)
      return static_cast<std::size_t>(index);
    std::string known;
    for (std::uint32_t i = 0; i < gate->array_count; ++i) {
      std::uint32_t role = gate->arrays[i].role;
      if ((role == MOE_INPUT || role == MOE_PARAM || role == MOE_STATE) == in && role != MOE_COEFFICIENT &&
          role != MOE_SAVED)
        known += (known.empty() ? "" : ", ") + std::string(gate->arrays[i].name);
    }
    throw Error(MOE_INVALID_ARGUMENT, std::string("gate '") + gate->name + "' has no " +
                                          (in ? "input, param or state '" : "output '") + name + "'; it has: " + known);
  }

  const moe_gate *gate;
  std::vector<moe_binding> bindings;
  std::vector<std::array<std::int64_t, MOE_MAX_RANK>> shapes; // a vector's elements stay in place when it is moved
  std::vector<float> params;
};

/// The arrays and blocks of calls that follow one another: one per thread or CUDA stream. The executable must outlive
/// it.
class Call : public Arrays<Call> {
public:
  /// Owns workspace and accumulators in host memory, for calls of up to `maxTokens` tokens, in up to `maxPieces` pieces
  /// where offsets say where they are. Not on CUDA.
  Call(const Executable &executable, std::int64_t maxTokens, std::int64_t maxPieces = 0) : Call(executable) {
    if (executable.device() == MOE_CUDA)
      throw Error(MOE_INVALID_ARGUMENT,
                  "a call on a CUDA device needs blocks in device memory: give them to moe::rt::Call");
    ownWorkspace = Block(executable.workspaceBytes(maxTokens, maxPieces));
    ownAccumulators = Block(executable.accumulatorBytes());
    use(ownWorkspace.data(), ownWorkspace.bytes(), ownAccumulators.data(), nullptr);
  }
  /// Borrows blocks (in device memory on CUDA) and a CUstream. `accumulators` null: only `route` can be called.
  Call(const Executable &executable, void *workspace, std::uint64_t workspaceBytes, void *accumulators,
       void *stream = nullptr)
      : Call(executable) {
    use(workspace, workspaceBytes, accumulators, stream);
  }
  Call(Call &&) = default;
  Call &operator=(Call &&) = default;

  /// From now on calls keep what a backward needs, in blocks of this object, for calls of up to `maxTokens` tokens, in
  /// up to `maxPieces` pieces. Not on CUDA.
  Call &keep(std::int64_t maxTokens, std::int64_t maxPieces = 0) {
    if (kind == MOE_CUDA)
      throw Error(MOE_INVALID_ARGUMENT, "a call on a CUDA device keeps in device memory: give blocks to keep()");
    std::uint64_t savedBytes = 0, coefficientBytes = 0;
    check(moe_saved_bytes(executable, maxTokens, maxPieces, &savedBytes));
    check(moe_coefficient_bytes(executable, &coefficientBytes));
    ownSaved = Block(savedBytes);
    ownCoefficients = Block(coefficientBytes);
    return keep(ownSaved.data(), savedBytes, ownCoefficients.data(), coefficientBytes);
  }
  /// The same in borrowed blocks (in device memory on CUDA). Of several micro-batches each has a `saved` block of its
  /// own, to be given before its accumulate() and again before its backward; all share one of `coefficients`. Null:
  /// keep nothing of the kind.
  Call &keep(void *savedBlock, std::uint64_t savedBytes, void *coefficientBlock, std::uint64_t coefficientBytes) {
    kept = {savedBlock, savedBytes, coefficientBlock, coefficientBytes};
    return *this;
  }

  /// What the random numbers of the calls that follow are made of: one seed for a run, one offset for each forward
  /// call, and the number of the call's first token among those of all ranks.
  Call &random(std::uint64_t seed, std::uint32_t offset, std::int64_t firstToken = 0) {
    randomSeed = seed;
    randomOffset = offset;
    randomFirst = firstToken;
    return *this;
  }

  /// Outputs, losses, metrics and status words of `tokens` tokens: accumulators are reset first.
  void forward(std::int64_t tokens) { run(MOE_FORWARD, tokens, accumulators); }
  /// Outputs of `tokens` tokens; adds to the accumulators. Call reset() before the first.
  void accumulate(std::int64_t tokens) { run(MOE_ACCUMULATE, tokens, accumulators); }
  /// Losses, metrics and status words of all that was accumulated.
  void finish() { run(MOE_FINISH, 0, accumulators); }
  /// accumulate() of the last `tokens` tokens and finish(), in one call.
  void finish(std::int64_t tokens) { run(MOE_ACCUMULATE | MOE_FINISH, tokens, accumulators); }
  /// Makes the accumulators those of no token, and writes no output but where the segments of a plan begin. Arrays with
  /// tokens or pieces need not be bound.
  void reset() {
    std::vector<moe_binding> saved = bindings;
    for (std::uint32_t i = 0; i < gate->array_count; ++i)
      for (std::uint32_t axis = 0; axis < gate->arrays[i].rank; ++axis)
        if (gate->arrays[i].sizes[axis] < 0)
          bindings[i] = {};
    moe_status status = tryRun(MOE_ACCUMULATE | MOE_RESET, 0, accumulators);
    bindings = std::move(saved);
    check(status);
  }
  /// Outputs only: collects nothing, as when a forward is recomputed.
  void route(std::int64_t tokens) { run(MOE_ACCUMULATE, tokens, nullptr); }
  /// The accumulator block: laid out as the gate's accumulator table says, the token count (i64) first. Blocks of
  /// several devices may be reduced here, between accumulate() and finish().
  void *accumulatorData() const noexcept { return accumulators; }

private:
  friend class Backward;
  friend class Step;
  struct Kept {
    void *saved;
    std::uint64_t savedBytes;
    void *coefficients;
    std::uint64_t coefficientBytes;
  };

  explicit Call(const Executable &executable)
      : Arrays(executable.gate()), executable(executable.get()), kind(executable.device()) {}

  void use(void *workspaceData, std::uint64_t bytes, void *accumulatorBlock, void *onStream) {
    workspace = workspaceData;
    workspaceBytes = bytes;
    accumulators = accumulatorBlock;
    stream = onStream;
    check(moe_init_workspace(executable, workspace, workspaceBytes, stream));
  }
  moe_call makeCall(const moe_binding *bound, std::uint32_t phase, std::int64_t tokens, void *block) const {
    moe_call call = {};
    call.struct_size = sizeof(moe_call);
    call.phase = phase;
    call.token_count = tokens;
    call.bindings = bound;
    call.accumulators = block;
    call.workspace = workspace;
    call.workspace_bytes = workspaceBytes;
    call.stream = stream;
    call.saved = kept.saved;
    call.saved_bytes = kept.savedBytes;
    call.coefficients = kept.coefficients;
    call.coefficient_bytes = kept.coefficientBytes;
    call.seed = randomSeed;
    call.offset = randomOffset;
    call.first_token = randomFirst;
    return call;
  }
  moe_status tryRun(std::uint32_t phase, std::int64_t tokens, void *block) const {
    moe_call call = makeCall(bindings.data(), phase, tokens, block);
    return moe_run(executable, &call);
  }
  void run(std::uint32_t phase, std::int64_t tokens, void *block) const { check(tryRun(phase, tokens, block)); }

  const moe_executable *executable;
  moe_device_kind kind;
  Block ownWorkspace, ownAccumulators, ownSaved, ownCoefficients;
  void *workspace = nullptr, *accumulators = nullptr, *stream = nullptr;
  std::uint64_t workspaceBytes = 0;
  Kept kept = {};
  std::uint64_t randomSeed = 0;
  std::uint32_t randomOffset = 0;
  std::int64_t randomFirst = 0;

  /// What another program of the gate reads, and is not bound in `own`, from the arrays of this call: by name.
  void lend(const moe_gate &program, const std::vector<moe_binding> &own, std::vector<moe_binding> &merged) const {
    merged = own;
    for (std::uint32_t i = 0; i < program.array_count; ++i) {
      const moe_array &array = program.arrays[i];
      bool isRead = array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_STATE;
      if (!isRead || own[i].data || own[i].layers)
        continue;
      std::int32_t same = moe_find_array(gate, array.name, 1);
      if (same < 0)
        same = moe_find_array(gate, array.name, 0);
      if (same >= 0)
        merged[i] = bindings[static_cast<std::size_t>(same)];
    }
  }
};

/// The backward of calls: their gradients, bound by the names of gate.backward (`grad_weight`, `scale_balance`,
/// `grad_logits`). Workspace, stream and what was kept are the call's; so are inputs, params and outputs of the gate
/// (`logits`, `route`) that backward reads and that are not bound here. The call must outlive it, in its place.
class Backward : public Arrays<Backward> {
public:
  explicit Backward(const Call &call) : Arrays(backwardOf(call)), forward(&call) {}

  /// The gradients of a forward call of `tokens` tokens.
  void run(std::int64_t tokens) { start(0, tokens); }
  /// The same, added to what the arrays of the gradients hold.
  void add(std::int64_t tokens) { start(MOE_ADD, tokens); }

private:
  static const moe_gate &backwardOf(const Call &call) {
    if (call.gate->backward)
      return *call.gate->backward;
    throw Error(MOE_UNSUPPORTED, std::string("gate '") + call.gate->name + "' has no backward program");
  }
  void start(std::uint32_t phase, std::int64_t tokens) {
    forward->lend(*gate, bindings, merged);
    moe_call call = forward->makeCall(merged.data(), phase, tokens, nullptr);
    check(moe_run_backward(forward->executable, &call));
  }

  const Call *forward;
  std::vector<moe_binding> merged = bindings; // as large as it gets
};

/// The step of calls: new values of the states from what the calls have accumulated since their last reset. States,
/// inputs and params that are not bound here are the call's, which must outlive it, in its place.
class Step : public Arrays<Step> {
public:
  explicit Step(const Call &call) : Arrays(stepOf(call)), forward(&call) {}

  void run() {
    forward->lend(*gate, bindings, merged);
    moe_call call = forward->makeCall(merged.data(), 0, 0, forward->accumulators);
    check(moe_run_step(forward->executable, &call));
  }

private:
  static const moe_gate &stepOf(const Call &call) {
    if (call.gate->step)
      return *call.gate->step;
    throw Error(MOE_UNSUPPORTED, std::string("gate '") + call.gate->name + "' has no step: it updates no state");
  }

  const Call *forward;
  std::vector<moe_binding> merged = bindings;
};

} // namespace moe::rt
#endif
