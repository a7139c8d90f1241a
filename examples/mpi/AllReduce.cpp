// The whole block is one element of an MPI type, and merging two blocks one operation on it. MPI gives the operation no
// room for the gate's table, so it goes as an attribute of the type.
#include "AllReduce.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace ranks {

namespace {

void check(int code, const char *what) {
  if (code != MPI_SUCCESS)
    throw std::runtime_error(std::string(what) + " failed with MPI error " + std::to_string(code));
}

template <typename T> T combine(std::uint32_t how, T a, T b) {
  bool notNumbers = a != a || b != b;
  switch (how) {
  case MOE_SUM:
    return a + b;
  case MOE_MAX: // NaN wins
    return notNumbers ? a + b : std::max(a, b);
  case MOE_MIN:
    return notNumbers ? a + b : std::min(a, b);
  default: // MOE_MAXNUM: NaN loses
    return a != a ? b : b != b ? a : std::max(a, b);
  }
}

template <typename T> void mergeArray(const moe_accumulator &entry, const void *from, void *into) {
  const T *a = reinterpret_cast<const T *>(static_cast<const char *>(from) + entry.offset);
  T *b = reinterpret_cast<T *>(static_cast<char *>(into) + entry.offset);
  for (std::uint64_t i = 0; i < entry.count; ++i)
    b[i] = combine(entry.combine, a[i], b[i]);
}

// into = from merged with into: what MPI asks of an operation.
void merge(const moe_gate &gate, const void *from, void *into) {
  *static_cast<std::int64_t *>(into) += *static_cast<const std::int64_t *>(from);
  for (std::uint32_t i = 0; i < gate.accumulator_count; ++i) {
    const moe_accumulator &entry = gate.accumulators[i];
    if (entry.flags & MOE_PER_PIECE) // of one piece: nothing in the caller's block
      continue;
    if (entry.dtype == MOE_F32)
      mergeArray<float>(entry, from, into);
    else if (entry.dtype == MOE_F64)
      mergeArray<double>(entry, from, into);
    else
      mergeArray<std::int32_t>(entry, from, into);
  }
}

int gateKey = MPI_KEYVAL_INVALID;

void mergeBlocks(void *from, void *into, int *count, MPI_Datatype *type) {
  void *gate = nullptr;
  int found = 0;
  MPI_Type_get_attr(*type, gateKey, &gate, &found);
  std::uint64_t bytes = found ? static_cast<const moe_gate *>(gate)->accumulator_bytes : 0;
  for (int i = 0; i < *count && found; ++i)
    merge(*static_cast<const moe_gate *>(gate), static_cast<char *>(from) + static_cast<std::uint64_t>(i) * bytes,
          static_cast<char *>(into) + static_cast<std::uint64_t>(i) * bytes);
}

} // namespace

void allReduce(const moe_gate &gate, void *accumulators, MPI_Comm communicator) {
  if (gateKey == MPI_KEYVAL_INVALID)
    check(MPI_Type_create_keyval(MPI_TYPE_NULL_COPY_FN, MPI_TYPE_NULL_DELETE_FN, &gateKey, nullptr),
          "MPI_Type_create_keyval");
  MPI_Datatype block;
  MPI_Op operation;
  check(MPI_Type_contiguous(static_cast<int>(gate.accumulator_bytes), MPI_BYTE, &block), "MPI_Type_contiguous");
  check(MPI_Type_commit(&block), "MPI_Type_commit");
  check(MPI_Type_set_attr(block, gateKey, const_cast<moe_gate *>(&gate)), "MPI_Type_set_attr");
  check(MPI_Op_create(mergeBlocks, /*commute=*/0, &operation), "MPI_Op_create");
  check(MPI_Allreduce(MPI_IN_PLACE, accumulators, 1, block, operation, communicator), "MPI_Allreduce");
  MPI_Op_free(&operation);
  MPI_Type_free(&block);
}

} // namespace ranks
