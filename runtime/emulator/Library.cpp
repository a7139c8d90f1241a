// Loading, and the variables in shared memory: their sizes and names stand only in the symbol table of the file.
#include "Library.h"

#include <algorithm>
#include <cstring>
#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fstream>

namespace moe::emulator {
namespace {

constexpr const char *sectionName = "moe_shared";

template <typename T> bool take(const std::string &file, uint64_t at, T &into) {
  if (at > file.size() || sizeof(T) > file.size() - at)
    return false;
  std::memcpy(&into, file.data() + at, sizeof(T));
  return true;
}

std::string textAt(const std::string &file, uint64_t at) { return at < file.size() ? std::string(&file[at]) : ""; }

/// "shared" of _ZZ12gate_forwardE6shared.
std::string lastName(const std::string &symbol) {
  int status = 0;
  char *plain = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 && plain ? plain : symbol;
  std::free(plain);
  size_t colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

/// The symbols in the section of shared memory, with addresses as in the file.
std::vector<SharedVariableInfo> readSymbols(const std::string &file, uint64_t &sectionAddress) {
  std::vector<SharedVariableInfo> variables;
  Elf64_Ehdr header;
  if (!take(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return variables;
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  for (size_t n = 0; n < sections.size(); ++n)
    if (!take(file, header.e_shoff + n * header.e_shentsize, sections[n]))
      return variables;
  const uint64_t names = header.e_shstrndx < sections.size() ? sections[header.e_shstrndx].sh_offset : 0;
  for (const Elf64_Shdr &section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size())
      continue;
    for (uint64_t n = 0; n < section.sh_size / sizeof(Elf64_Sym); ++n) {
      Elf64_Sym symbol;
      if (!take(file, section.sh_offset + n * sizeof(symbol), symbol) || symbol.st_shndx >= sections.size() ||
          ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_size == 0)
        continue;
      const Elf64_Shdr &home = sections[symbol.st_shndx];
      if (textAt(file, names + home.sh_name) != sectionName)
        continue;
      sectionAddress = home.sh_addr;
      const std::string name = textAt(file, sections[section.sh_link].sh_offset + symbol.st_name);
      const bool dynamic = name.substr(0, 2) != "_Z";
      variables.push_back({lastName(name), reinterpret_cast<const char *>(symbol.st_value), symbol.st_size, dynamic});
    }
  }
  return variables;
}

} // namespace

std::shared_ptr<Library> Library::open(const std::string &path, std::string &error) {
  std::shared_ptr<Library> library(new Library());
  library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto get = library->handle ? reinterpret_cast<const moe_library_table *(*)()>(dlsym(library->handle, "moe_library"))
                             : nullptr;
  if (!get) {
    error = std::string("the compiled code cannot be loaded: ") + dlerror();
    return nullptr;
  }
  library->exported = get();
  std::ifstream stream(path, std::ios::binary);
  const std::string file(std::istreambuf_iterator<char>(stream), {});
  uint64_t sectionAddress = 0;
  library->sharedVariables = readSymbols(file, sectionAddress);
  for (SharedVariableInfo &variable : library->sharedVariables)
    variable.address =
        library->exported->shared_begin + (reinterpret_cast<uint64_t>(variable.address) - sectionAddress);
  std::sort(library->sharedVariables.begin(), library->sharedVariables.end(),
            [](const SharedVariableInfo &a, const SharedVariableInfo &b) { return a.address < b.address; });
  return library;
}

Library::~Library() {
  if (handle)
    dlclose(handle);
}

} // namespace moe::emulator
