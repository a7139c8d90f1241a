// Matching what the command line gives against what a gate's descriptor asks for.
#include "tools/moe-run/Arrays.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <functional>

namespace moe::run {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A run-time size of an array: of tokens (level 0), of pieces of level 1, 2, …, or one more than these.
struct RunTimeSize {
  size_t level = 0;
  bool isBounds = false;
};

std::optional<RunTimeSize> runTimeSize(int64_t size) {
  if (size == MOE_TOKENS)
    return RunTimeSize{};
  for (int64_t level = 1; size < 0 && size != MOE_DISPATCH_ROWS && 2 * level <= -size; ++level)
    for (bool isBounds : {false, true})
      if (size == (isBounds ? MOE_PIECES_OF_LEVEL_PLUS_1(level) : MOE_PIECES_OF_LEVEL(level)))
        return RunTimeSize{static_cast<size_t>(level), isBounds};
  return std::nullopt;
}

// The axis that may have a run-time size: the first, behind that of the layers.
uint32_t outerAxis(const moe_array &array) { return array.flags & MOE_ARRAY_LAYERED ? 1 : 0; }

std::optional<RunTimeSize> runTimeSize(const moe_array &array) {
  uint32_t axis = outerAxis(array);
  return axis < array.rank ? runTimeSize(array.sizes[axis]) : std::nullopt;
}

// "T", "P" or "P2".
std::string countName(size_t level) { return level == 0 ? "T" : level == 1 ? "P" : "P" + std::to_string(level); }

std::string sizesText(const moe_array &array) {
  std::string all = "[";
  for (uint32_t i = 0; i < array.rank; ++i) {
    int64_t size = array.sizes[i];
    all += i ? ", " : "";
    if (std::optional<RunTimeSize> found = runTimeSize(size))
      all += countName(found->level) + (found->isBounds ? " + 1" : "");
    else
      all += size == MOE_DISPATCH_ROWS ? fmt::format("{} T + {}", array.per_token, array.extra) : std::to_string(size);
  }
  return all + "]";
}

// The sizes of an array in a call.
llvm::SmallVector<int64_t, 4> sizesIn(const moe_array &array, const CallArrays &call) {
  llvm::SmallVector<int64_t, 4> sizes(array.sizes, array.sizes + array.rank);
  for (int64_t &size : sizes) {
    if (std::optional<RunTimeSize> found = runTimeSize(size))
      size = (found->level ? call.pieces.at(found->level - 1) : call.tokens) + found->isBounds;
    else if (size == MOE_DISPATCH_ROWS)
      size = array.per_token * call.tokens + array.extra;
  }
  return sizes;
}

// The axes of pieces, from the finest on.
llvm::SmallVector<const moe_axis *> pieceAxes(const moe_gate &gate) {
  llvm::SmallVector<const moe_axis *> found;
  for (uint32_t i = 0; i < gate.axis_count; ++i)
    if (const moe_axis &axis = gate.axes[i]; axis.length || axis.offsets || axis.count)
      found.push_back(&axis);
  return found;
}

std::string axesText(const moe_array &array) {
  return array.rank == 0 ? "a scalar"
                         : fmt::format("({})", fmt::join(array.axis_names, array.axis_names + array.rank, ", "));
}

llvm::StringRef dtypeName(const moe_array &array) { return moe_dtype_name(static_cast<moe_dtype>(array.dtype)); }

bool isFloat(const moe_array &array) { return array.dtype <= MOE_F16; }

const char *kindOf(const moe_array &array) { return array.role == MOE_STATE ? "state" : "input"; }

// What helps when a file holds another type: the type that the input could be compiled for, or a conversion in NumPy.
std::string typeHint(const moe_array &wanted, NpyType came) {
  for (moe_dtype other : {MOE_F32, MOE_BF16, MOE_F16})
    if (isFloat(wanted) && holds(came, other))
      return fmt::format("; convert the array, or read it as it is by --dtype {}={} if the spec says float",
                         wanted.name, moe_dtype_name(other));
  return "; convert the array";
}

bool isBound(const moe_array &array) { return array.role != MOE_COEFFICIENT && array.role != MOE_SAVED; }

bool isOffsets(const moe_array &array) {
  std::optional<RunTimeSize> size = runTimeSize(array);
  return size && size->isBounds;
}

// Made-up offsets of the call's pieces.
NpyArray makeOffsets(const moe_array &wanted, const CallArrays &call, const SeededOptions &options) {
  size_t level = runTimeSize(wanted)->level;
  int64_t elements = level == 1 ? call.tokens : call.pieces[level - 2];
  return seededOffsets(wanted.name, elements, call.pieces[level - 1], options);
}

// What a state is before its first step.
NpyArray initialState(const moe_array &state) {
  NpyArray array(typeToWrite(static_cast<moe_dtype>(state.dtype)), llvm::ArrayRef(state.sizes, state.rank));
  auto fill = [&](auto elements) {
    std::fill(elements.begin(), elements.end(), static_cast<typename decltype(elements)::value_type>(state.init));
  };
  switch (state.dtype) {
  case MOE_F32:
    fill(array.as<float>());
    break;
  case MOE_F64:
    fill(array.as<double>());
    break;
  case MOE_I32:
    fill(array.as<int32_t>());
    break;
  case MOE_BOOL:
    fill(array.as<uint8_t>());
    break;
  default:
    for (uint16_t &element : array.as<uint16_t>())
      element = state.dtype == MOE_BF16 ? roundToBf16(static_cast<float>(state.init))
                                        : roundToF16(static_cast<float>(state.init));
  }
  return array;
}

// Gathers the messages for one call; each becomes one line.
class Matcher {
public:
  /// `forward`: of a backward call, the call whose gradients it makes.
  Matcher(const moe_gate &gate, const InputOptions &options, const CallArrays *forward = nullptr)
      : gate(gate), options(options), forward(forward) {}
  llvm::Expected<CallArrays> match();

private:
  template <typename... Args> void fail(fmt::format_string<Args...> format, Args &&...args) {
    errors =
        llvm::joinErrors(std::move(errors), llvm::createStringError(fmt::format(format, std::forward<Args>(args)...)));
  }
  bool isForwards(const moe_array &array) const;
  void readCount(const CallArray &array, const std::string &path);
  void countPieces();
  std::string known(moe_role role) const;
  std::string nearMiss(llvm::StringRef name, moe_role role) const;
  void checkNames(const Pairs &given, moe_role role, const char *kind, const char *option);
  void checkSomethingToDifferentiate();
  void readFile(CallArray &array, const std::string &path);
  bool checkShape(const CallArray &array, const std::string &path);
  void setParam(CallArray &array, const std::string &text);
  void bindGiven();
  bool isMissing(const moe_array &wanted) const;
  void makeOthers();

  const moe_gate &gate;
  const InputOptions &options;
  const CallArrays *forward;
  CallArrays call;
  llvm::Error errors = llvm::Error::success();
  // The number of tokens, of pieces of level 1, 2, …, and who decided it.
  struct Count {
    std::optional<int64_t> value;
    std::string from;
  };
  std::vector<Count> counts = std::vector<Count>(1);
};

// Whether a backward call reads the array from its forward call: an input, a param, an output.
bool Matcher::isForwards(const moe_array &array) const {
  return forward && (array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_STATE) &&
         llvm::any_of(forward->arrays, [&](const CallArray &other) {
           return isBound(*other.description) && llvm::StringRef(other.description->name) == array.name;
         });
}

std::string Matcher::known(moe_role role) const {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].role == role && !isForwards(gate.arrays[i]))
      names.push_back(gate.arrays[i].name);
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string Matcher::nearMiss(llvm::StringRef name, moe_role role) const {
  unsigned best = static_cast<unsigned>((name.size() + 2) / 3) + 1;
  std::string found;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    unsigned distance = name.edit_distance(gate.arrays[i].name, true, best);
    if (gate.arrays[i].role == role && distance < best && !isForwards(gate.arrays[i])) {
      best = distance;
      found = gate.arrays[i].name;
    }
  }
  return found.empty() ? "" : fmt::format("; did you mean '{}'?", found);
}

void Matcher::checkNames(const Pairs &given, moe_role role, const char *kind, const char *option) {
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string &name = given[i].first;
    bool exists = std::any_of(gate.arrays, gate.arrays + gate.array_count, [&](const moe_array &array) {
      return array.role == role && name == array.name && !isForwards(array);
    });
    if (!exists)
      fail("gate '{}' has no {} '{}' (its {}s: {}){}", gate.name, kind, name, kind, known(role), nearMiss(name, role));
    if (std::any_of(given.begin(), given.begin() + static_cast<ptrdiff_t>(i),
                    [&](const auto &earlier) { return earlier.first == name; }))
      fail("{} '{}' is given twice (--{})", kind, name, option);
  }
}

bool Matcher::checkShape(const CallArray &array, const std::string &path) {
  const moe_array &wanted = *array.description;
  llvm::ArrayRef<int64_t> sizes = array.storage.sizes;
  bool fits = sizes.size() == wanted.rank;
  for (uint32_t i = 0; fits && i < wanted.rank; ++i)
    fits = wanted.sizes[i] < 0 || wanted.sizes[i] == sizes[i];
  if (!fits)
    fail("{} '{}' ('{}'): expected {} {}, came {}", kindOf(wanted), wanted.name, path, sizesText(wanted),
         axesText(wanted), shapeText(sizes));
  return fits;
}

void Matcher::readFile(CallArray &array, const std::string &path) {
  const moe_array &wanted = *array.description;
  llvm::Expected<NpyArray> read = readNpy(path);
  if (!read) {
    fail("{} '{}': {}", kindOf(wanted), wanted.name, llvm::toString(read.takeError()));
    return;
  }
  array.storage = std::move(*read);
  array.source = path;
  bool fits = checkShape(array, path);
  if (!holds(array.storage.type, static_cast<moe_dtype>(wanted.dtype)))
    fail("{} '{}' ('{}'): expected elements of {}{}, came {}{}", kindOf(wanted), wanted.name, path,
         dtypeName(wanted).str(), wanted.dtype == MOE_BF16 ? " (as raw '<u2', or '<V2' of ml_dtypes)" : "",
         typeName(array.storage.type).str(), forward ? "; convert the array" : typeHint(wanted, array.storage.type));
  if (fits)
    readCount(array, path);
}

// Tokens or pieces, which all files have to agree on.
void Matcher::readCount(const CallArray &array, const std::string &path) {
  const moe_array &wanted = *array.description;
  std::optional<RunTimeSize> size = runTimeSize(wanted);
  if (!size)
    return;
  int64_t elements = array.storage.sizes[outerAxis(wanted)], came = elements - size->isBounds;
  counts.resize(std::max(counts.size(), size->level + 1));
  Count &count = counts[size->level];
  std::string expected = fmt::format("{} = {} {} as {} says", countName(size->level), count.value.value_or(0),
                                     size->level ? "pieces" : "tokens", count.from);
  if (size->level && (came < 0 || (count.value && *count.value != came)))
    fail("input '{}' ('{}'): expected {}, came {} elements", wanted.name, path,
         count.value ? expected : "one element more than pieces", elements);
  else if (count.value && *count.value != came)
    fail("input '{}' ('{}'): expected {}, came {}", wanted.name, path, expected, came);
  if (!count.value)
    count = {came, fmt::format("input '{}'", wanted.name)};
}

void Matcher::setParam(CallArray &array, const std::string &text) {
  double value = 0;
  if (llvm::StringRef(text).getAsDouble(value))
    fail("param '{}': expected a number, came '{}'", array.description->name, text);
  array.storage.as<float>()[0] = static_cast<float>(value);
  array.source = forward ? "--scale" : "--param";
}

void Matcher::bindGiven() {
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    CallArray &array = call.arrays.emplace_back();
    array.description = &gate.arrays[i];
    if (isForwards(gate.arrays[i])) {
      array.source = fromForward;
      continue;
    }
    const Pairs &given = gate.arrays[i].role == MOE_PARAM   ? options.params
                         : gate.arrays[i].role == MOE_STATE ? options.states
                                                            : options.files;
    auto found =
        std::find_if(given.begin(), given.end(), [&](const auto &pair) { return pair.first == gate.arrays[i].name; });
    if (gate.arrays[i].role == MOE_PARAM) {
      array.storage = NpyArray(NpyType::F32, {});
      array.storage.as<float>()[0] = static_cast<float>(gate.arrays[i].init);
      if (found != given.end())
        setParam(array, found->second);
    } else if (gate.arrays[i].role == MOE_INPUT && found != given.end()) {
      readFile(array, found->second);
    } else if (gate.arrays[i].role == MOE_STATE) {
      if (found != given.end())
        readFile(array, found->second);
      else
        array.storage = initialState(gate.arrays[i]);
    }
  }
}

// An input for which no file is given, not even one that cannot be read.
bool Matcher::isMissing(const moe_array &wanted) const {
  return std::none_of(options.files.begin(), options.files.end(),
                      [&](const auto &pair) { return pair.first == wanted.name; });
}

void Matcher::makeOthers() {
  bool make = options.files.empty() || options.makeMissing;
  for (CallArray &array : call.arrays) {
    const moe_array &wanted = *array.description;
    llvm::SmallVector<int64_t, 4> sizes = sizesIn(wanted, call);
    bool given = !array.source.empty() || wanted.role == MOE_PARAM || wanted.role == MOE_STATE || !isBound(wanted);
    if (given)
      continue;
    if (wanted.role != MOE_INPUT || (forward && isMissing(wanted))) {
      array.storage = NpyArray(typeToWrite(static_cast<moe_dtype>(wanted.dtype)), sizes);
      array.source = wanted.role == MOE_INPUT ? "zero" : "";
    } else if (make && isOffsets(wanted)) {
      array.storage = makeOffsets(wanted, call, options.seeded);
      array.source = "seeded";
    } else if (make && isFloat(wanted)) {
      array.storage = seededArray(wanted.name, static_cast<moe_dtype>(wanted.dtype), sizes, options.seeded);
      array.source = "seeded";
    } else if (isMissing(wanted)) {
      fail("input '{}' is missing: expected --input {}=FILE.npy with {}{}", wanted.name, wanted.name, arrayText(wanted),
           isFloat(wanted) || isOffsets(wanted) ? ", or --seed N to make it up" : "");
    }
  }
}

// Every gradient that comes in is zero without a file; that must not be all of them.
void Matcher::checkSomethingToDifferentiate() {
  bool hasScale = std::any_of(gate.arrays, gate.arrays + gate.array_count,
                              [&](const moe_array &array) { return array.role == MOE_PARAM && !isForwards(array); });
  if (options.files.empty() && !hasScale)
    fail("gate '{}' has no loss, so all gradients are zero: expected --grad NAME=FILE.npy with the gradient of an "
         "output (inputs of the backward call: {})",
         gate.name, known(MOE_INPUT));
}

// The numbers of the call: what files and options say, else what suits the gate. Offsets that are made up make pieces
// of `seededPieceTokens` tokens, or of two pieces.
void Matcher::countPieces() {
  llvm::SmallVector<const moe_axis *> axes = pieceAxes(gate);
  int64_t multiple = 1;
  for (const moe_axis *axis : axes) {
    if (axis->offsets)
      break;
    multiple *= axis->count ? axis->count / (gate.layers ? gate.layers : 1) : axis->length;
  }
  multiple = std::max<int64_t>(multiple, 1);
  call.tokens = counts[0].value.value_or((defaultTokens + multiple - 1) / multiple * multiple);
  counts.resize(std::max(counts.size(), axes.size() + 1));
  bool hasOffsets = false;
  for (size_t level = 1; level <= axes.size(); ++level) {
    const moe_axis &axis = *axes[level - 1];
    int64_t finer = level == 1 ? call.tokens : call.pieces[level - 2];
    int64_t typical = level == 1 ? seededPieceTokens : 2;
    if (axis.count || axis.length)
      call.pieces.push_back(axis.count ? axis.count : finer / axis.length);
    else
      call.pieces.push_back(forward ? forward->pieces[level - 1]
                                    : counts[level].value.value_or((finer + typical - 1) / typical));
    if (axis.offsets && !hasOffsets)
      call.piecesByOffsets = call.pieces.back();
    hasOffsets |= axis.offsets != nullptr;
  }
}

llvm::Expected<CallArrays> Matcher::match() {
  if (forward)
    checkSomethingToDifferentiate();
  checkNames(options.files, MOE_INPUT, "input", forward ? "grad" : "input");
  checkNames(options.params, MOE_PARAM, "param", forward ? "scale" : "param");
  checkNames(options.states, MOE_STATE, "state", "state");
  counts[0] = {forward ? std::optional(forward->tokens) : options.tokens, forward ? "the forward call" : "-T"};
  bindGiven();
  countPieces();
  makeOthers();
  if (errors)
    return std::move(errors);
  return std::move(call);
}

llvm::Expected<unsigned> save(const CallArrays &call, llvm::StringRef directory, bool inputs) {
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError(fmt::format("cannot make directory '{}': {}", directory.str(), error.message()));
  unsigned count = 0;
  for (const CallArray &array : call.arrays) {
    uint32_t role = array.description->role;
    bool wanted = inputs ? role == MOE_INPUT
                         : role == MOE_OUTPUT || role == MOE_LOSS || role == MOE_METRIC || role == MOE_STATUS_WORD ||
                               role == MOE_STATE;
    if (!wanted || array.source == fromForward) // a backward call has no storage for the states of its forward call
      continue;
    // Names of a spec are identifiers; those of hand-written IR may be anything, and must not lead out of the
    // directory.
    if (llvm::StringRef(array.description->name).contains('/'))
      return llvm::createStringError(
          fmt::format("cannot write '{}': a name with a '/' cannot be a file's", array.description->name));
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path,
                            (role == MOE_STATUS_WORD ? "status." : "") + std::string(array.description->name) + ".npy");
    if (llvm::Error error = writeNpy(path, array.storage.type, array.storage.sizes, array.storage.data.data()))
      return std::move(error);
    ++count;
  }
  return count;
}

} // namespace

std::string arrayText(const moe_array &array) {
  return fmt::format("{} {} {}", dtypeName(array).str(), sizesText(array), axesText(array));
}

llvm::Expected<CallArrays> makeCallArrays(const moe_gate &gate, const InputOptions &options) {
  return Matcher(gate, options).match();
}

llvm::Expected<CallArrays> makeBackwardArrays(const moe_gate &gate, const CallArrays &forward,
                                              const InputOptions &options) {
  auto prefixed = [](const char *prefix, Pairs pairs) {
    for (auto &[name, value] : pairs)
      name = prefix + name;
    return pairs;
  };
  InputOptions backward;
  backward.files = prefixed("grad_", options.files);
  backward.params = prefixed("scale_", options.params);
  return Matcher(*gate.backward, backward, &forward).match();
}

void reseed(CallArrays &call, const SeededOptions &options) {
  for (CallArray &array : call.arrays)
    if (const moe_array &wanted = *array.description; array.source == "seeded")
      array.storage = isOffsets(wanted) ? makeOffsets(wanted, call, options)
                                        : seededArray(wanted.name, static_cast<moe_dtype>(wanted.dtype),
                                                      array.storage.sizes, options);
}

llvm::Expected<unsigned> saveResults(const CallArrays &call, llvm::StringRef directory) {
  return save(call, directory, /*inputs=*/false);
}

llvm::Expected<unsigned> saveInputs(const CallArrays &call, llvm::StringRef directory) {
  return save(call, directory, /*inputs=*/true);
}

} // namespace moe::run
