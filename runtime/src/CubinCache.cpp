// File format: a fixed header, the key, the code. The whole key is kept and compared, so two sources whose hashes
// collide cannot get each other's code; a checksum over key and code finds damage.
#include "CubinCache.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace moe::rt {
namespace {

struct FileHeader {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes;
  uint64_t keyBytes;
  uint64_t codeBytes;
  uint64_t checksum;
};
constexpr char fileMagic[8] = {'m', 'o', 'e', 'c', 'u', 'b', 'i', 'n'};
constexpr uint32_t fileVersion = 1;

/// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv.
uint64_t hash(std::string_view text, uint64_t state = 0xcbf29ce484222325u) {
  for (unsigned char byte : text)
    state = (state ^ byte) * 0x100000001b3u;
  return state;
}

FileHeader makeHeader(const std::string &key, const std::string &code) {
  FileHeader header = {};
  std::memcpy(header.magic, fileMagic, sizeof(fileMagic));
  header.version = fileVersion;
  header.headerBytes = sizeof(FileHeader);
  header.keyBytes = key.size();
  header.codeBytes = code.size();
  header.checksum = hash(code, hash(key));
  return header;
}

bool readWhole(const std::string &path, std::string &contents) {
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return false;
  char buffer[1 << 16];
  ssize_t count;
  while ((count = read(descriptor, buffer, sizeof(buffer))) > 0 || (count < 0 && errno == EINTR))
    contents.append(buffer, count > 0 ? static_cast<size_t>(count) : 0);
  close(descriptor);
  return count == 0;
}

bool writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// mkdir -p; whether it worked shows when the file is opened.
void makeFolders(const std::string &directory) {
  for (size_t end = directory.find('/', 1); end != std::string::npos; end = directory.find('/', end + 1))
    mkdir(directory.substr(0, end).c_str(), 0700);
  mkdir(directory.c_str(), 0700);
}

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

} // namespace

std::string cacheDirectory(const char *chosen) {
  if (!chosen)
    chosen = std::getenv("MOE_CACHE_DIR");
  if (chosen)
    return chosen;
  if (std::string base = environment("XDG_CACHE_HOME"); !base.empty() && base[0] == '/')
    return base + "/moe";
  if (std::string home = environment("HOME"); !home.empty())
    return home + "/.cache/moe";
  return "";
}

std::string cacheFile(const std::string &directory, const std::string &key) {
  char name[64];
  std::snprintf(name, sizeof(name), "/%016llx%016llx.cubin", static_cast<unsigned long long>(hash(key)),
                static_cast<unsigned long long>(hash(key, 0x9e3779b97f4a7c15u)));
  return directory + name;
}

bool readCached(const std::string &directory, const std::string &key, std::string &code) {
  std::string contents;
  if (directory.empty() || !readWhole(cacheFile(directory, key), contents))
    return false;
  FileHeader header;
  if (contents.size() < sizeof(header) + key.size())
    return false;
  std::memcpy(&header, contents.data(), sizeof(header));
  std::string found = contents.substr(sizeof(header) + key.size());
  FileHeader expected = makeHeader(key, found);
  if (std::memcmp(&header, &expected, sizeof(header)) != 0 || contents.compare(sizeof(header), key.size(), key) != 0)
    return false;
  code = std::move(found);
  return true;
}

bool writeCached(const std::string &directory, const std::string &key, const std::string &code) {
  if (directory.empty())
    return false;
  makeFolders(directory);
  std::string path = cacheFile(directory, key);
  std::string temporary = path + ".XXXXXX";
  int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0)
    return false;
  FileHeader header = makeHeader(key, code);
  bool good = writeAll(descriptor, {reinterpret_cast<const char *>(&header), sizeof(header)}) &&
              writeAll(descriptor, key) && writeAll(descriptor, code);
  good = close(descriptor) == 0 && good;
  good = good && rename(temporary.c_str(), path.c_str()) == 0;
  if (!good)
    unlink(temporary.c_str());
  return good;
}

} // namespace moe::rt
