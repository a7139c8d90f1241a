// Axis relations and how types read in messages: see Axis.h.
#include "compiler/Frontend/Axis.h"
#include "llvm/ADT/STLExtras.h"

using namespace moe::frontend;

bool Axis::coarsens(const Axis *fine) const {
  for (const Axis *axis = of; axis; axis = axis->of)
    if (axis == fine)
      return true;
  return false;
}

/// Group of element `i` of `axis.of`.
static int64_t groupOf(const Axis &axis, int64_t i) {
  return axis.origin == Axis::Origin::Map ? axis.map[i] : i / (*axis.of->size / *axis.size);
}

std::optional<llvm::SmallVector<int32_t>> moe::frontend::groupMap(const Axis *fine, const Axis *coarse) {
  llvm::SmallVector<const Axis *> chain; // coarse, …, the one directly above fine
  for (const Axis *axis = coarse; axis != fine; axis = axis->of) {
    if (!axis || (axis->origin != Axis::Origin::Blocks && axis->origin != Axis::Origin::Map))
      return std::nullopt;
    chain.push_back(axis);
  }
  if (!fine->size)
    return std::nullopt;
  llvm::SmallVector<int32_t> map(*fine->size);
  for (int64_t i = 0; i < *fine->size; ++i) {
    int64_t group = i;
    for (const Axis *axis : llvm::reverse(chain))
      group = groupOf(*axis, group);
    map[i] = static_cast<int32_t>(group);
  }
  return map;
}

llvm::SmallVector<const Axis *> moe::frontend::groupSteps(const Axis *fine, const Axis *coarse) {
  llvm::SmallVector<const Axis *> chain, steps;
  for (const Axis *axis = coarse; axis && axis != fine; axis = axis->of)
    chain.push_back(axis);
  for (const Axis *axis : llvm::reverse(chain)) {
    bool joins =
        !steps.empty() && axis->origin != Axis::Origin::Placement && steps.back()->origin != Axis::Origin::Placement;
    if (joins) // two maps known at compile time are one
      steps.back() = axis;
    else
      steps.push_back(axis);
  }
  return steps;
}

llvm::SmallVector<int64_t> moe::frontend::groupSizes(const Axis *fine, const Axis *coarse) {
  auto map = groupMap(fine, coarse);
  if (!map)
    return {};
  llvm::SmallVector<int64_t> sizes(*coarse->size, 0);
  for (int32_t group : *map)
    ++sizes[group];
  llvm::sort(sizes);
  return sizes;
}

bool Type::has(const Axis *axis) const { return llvm::is_contained(axes, axis); }

const char *moe::frontend::elementText(Element element) {
  switch (element) {
  case Element::Bool:
    return "bool";
  case Element::I32:
    return "i32";
  case Element::I64:
    return "i64";
  case Element::F32:
    return "f32";
  }
  return "";
}

std::string moe::frontend::axesText(llvm::ArrayRef<const Axis *> axes) {
  if (axes.empty())
    return "a scalar";
  std::string text = "[";
  for (auto [i, axis] : llvm::enumerate(axes))
    text += (i ? ", " : "") + axis->name;
  return text + "]";
}

std::string Type::text() const {
  switch (kind) {
  case Kind::Invalid:
    return "an invalid value";
  case Kind::Plan:
    return "a dispatch plan";
  case Kind::Selection:
    return "a selection of '" + selected->name + "'" + (axes.empty() ? "" : " for each of " + axesText(axes));
  case Kind::Array:
    return axes.empty() ? std::string(elementText(element)) + " scalar" : elementText(element) + (" " + axesText(axes));
  }
  return "";
}
