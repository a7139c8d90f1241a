// From the text that NVRTC gets to a library of the host: the device prelude is replaced, and each source of a
// translation unit has its own namespace. Its lines keep their numbers.
#include "Program.h"
#include "HostCompiler.h"
#include "Library.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <fstream>
#include <mutex>
#include <thread>

namespace moe::emulator {
namespace {

// As in compiler/Conversion/MoeKernelToCUDA, which puts them there.
constexpr std::string_view preludeBegin = "//===-- moe device prelude ---===//";
constexpr std::string_view preludeEnd = "//===-- end of moe device prelude ---===//";
/// Code that has run for so long will run on: time to compile it well.
constexpr uint64_t longRun = 1'500'000'000;
/// So many sources in one translation unit at most.
constexpr size_t unitSize = 16;

const char machineText[] = {
#include "Machine.inc"
    , 0};
const char languageText[] = {
#include "Language.inc"
    , 0};
const char preludeText[] = {
#include "HostPrelude.inc"
    , 0};

/// A source taken apart.
struct Parts {
  std::string error;
  std::string_view body;     ///< behind the device prelude
  uint32_t bodyLine = 0;     ///< its number
  uint32_t firstOwnLine = 0; ///< of the first kernel
  std::vector<std::string> kernels;
  std::string dynamicShared; ///< `unsigned words` of `extern __shared__ unsigned words[];`
};

bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

uint32_t lineOf(std::string_view text, size_t at) {
  return static_cast<uint32_t>(1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
}

/// The name of the kernel whose head follows `__global__`: the last word before the parameters, attributes left out.
std::string kernelName(std::string_view head) {
  std::string name;
  for (size_t n = 0; n < head.size();) {
    if (isWord(head[n])) {
      size_t end = n;
      while (end < head.size() && isWord(head[end]))
        ++end;
      name = head.substr(n, end - n);
      n = end;
    } else if (head[n] == '(') {
      if (name.substr(0, 2) != "__")
        return name;
      while (n < head.size() && head[n] != ')')
        ++n;
      ++n;
    } else {
      ++n;
    }
  }
  return "";
}

Parts takeApart(const moe_emulator_source &source) {
  Parts parts;
  const std::string_view text = source.text;
  size_t begin = text.find(preludeBegin), end = text.find(preludeEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    parts.error = "there is no device prelude between the lines '" + std::string(preludeBegin) + "' and '" +
                  std::string(preludeEnd) + "'; is it a source that moe made?";
    return parts;
  }
  end += preludeEnd.size();
  parts.body = text.substr(end);
  parts.bodyLine = lineOf(text, end);
  for (size_t at = end; (at = text.find("__global__", at)) != std::string_view::npos;) {
    const size_t lineStart = text.rfind('\n', at) + 1;
    const bool comment = text.substr(lineStart, at - lineStart).find("//") != std::string_view::npos;
    if (!comment && !parts.firstOwnLine)
      parts.firstOwnLine = lineOf(text, at);
    at += 10;
    if (!comment)
      parts.kernels.push_back(kernelName(text.substr(at)));
  }
  constexpr std::string_view dynamic = "extern __shared__ ";
  if (size_t at = parts.body.find(dynamic); at != std::string_view::npos) {
    std::string_view declared = parts.body.substr(at + dynamic.size());
    parts.dynamicShared = declared.substr(0, std::min(declared.find('['), declared.find(';')));
  }
  if (parts.kernels.empty())
    parts.error = "there is no kernel (__global__) in it";
  return parts;
}

/// One source in its namespace. Names of kernels are made distinct by macros, since extern "C" names know no namespace.
std::string wrapSource(const Parts &parts, const std::string &name, unsigned number) {
  const std::string space = "moe_p" + std::to_string(number);
  std::string text = "namespace " + space + " {\n#line 1 \"emulator's prelude\"\n" + preludeText;
  for (const std::string &kernel : parts.kernels)
    text += "#define " + kernel + " " + space + "_" + kernel + "\n";
  std::string body(parts.body);
  if (!parts.dynamicShared.empty()) {
    text += "extern \"C\" { __attribute__((section(\"moe_shared\"), aligned(16))) " + parts.dynamicShared + "[4]; }\n";
    for (size_t at = 0; (at = body.find("extern __shared__", at)) != std::string::npos;)
      body.replace(at, 17, "extern");
  }
  text += "#line " + std::to_string(parts.bodyLine) + " \"" + name + "\"\n" + body + "\n}\n";
  for (const std::string &kernel : parts.kernels)
    text += "static void " + space + "_call_" + kernel + "(void **arguments) { moe_invoke(&" + space + "::" + kernel +
            ", arguments); }\n";
  for (const std::string &kernel : parts.kernels)
    text += "#undef " + kernel + "\n";
  return text;
}

/// What the translation unit exports (moe_library_table).
std::string tableText(const std::vector<Parts> &unit) {
  std::string text = "static const moe_kernel_entry moe_kernels[] = {\n";
  size_t count = 0;
  for (size_t n = 0; n < unit.size(); ++n)
    for (const std::string &kernel : unit[n].kernels) {
      text +=
          "    {" + std::to_string(n) + ", \"" + kernel + "\", moe_p" + std::to_string(n) + "_call_" + kernel + "},\n";
      ++count;
    }
  text += "};\nextern \"C\" {\n"
          "const moe_services *moe_host;\nconst moe_coordinates *moe_running;\n"
          "extern const char __start_moe_shared[] __attribute__((weak, visibility(\"hidden\")));\n"
          "extern const char __stop_moe_shared[] __attribute__((weak, visibility(\"hidden\")));\n"
          "__attribute__((visibility(\"default\"))) const moe_library_table *moe_library() {\n"
          "  static const moe_library_table table = {&moe_host, &moe_running, moe_kernels, " +
          std::to_string(count) + ", __start_moe_shared, __stop_moe_shared};\n  return &table;\n}\n}\n";
  return text;
}

std::string unitText(const std::vector<Parts> &unit, const std::vector<std::string> &names) {
  std::string text = std::string("#line 1 \"emulator's machine\"\n") + machineText + languageText;
  for (size_t n = 0; n < unit.size(); ++n)
    text += wrapSource(unit[n], names[n], static_cast<unsigned>(n));
  return text + "#undef asm\n" + tableText(unit);
}

/// Compiles all sources of `unit` into one library.
std::shared_ptr<Library> compileUnit(const std::vector<Parts> &unit, const std::vector<std::string> &names,
                                     const std::string &stem, bool optimised, std::string &error) {
  std::ofstream(stem + ".cpp") << unitText(unit, names);
  error = compileLibrary(stem + ".cpp", stem + ".so", optimised);
  return error.empty() ? Library::open(stem + ".so", error) : nullptr;
}

/// Compiles many sources in units, several compilers at a time.
class Batch {
public:
  Batch(const moe_emulator_source *sources, size_t count, std::vector<std::string> &messages)
      : sources(sources), messages(messages), programs(count) {
    messages.assign(count, "");
    std::vector<size_t> together;
    for (size_t n = 0; n < count; ++n) {
      parts.push_back(takeApart(sources[n]));
      if (!parts[n].error.empty())
        messages[n] = std::string(sources[n].name) + ": " + parts[n].error;
      else if (!parts[n].dynamicShared.empty()) // a variable with C linkage: its name would be there twice
        units.push_back({n});
      else
        together.push_back(n);
    }
    const size_t workers = std::max(1u, std::thread::hardware_concurrency());
    const size_t size = std::clamp<size_t>((together.size() + workers - 1) / workers, 1, unitSize);
    for (size_t n = 0; n < together.size(); n += size)
      units.emplace_back(together.begin() + static_cast<ptrdiff_t>(n),
                         together.begin() + static_cast<ptrdiff_t>(std::min(n + size, together.size())));
  }

  std::vector<std::unique_ptr<Program>> run() {
    if (folder.path().empty()) {
      for (std::string &message : messages)
        message = message.empty() ? folder.error : message;
      return std::move(programs);
    }
    std::vector<std::thread> workers;
    const size_t most = std::max(1u, std::thread::hardware_concurrency());
    for (size_t n = 1; n < std::min(units.size(), most); ++n)
      workers.emplace_back([this] { work(); });
    work();
    for (std::thread &worker : workers)
      worker.join();
    return std::move(programs);
  }

private:
  void work() {
    for (size_t unit; (unit = next++) < units.size();)
      if (!compileTogether(units[unit]) && units[unit].size() > 1)
        for (size_t source : units[unit]) // to know whose fault it is
          compileTogether({source});
  }

  bool compileTogether(const std::vector<size_t> &numbers) {
    std::vector<Parts> unit;
    std::vector<std::string> names;
    for (size_t number : numbers) {
      unit.push_back(parts[number]);
      names.emplace_back(sources[number].name);
    }
    std::string error, stem = folder.path() + "/unit" + std::to_string(files++);
    std::shared_ptr<Library> library = compileUnit(unit, names, stem, false, error);
    for (size_t n = 0; n < numbers.size(); ++n) {
      const size_t number = numbers[n];
      if (library)
        programs[number] =
            std::make_unique<Program>(library, static_cast<unsigned>(n), sources[number], parts[number].firstOwnLine);
      else
        messages[number] = std::string(sources[number].name) + ": " + error;
    }
    return library != nullptr;
  }

  const moe_emulator_source *sources;
  std::vector<std::string> &messages;
  std::vector<std::unique_ptr<Program>> programs;
  std::vector<Parts> parts;
  std::vector<std::vector<size_t>> units;
  TemporaryFolder folder;
  std::atomic<size_t> next = 0, files = 0;
};

} // namespace

Program::Program(std::shared_ptr<Library> loaded, unsigned number, const moe_emulator_source &source, uint32_t ownLine)
    : lines(source.name, source.text), firstOwnLine(ownLine), name(source.name), text(source.text) {
  use(std::move(loaded), number);
}

void Program::use(std::shared_ptr<Library> loaded, unsigned number) {
  library = std::move(loaded);
  kernels.clear();
  const moe_library_table &table = library->table();
  for (unsigned n = 0; n < table.kernel_count; ++n)
    if (table.kernels[n].program == number)
      kernels.push_back({table.kernels[n].name, table.kernels[n].invoke});
}

void Program::compileAgainIfWorthIt() {
  if (optimised || nanosecondsRun < longRun)
    return;
  optimised = true; // or it cannot be
  TemporaryFolder folder;
  if (folder.path().empty())
    return;
  std::string error;
  const std::vector<Parts> unit = {takeApart({name.c_str(), text.c_str()})};
  if (std::shared_ptr<Library> better = compileUnit(unit, {name}, folder.path() + "/unit", true, error))
    use(std::move(better), 0);
}

Program::~Program() = default;

const Kernel *Program::find(const std::string &name) const {
  auto found = std::find_if(kernels.begin(), kernels.end(), [&](const Kernel &kernel) { return kernel.name == name; });
  return found == kernels.end() ? nullptr : &*found;
}

std::string Program::kernelNames() const {
  std::string text;
  for (const Kernel &kernel : kernels)
    text += (text.empty() ? "'" : ", '") + kernel.name + "'";
  return text;
}

void Program::bind(const moe_services *services) const { *library->table().services = services; }
const moe_coordinates **Program::running() const { return library->table().coordinates; }
const std::vector<SharedVariableInfo> &Program::sharedVariables() const { return library->sharedVariables; }
const char *Program::sharedBegin() const { return library->table().shared_begin; }
const char *Program::sharedEnd() const { return library->table().shared_end; }

std::vector<std::unique_ptr<Program>> compile(const moe_emulator_source *sources, size_t count,
                                              std::vector<std::string> &messages) {
  return Batch(sources, count, messages).run();
}

} // namespace moe::emulator
