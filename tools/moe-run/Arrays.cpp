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

std::string sizesText(const moe_array &array) {
  auto text = [&](int64_t size) -> std::string {
    switch (size) {
    case MOE_TOKENS:
      return "T";
    case MOE_PIECES:
      return "P";
    case MOE_PIECES_PLUS_1:
      return "P + 1";
    case MOE_DISPATCH_ROWS:
      return fmt::format("{} T + {}", array.per_token, array.extra);
    default:
      return std::to_string(size);
    }
  };
  std::string all = "[";
  for (uint32_t i = 0; i < array.rank; ++i)
    all += (i ? ", " : "") + text(array.sizes[i]);
  return all + "]";
}

// The sizes of an array in a call.
llvm::SmallVector<int64_t, 4> sizesIn(const moe_array &array, const CallArrays &call) {
  llvm::SmallVector<int64_t, 4> sizes(array.sizes, array.sizes + array.rank);
  for (int64_t &size : sizes)
    size = size == MOE_TOKENS          ? call.tokens
           : size == MOE_PIECES        ? call.pieces
           : size == MOE_PIECES_PLUS_1 ? call.pieces + 1
           : size == MOE_DISPATCH_ROWS ? array.per_token * call.tokens + array.extra
                                       : size;
  return sizes;
}

const moe_axis *pieceAxis(const moe_gate &gate) {
  const moe_axis *end = gate.axes + gate.axis_count;
  const moe_axis *found =
      std::find_if(gate.axes, end, [](const moe_axis &axis) { return axis.length || axis.offsets; });
  return found == end ? nullptr : found;
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

bool hasTokens(const moe_array &array) { return array.rank > 0 && array.sizes[0] == MOE_TOKENS; }
bool isOffsets(const moe_array &array) { return array.rank > 0 && array.sizes[0] == MOE_PIECES_PLUS_1; }
bool isRow(const moe_array &array) { return array.rank > 0 && array.sizes[0] == MOE_PIECES; }

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
  std::optional<int64_t> tokens;
  std::optional<int64_t> pieces;
  std::string tokensFrom, piecesFrom; // who decided the number of tokens, and of pieces
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
  if (isOffsets(wanted) || isRow(wanted)) {
    int64_t came = array.storage.sizes[0] - (isOffsets(wanted) ? 1 : 0);
    if (came < 0 || (pieces && *pieces != came))
      fail("input '{}' ('{}'): expected {}, came {} elements", wanted.name, path,
           pieces ? fmt::format("P = {} pieces as {} says", *pieces, piecesFrom) : "one element more than pieces",
           array.storage.sizes[0]);
    if (!pieces)
      piecesFrom = fmt::format("input '{}'", wanted.name);
    pieces = pieces.value_or(came);
  }
  if (!hasTokens(wanted))
    return;
  int64_t came = array.storage.sizes[0];
  if (tokens && *tokens != came)
    fail("input '{}' ('{}'): expected T = {} tokens as {} says, came {}", wanted.name, path, *tokens, tokensFrom, came);
  if (!tokens)
    tokensFrom = fmt::format("input '{}'", wanted.name);
  tokens = tokens.value_or(came);
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
      array.storage = seededOffsets(wanted.name, call.tokens, call.pieces, options.seeded);
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

// The numbers of the call: what files and options say, else what suits the gate.
void Matcher::countPieces() {
  const moe_axis *axis = pieceAxis(gate);
  int64_t length = axis ? axis->length : 0;
  call.tokens = tokens.value_or(length ? (defaultTokens + length - 1) / length * length : defaultTokens);
  if (length)
    call.pieces = call.tokens / length;
  else if (axis)
    call.pieces =
        forward ? forward->pieces : pieces.value_or((call.tokens + seededPieceTokens - 1) / seededPieceTokens);
}

llvm::Expected<CallArrays> Matcher::match() {
  if (forward)
    checkSomethingToDifferentiate();
  checkNames(options.files, MOE_INPUT, "input", forward ? "grad" : "input");
  checkNames(options.params, MOE_PARAM, "param", forward ? "scale" : "param");
  checkNames(options.states, MOE_STATE, "state", "state");
  tokens = forward ? std::optional(forward->tokens) : options.tokens;
  tokensFrom = forward ? "the forward call" : "-T";
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
      array.storage = isOffsets(wanted) ? seededOffsets(wanted.name, call.tokens, call.pieces, options)
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
