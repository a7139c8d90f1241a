// What a whole program must obey: its axes, its mask, and what each use may be made of. The rules about single values
// stand in Facts.cpp and FactsOfPlacement.cpp.
#include "test/Random/Program.h"
#include <algorithm>

using namespace moe::test::random;

static bool areAxesValid(const Program &program) {
  for (const AxisDecl &axis : program.axes) {
    if (axis.of < 0 || axis.isPieces() || axis.placed)
      continue;
    const AxisDecl &finer = program.axes[axis.of];
    if (axis.map.empty() ? finer.size % axis.size != 0 : static_cast<int64_t>(axis.map.size()) != finer.size)
      return false;
    for (int64_t group = 0; !axis.map.empty() && group < axis.size; ++group)
      if (std::find(axis.map.begin(), axis.map.end(), group) == axis.map.end())
        return false;
    for (int group : axis.map)
      if (group >= axis.size)
        return false;
  }
  return true;
}

/// An update has the axes of its state; of integers it is an integer.
static bool fitsState(const Program &program, const Use &use) {
  const Facts &state = program.values[use.state].facts, &facts = program.values[use.value].facts;
  return program.values[use.state].form == Form::State && facts.axes == state.axes &&
         (facts.element == state.element || (state.element == Element::Float && facts.element == Element::Integer));
}

/// Whether an output can hold what it is given.
static bool fitsStorage(const Program &program, const Use &use) {
  const Value &value = program.values[use.value];
  const Facts &facts = value.facts;
  const std::string &storage = use.storage;
  if (storage.empty())
    return true;
  bool isPart = value.form == Form::PlanPart || facts.element == Element::Plan;
  if (storage == "i64")
    return facts.element == Element::Selection || facts.element == Element::Integer || isPart;
  if (storage == "i16")
    return facts.element == Element::Selection || (facts.element == Element::Integer && facts.magnitude() < 30000);
  if (storage != "bitmap")
    return facts.element == Element::Float;
  int last = facts.axes.empty() ? -1 : facts.axes.back();
  return facts.element == Element::Boolean && last >= 0 && program.isStatic(last) && !program.isLayer(last) &&
         (last < kSlot || program.sizeOf(last) <= 32);
}

/// The axis of layers stands before the tokens in some input.
static bool areLayersSeen(const Program &program) {
  std::vector<bool> used = program.reachable();
  for (size_t v = 0; v < program.values.size(); ++v) {
    const Value &value = program.values[v];
    if (used[v] && value.form == Form::Input && value.axes.size() > 1 && program.isLayer(value.axes[0]) &&
        !program.isStatic(value.axes[1]))
      return true;
  }
  return !program.hasLayers();
}

bool moe::test::random::infer(Program &program) {
  if (!areAxesValid(program) || !areLayersSeen(program))
    return false;
  std::vector<bool> used = program.reachable();
  for (size_t i = 0; i < program.values.size(); ++i) {
    if (!used[i])
      continue;
    std::optional<Facts> facts = inferValue(program, static_cast<int>(i));
    if (!facts)
      return false;
    program.values[i].facts = std::move(*facts);
  }
  if (program.mask >= 0 && (program.values[program.mask].form != Form::Input ||
                            program.values[program.mask].facts.element != Element::Boolean ||
                            program.values[program.mask].facts.axes.size() != 1 ||
                            program.isStatic(program.values[program.mask].facts.axes[0])))
    return false;
  for (const Use &use : program.uses) {
    const Facts &facts = program.values[use.value].facts;
    if (use.role == Role::Loss && !facts.axes.empty())
      return false;
    bool isArray = facts.element != Element::Selection && facts.element != Element::Plan;
    if (use.role == Role::Output ? !fitsStorage(program, use) : !isArray)
      return false;
    if (use.role == Role::Update && !fitsState(program, use))
      return false;
    bool ofPieces = std::any_of(facts.axes.begin(), facts.axes.end(), [&](int axis) { return program.isPieces(axis); });
    if (use.role == Role::Output && program.hasLayers() && ofPieces && !program.isLayer(facts.axes[0]))
      return false; // each layer has pieces of its own
    for (int axis : facts.axes)
      if (use.role == Role::Metric && (!program.isStatic(axis) || program.isLayer(axis)))
        return false;
  }
  return true;
}
