// Registration of the moe dialect, its attribute and type syntax, and the axis helpers.
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

#include "dialects/Moe/IR/MoeDialect.cpp.inc"
#include "dialects/Moe/IR/MoeEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Moe/IR/MoeAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Moe/IR/MoeTypes.cpp.inc"

void MoeDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Moe/IR/MoeAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Moe/IR/MoeTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Moe/IR/MoeOps.cpp.inc"
      >();
}

//===-- #moe.axes
//---------------------------------------------------------------------------------------------------===//

/// axis-name ::= bare-id (dots allowed, as in `route.slot`)
static ParseResult parseName(AsmParser &parser, StringAttr &name) {
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  name = parser.getBuilder().getStringAttr(keyword);
  return success();
}

Attribute AxesAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  auto loc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     [&] { return parseName(parser, names.emplace_back()); }))
    return {};
  for (size_t i = 0; i < names.size(); ++i)
    if (llvm::is_contained(ArrayRef(names).take_front(i), names[i]))
      return parser.emitError(loc, "axis '") << names[i].getValue() << "' is named twice", Attribute();
  return AxesAttr::get(parser.getContext(), names);
}

static void printNames(AsmPrinter &printer, ArrayRef<StringAttr> names) {
  llvm::interleaveComma(names, printer, [&](StringAttr name) { printer << name.getValue(); });
}

void AxesAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printNames(printer, getNames());
  printer << ">";
}

int64_t AxesAttr::indexOf(StringRef axis) const {
  for (auto [i, name] : llvm::enumerate(getNames()))
    if (name.getValue() == axis)
      return i;
  return -1;
}

LogicalResult AxesAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.empty())
    return emitError() << "a scalar has no axes to name: write it without #moe.axes";
  if (shape.size() != getNames().size())
    return emitError() << "names " << getNames().size() << " axes for a tensor of rank " << shape.size();
  return success();
}

//===-- !moe.selection
//----------------------------------------------------------------------------------------------===//

Type SelectionType::parse(AsmParser &parser) {
  SmallVector<StringAttr> batch;
  StringAttr axis, slot;
  int64_t size = 0;
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parseName(parser, batch.emplace_back()); }) ||
      parser.parseComma() || parseName(parser, axis) || parser.parseComma() || parseName(parser, slot) ||
      parser.parseComma())
    return {};
  auto loc = parser.getCurrentLocation();
  if (parser.parseInteger(size) || parser.parseGreater())
    return {};
  return SelectionType::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), batch, axis, slot, size);
}

LogicalResult SelectionType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<StringAttr> batch,
                                    StringAttr axis, StringAttr slot, int64_t size) {
  if (size < 1)
    return emitError() << "a selection holds at least one slot, not " << size;
  SmallVector<StringAttr> names(batch);
  names.append({axis, slot});
  for (size_t i = 0; i < names.size(); ++i)
    if (llvm::is_contained(ArrayRef(names).take_front(i), names[i]))
      return emitError() << "a selection names axis '" << names[i].getValue() << "' twice";
  return success();
}

void SelectionType::print(AsmPrinter &printer) const {
  printer << "<[";
  printNames(printer, getBatch());
  printer << "], " << getAxis().getValue() << ", " << getSlot().getValue() << ", " << getSize() << ">";
}

//===-- Helpers
//-----------------------------------------------------------------------------------------------------===//

bool moe::namesItsAxes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && (tensor.getRank() == 0 ? !tensor.getEncoding() : isa_and_nonnull<AxesAttr>(tensor.getEncoding()));
}

ArrayRef<StringAttr> moe::axesOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return {};
  auto axes = dyn_cast_or_null<AxesAttr>(tensor.getEncoding());
  return axes ? axes.getNames() : ArrayRef<StringAttr>();
}

int64_t moe::axisIndex(Type type, StringRef axis) {
  for (auto [i, name] : llvm::enumerate(axesOf(type)))
    if (name.getValue() == axis)
      return i;
  return -1;
}

RankedTensorType moe::tensorOf(Type element, ArrayRef<StringAttr> axes, ArrayRef<int64_t> sizes) {
  assert(axes.size() == sizes.size() && "one size per axis");
  if (axes.empty())
    return RankedTensorType::get({}, element);
  return RankedTensorType::get(sizes, element, AxesAttr::get(element.getContext(), axes));
}

RankedTensorType moe::withoutAxis(RankedTensorType type, StringRef axis) {
  SmallVector<StringAttr> axes(axesOf(type));
  SmallVector<int64_t> sizes(type.getShape());
  int64_t i = axisIndex(type, axis);
  assert(i >= 0 && "the type has the axis");
  axes.erase(axes.begin() + i);
  sizes.erase(sizes.begin() + i);
  return tensorOf(type.getElementType(), axes, sizes);
}

RankedTensorType moe::withAxis(RankedTensorType type, StringRef axis, StringAttr to, int64_t size) {
  SmallVector<StringAttr> axes(axesOf(type));
  SmallVector<int64_t> sizes(type.getShape());
  int64_t i = axisIndex(type, axis);
  assert(i >= 0 && "the type has the axis");
  axes[i] = to;
  sizes[i] = size;
  return tensorOf(type.getElementType(), axes, sizes);
}

AxisOp moe::lookupAxis(Operation *op, StringRef axis) {
  auto gate = isa<GateOp>(op) ? cast<GateOp>(op) : op->getParentOfType<GateOp>();
  if (!gate || gate.getBody().empty())
    return {};
  for (auto declared : gate.getBody().front().getOps<AxisOp>()) // much faster than to ask each operation for its symbol
    if (declared.getSymName() == axis)
      return declared;
  return {};
}

/// The size of a static axis as long as it is a legal one; also asked of axes that no verifier has seen yet.
static std::optional<int64_t> checkedSize(AxisOp axis) {
  if (!axis || !axis.getSize())
    return std::nullopt;
  int64_t size = *axis.getSize();
  return size >= 1 && size <= AxisOp::maxSize ? std::optional(size) : std::nullopt;
}

/// The group in `axis` of every element of `finer`, which it is directly `of`; nullopt when the declaration is not
/// legal.
static std::optional<SmallVector<int32_t>> directGroups(AxisOp axis, AxisOp finer) {
  std::optional<int64_t> coarse = checkedSize(axis), fine = checkedSize(finer);
  if (!coarse || !fine || axis.getPlacement())
    return std::nullopt;
  if (auto map = axis.getMap()) {
    bool legal = static_cast<int64_t>(map->size()) == *fine &&
                 llvm::all_of(*map, [&](int32_t group) { return group >= 0 && group < *coarse; });
    return legal ? std::optional(SmallVector<int32_t>(*map)) : std::nullopt;
  }
  if (*fine % *coarse != 0)
    return std::nullopt;
  SmallVector<int32_t> blocks(*fine);
  for (int64_t i = 0; i < *fine; ++i)
    blocks[i] = i / (*fine / *coarse);
  return blocks;
}

std::optional<SmallVector<int32_t>> moe::groupMap(Operation *op, StringRef fine, StringRef coarse) {
  // Climb from the coarse axis down to the fine one, composing the maps on the way.
  AxisOp axis = lookupAxis(op, coarse);
  std::optional<SmallVector<int32_t>> map;
  SmallPtrSet<Operation *, 4> visited; // invalid IR may have a cycle
  while (axis && axis.getOf() && visited.insert(axis).second) {
    AxisOp finer = lookupAxis(op, *axis.getOf());
    std::optional<SmallVector<int32_t>> groups = directGroups(axis, finer);
    if (!groups)
      return std::nullopt;
    if (map)
      for (int32_t &group : *groups)
        group = (*map)[group];
    map = std::move(groups);
    if (finer.getSymName() == fine)
      return map;
    axis = finer;
  }
  return std::nullopt;
}

SmallVector<AxisOp> moe::pieceAxes(Operation *op) {
  auto gate = isa<GateOp>(op) ? cast<GateOp>(op) : op->getParentOfType<GateOp>();
  SmallVector<AxisOp> axes; // each is declared behind the one that it divides
  if (gate && !gate.getBody().empty())
    llvm::copy_if(gate.getBody().front().getOps<AxisOp>(), std::back_inserter(axes),
                  [](AxisOp axis) { return axis.isPieces(); });
  return axes;
}

AxisOp moe::piecesOf(Operation *op) {
  SmallVector<AxisOp> axes = pieceAxes(op);
  return axes.empty() ? AxisOp() : axes.front();
}

MaskOp moe::maskOf(Operation *op) {
  auto gate = isa<GateOp>(op) ? cast<GateOp>(op) : op->getParentOfType<GateOp>();
  if (!gate || gate.getBody().empty())
    return {};
  auto masks = gate.getBody().front().getOps<MaskOp>();
  return masks.empty() ? MaskOp() : *masks.begin();
}

bool moe::coarsens(Operation *op, StringRef fine, StringRef coarse) {
  SmallPtrSet<Operation *, 4> visited; // invalid IR may have a cycle
  for (AxisOp axis = lookupAxis(op, coarse); axis && axis.getOf() && visited.insert(axis).second;
       axis = lookupAxis(op, *axis.getOf()))
    if (*axis.getOf() == fine)
      return true;
  return false;
}

InputOp moe::placementOf(Operation *op, StringRef fine, StringRef coarse) {
  AxisOp axis = lookupAxis(op, coarse);
  if (!axis || !axis.getPlacement() || !axis.getOf() || *axis.getOf() != fine)
    return {};
  for (auto input : axis->getBlock()->getOps<InputOp>())
    if (input.getName() == *axis.getPlacement())
      return input;
  return {};
}

/// The level of an axis; of a slot axis, Call.
static Level levelOfAxis(Operation *op, StringRef name) {
  AxisOp axis = lookupAxis(op, name);
  if (!axis || axis.getSize())
    return Level::Call;
  Level level = Level::Token;
  SmallPtrSet<Operation *, 4> visited; // invalid IR may have a cycle
  for (; axis && axis.isPieces() && axis.getOf() && visited.insert(axis).second; axis = lookupAxis(op, *axis.getOf()))
    level = coarser(level);
  return level;
}

Level moe::levelOf(Value value) {
  Level level = Level::Call;
  auto selection = dyn_cast<SelectionType>(value.getType());
  for (StringAttr name : selection ? selection.getBatch() : axesOf(value.getType()))
    level = std::max(level, levelOfAxis(value.getDefiningOp(), name.getValue()));
  return level;
}

StringRef moe::specName(Location loc) {
  auto named = loc->findInstanceOf<NameLoc>();
  if (!named)
    return "";
  StringRef text = named.getName().getValue().split('=').first.split(':').first.trim();
  StringRef name = text.substr(text.find_last_of(' ') + 1);
  return llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; }) ? name : StringRef();
}
