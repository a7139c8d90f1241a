// Tensors and the state of one evaluation (Frame.h).
#include "compiler/Reference/Frame.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// Product of sizes.
static int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

int64_t Array::count() const { return product(sizes); }
int64_t Tensor::count() const { return product(sizes); }

int64_t Tensor::indexOf(StringRef axis) const {
  for (auto [i, name] : llvm::enumerate(axes))
    if (name.getValue() == axis)
      return i;
  return -1;
}

SmallVector<int64_t> Tensor::strides(ArrayRef<StringAttr> order) const {
  SmallVector<int64_t> own(axes.size());
  int64_t stride = 1;
  for (size_t i = axes.size(); i-- > 0; stride *= sizes[i])
    own[i] = stride;
  SmallVector<int64_t> result;
  for (StringAttr name : order) {
    int64_t i = indexOf(name.getValue());
    result.push_back(i < 0 ? 0 : own[i]);
  }
  return result;
}

void reference::forEachIndex(ArrayRef<int64_t> sizes, function_ref<void(ArrayRef<int64_t>)> body) {
  SmallVector<int64_t> at(sizes.size(), 0);
  for (int64_t left = product(sizes); left > 0; --left) {
    body(at);
    for (size_t i = sizes.size(); i-- > 0;) {
      if (++at[i] < sizes[i])
        break;
      at[i] = 0;
    }
  }
}

int64_t reference::offset(ArrayRef<int64_t> coordinates, ArrayRef<int64_t> strides) {
  int64_t sum = 0;
  for (auto [coordinate, stride] : llvm::zip_equal(coordinates, strides))
    sum += coordinate * stride;
  return sum;
}

/// The axes of a tensor or selection as an array has them.
static SmallVector<StringAttr> arrayAxes(Type type) {
  auto selection = dyn_cast<SelectionType>(type);
  SmallVector<StringAttr> axes(selection ? selection.getBatch() : axesOf(type));
  if (selection)
    axes.push_back(selection.getSlot());
  return axes;
}

Tensor Frame::make(Type type) const {
  Tensor tensor;
  tensor.axes = arrayAxes(type);
  for (StringAttr axis : tensor.axes)
    tensor.sizes.push_back(axisSizes.lookup(axis));
  tensor.data.resize(tensor.count());
  return tensor;
}

bool Frame::holds(Type type) const {
  int64_t count = 1;
  for (StringAttr axis : arrayAxes(type)) {
    int64_t size = axisSizes.lookup(axis);
    if (size == 0)
      return true;
    if (size > maxCount / count)
      return false;
    count *= size;
  }
  return true;
}

std::optional<std::vector<int64_t>> Frame::groupMap(Operation *op, StringRef fine, StringRef coarse) const {
  std::optional<std::vector<int64_t>> map; // from the axis reached so far to `coarse`
  for (AxisOp axis = lookupAxis(op, coarse); axis && axis.getOf(); axis = lookupAxis(op, *axis.getOf())) {
    std::vector<int64_t> groups = directGroups.lookup(axis.getSymNameAttr());
    if (map)
      for (int64_t &group : groups)
        group = (*map)[group];
    map = std::move(groups);
    if (*axis.getOf() == fine)
      return map;
  }
  return std::nullopt;
}

bool Frame::isInEachLayer(AxisOp axis) const {
  if (!axis || axis.getSize())
    return false;
  for (; axis.isPieces(); axis = lookupAxis(axis, *axis.getOf()))
    if (axis.getCount())
      return false;
  return true;
}

Tensor Frame::withoutMasked(Tensor tensor, Number number) const {
  int64_t axis = masked ? tensor.indexOf(masked.getValue()) : -1;
  if (axis < 0)
    return tensor;
  int64_t element = 0;
  forEachIndex(tensor.sizes, [&](ArrayRef<int64_t> at) {
    if (!validTokens[at[axis]])
      tensor.data[element] = number;
    ++element;
  });
  return tensor;
}

llvm::Error reference::errorAt(Operation *op, const Twine &text) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  Location loc = op->getLoc();
  if (auto file = loc->findInstanceOf<FileLineColLoc>())
    stream << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn() << ": ";
  stream << "'" << op->getName().getStringRef() << "' " << text;
  return llvm::createStringError(message);
}
