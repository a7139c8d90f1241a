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
  std::string text = "[";
  for (uint32_t i = 0; i < array.rank; ++i)
    text += (i ? ", " : "") + (array.sizes[i] < 0 ? std::string("T") : std::to_string(array.sizes[i]));
  return text + "]";
}

std::string axesText(const moe_array &array) {
  return array.rank == 0 ? "a scalar"
                         : fmt::format("({})", fmt::join(array.axis_names, array.axis_names + array.rank, ", "));
}

llvm::StringRef dtypeName(const moe_array &array) { return moe_dtype_name(static_cast<moe_dtype>(array.dtype)); }

bool isFloat(const moe_array &array) { return array.dtype <= MOE_F16; }

// What helps when a file holds another type: the type that the input could be compiled for, or a conversion in NumPy.
std::string typeHint(const moe_array &wanted, NpyType came) {
  for (moe_dtype other : {MOE_F32, MOE_BF16, MOE_F16})
    if (isFloat(wanted) && holds(came, other))
      return fmt::format("; convert the array, or read it as it is by --dtype {}={} if the spec says float",
                         wanted.name, moe_dtype_name(other));
  return "; convert the array";
}

bool isBound(const moe_array &array) { return array.role != MOE_COEFFICIENT && array.role != MOE_SAVED; }

bool hasTokens(const moe_array &array) { return array.rank > 0 && array.sizes[0] < 0; }

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
  std::string tokensFrom; // who decided the number of tokens
};

// Whether a backward call reads the array from its forward call: an input, a param, an output.
bool Matcher::isForwards(const moe_array &array) const {
  return forward && (array.role == MOE_INPUT || array.role == MOE_PARAM) &&
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
    fail("input '{}' ('{}'): expected {} {}, came {}", wanted.name, path, sizesText(wanted), axesText(wanted),
         shapeText(sizes));
  return fits;
}

void Matcher::readFile(CallArray &array, const std::string &path) {
  const moe_array &wanted = *array.description;
  llvm::Expected<NpyArray> read = readNpy(path);
  if (!read) {
    fail("input '{}': {}", wanted.name, llvm::toString(read.takeError()));
    return;
  }
  array.storage = std::move(*read);
  array.source = path;
  bool fits = checkShape(array, path);
  if (!holds(array.storage.type, static_cast<moe_dtype>(wanted.dtype)))
    fail("input '{}' ('{}'): expected elements of {}{}, came {}{}", wanted.name, path, dtypeName(wanted).str(),
         wanted.dtype == MOE_BF16 ? " (as raw '<u2', or '<V2' of ml_dtypes)" : "", typeName(array.storage.type).str(),
         forward ? "; convert the array" : typeHint(wanted, array.storage.type));
  if (!fits || !hasTokens(wanted))
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
    const Pairs &given = gate.arrays[i].role == MOE_PARAM ? options.params : options.files;
    auto found =
        std::find_if(given.begin(), given.end(), [&](const auto &pair) { return pair.first == gate.arrays[i].name; });
    if (gate.arrays[i].role == MOE_PARAM) {
      array.storage = NpyArray(NpyType::F32, {});
      array.storage.as<float>()[0] = static_cast<float>(gate.arrays[i].init);
      if (found != given.end())
        setParam(array, found->second);
    } else if (gate.arrays[i].role == MOE_INPUT && found != given.end()) {
      readFile(array, found->second);
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
    llvm::SmallVector<int64_t, 4> sizes(wanted.sizes, wanted.sizes + wanted.rank);
    std::replace(sizes.begin(), sizes.end(), int64_t(-1), call.tokens);
    bool given = !array.source.empty() || wanted.role == MOE_PARAM || !isBound(wanted);
    if (given)
      continue;
    if (wanted.role != MOE_INPUT || (forward && isMissing(wanted))) {
      array.storage = NpyArray(typeToWrite(static_cast<moe_dtype>(wanted.dtype)), sizes);
      array.source = wanted.role == MOE_INPUT ? "zero" : "";
    } else if (make && isFloat(wanted)) {
      array.storage = seededArray(wanted.name, static_cast<moe_dtype>(wanted.dtype), sizes, options.seeded);
      array.source = "seeded";
    } else if (isMissing(wanted)) {
      fail("input '{}' is missing: expected --input {}=FILE.npy with {}{}", wanted.name, wanted.name, arrayText(wanted),
           isFloat(wanted) ? ", or --seed N to make it up" : "");
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

llvm::Expected<CallArrays> Matcher::match() {
  if (forward)
    checkSomethingToDifferentiate();
  checkNames(options.files, MOE_INPUT, "input", forward ? "grad" : "input");
  checkNames(options.params, MOE_PARAM, "param", forward ? "scale" : "param");
  tokens = forward ? std::optional(forward->tokens) : options.tokens;
  tokensFrom = forward ? "the forward call" : "-T";
  bindGiven();
  call.tokens = tokens.value_or(defaultTokens);
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
                         : role == MOE_OUTPUT || role == MOE_LOSS || role == MOE_METRIC || role == MOE_STATUS_WORD;
    if (!wanted)
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

llvm::Expected<unsigned> saveResults(const CallArrays &call, llvm::StringRef directory) {
  return save(call, directory, /*inputs=*/false);
}

llvm::Expected<unsigned> saveInputs(const CallArrays &call, llvm::StringRef directory) {
  return save(call, directory, /*inputs=*/true);
}

} // namespace moe::run
