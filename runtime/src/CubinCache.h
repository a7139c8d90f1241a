// Compiled code on disk, shared by all processes of a user. A cache never makes a call fail: what cannot be read, or is
// damaged, counts as absent, and what cannot be written is not.
#pragma once
#include <cstdint>
#include <string>

namespace moe::rt {

/// The cache folder: `chosen` if not null ("" for none), else $MOE_CACHE_DIR ("" for none), else $XDG_CACHE_HOME/moe,
/// else $HOME/.cache/moe, else none.
std::string cacheDirectory(const char *chosen);

/// File that holds the code for `key`; the key is any text (here: version, options and the whole source).
std::string cacheFile(const std::string &directory, const std::string &key);

/// Reads the code for `key`. False where there is no file, or it is truncated, damaged, of another version or another
/// key.
bool readCached(const std::string &directory, const std::string &key, std::string &code);

/// Writes it, through a temporary file and a rename, so that another process sees all of it or nothing. False where
/// that was not possible; nothing is left behind then.
bool writeCached(const std::string &directory, const std::string &key, const std::string &code);

} // namespace moe::rt
