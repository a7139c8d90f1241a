// Arrays on disk in NumPy's .npy format, versions 1 to 3: what moe-run reads as inputs and writes as results.
//
// Only what a gate can bind is read: plain C-order arrays of the types below, little endian. Everything else (Fortran
// order, records, pickled objects, text, another byte order) is refused with a message that says what stands in the
// file.
#ifndef MOE_TOOLS_MOE_RUN_NPY_H
#define MOE_TOOLS_MOE_RUN_NPY_H
#include "moe/runtime.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace moe::run {

/// Element type of a .npy file. NumPy itself has no bfloat16: such arrays come as raw `<u2` (U16), or from the
/// ml_dtypes package, whose bfloat16 arrays are stored as two bytes of void, `<V2` (BF16).
enum class NpyType : uint8_t { F32, F64, BF16, F16, I32, I64, Bool, U8, U16, I16 };

/// "f32", "bf16", "u16", …
llvm::StringRef typeName(NpyType type);
/// Bytes per element.
size_t typeBytes(NpyType type);
/// The type under which an array of `dtype` is written; bf16 becomes U16, which NumPy reads without any package.
NpyType typeToWrite(moe_dtype dtype);
/// Whether an array of `type` holds the bits of `dtype`: the same type, U16 for bf16, U8 for bool.
bool holds(NpyType type, moe_dtype dtype);

/// "[4096, 64]".
std::string shapeText(llvm::ArrayRef<int64_t> sizes);

/// Zero-initialised bytes aligned to 64, so that any array, accumulator block or workspace fits.
class AlignedBytes {
public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size);
  std::byte *data() { return bytes.get(); }
  const std::byte *data() const { return bytes.get(); }
  size_t size() const { return count; }

private:
  struct Free {
    void operator()(std::byte *pointer) const;
  };
  std::unique_ptr<std::byte, Free> bytes;
  size_t count = 0;
};

/// A dense array in C order. `data` is never null, also for an array without elements.
struct NpyArray {
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 4> sizes;
  AlignedBytes data;

  NpyArray() = default;
  NpyArray(NpyType type, llvm::ArrayRef<int64_t> sizes);
  int64_t elements() const;
  template <typename T> llvm::ArrayRef<T> as() const {
    return {reinterpret_cast<const T *>(data.data()), static_cast<size_t>(elements())};
  }
  template <typename T> llvm::MutableArrayRef<T> as() {
    return {reinterpret_cast<T *>(data.data()), static_cast<size_t>(elements())};
  }
};

/// What the header of a .npy file says. `bytes` of data must follow it.
struct NpyHeader {
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 4> sizes;
  uint64_t bytes = 0;
};

/// Parses the dictionary of a header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }". The error is one
/// clause without a file name.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef dictionary);

/// Reads a whole file. Errors name the file, what was expected and what stands there.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes format version 1.0. `data` holds the elements of `sizes` in C order. Fails, with the file's name and the
/// system's reason, also when the last byte does not reach the disk.
llvm::Error writeNpy(llvm::StringRef path, NpyType type, llvm::ArrayRef<int64_t> sizes, const void *data);

} // namespace moe::run
#endif
