// What the language allows of positions, random numbers, empty slots, capacity and dispatch plans, and what is known of
// their values. Facts.cpp says why such rules are there.
#include "test/Random/Program.h"
#include <algorithm>
#include <cmath>

using namespace moe::test::random;

namespace {

/// More than a test ever has tokens.
constexpr double kMostTokens = 1024;

using MaybeFacts = std::optional<Facts>;

class Placement {
public:
  Placement(const Program &program, const Value &value) : program(program), value(value) {}

  MaybeFacts run() const {
    switch (value.form) {
    case Form::Index:
      return index();
    case Form::Random:
      return random();
    case Form::Shift:
      return shift();
    case Form::Capacity:
      return capacity();
    default:
      break;
    }
    const Facts &first = operand(0);
    if (value.form == Form::Forced)
      return forced(first);
    if (value.form == Form::PlanPart)
      return planPart(first);
    if (value.form == Form::Scatter)
      return scatter();
    if (first.element != Element::Selection)
      return std::nullopt;
    switch (value.form) {
    case Form::Filter:
      return filter(first);
    case Form::Append:
      return append(first);
    case Form::Limit:
      return limit(first);
    case Form::Dropped:
      return dropped(first);
    case Form::Permute:
      return permute(first);
    default:
      return std::nullopt;
    }
  }

private:
  const Facts &operand(size_t i) const { return program.values[value.operands[i]].facts; }
  int own() const { return static_cast<int>(&value - program.values.data()); }
  static bool has(const std::vector<int> &axes, int axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  }
  static bool contains(const std::vector<int> &axes, const std::vector<int> &some) {
    return std::all_of(some.begin(), some.end(), [&](int axis) { return has(axes, axis); });
  }
  bool isArray(size_t i) const {
    return operand(i).element != Element::Selection && operand(i).element != Element::Plan;
  }
  bool isTokens(int axis) const { return axis < kSlot && !program.isStatic(axis) && !program.axes[axis].isPieces(); }
  /// For each token, or for each token of each layer.
  bool isOfTokens(const Facts &route) const {
    bool layers = route.axes.size() == 2 && program.isLayer(route.axes[0]);
    return route.axes.size() == (layers ? 2 : 1) && isTokens(route.axes.back());
  }

  static Facts sure(Element element, std::vector<int> axes, double low, double high) {
    Facts facts;
    facts.element = element;
    facts.axes = std::move(axes);
    facts.exact = facts.ranked = facts.clean = true;
    facts.low = low;
    facts.high = high;
    return facts;
  }

  //===-- Positions and random numbers
  //-----------------------------------------------------------------------------===//

  MaybeFacts index() const {
    const Range &range = value.over[0];
    bool ofPieces = range.coarse >= 0 && program.axes[range.coarse].isPieces();
    if (range.axis >= kSlot || (range.coarse >= 0 && !(ofPieces && program.coarsens(range.coarse, range.axis))))
      return std::nullopt;
    int64_t size = program.sizeOf(range.axis);
    return sure(Element::Integer, {range.axis}, 0, size < 0 ? kMostTokens : static_cast<double>(size));
  }

  MaybeFacts random() const {
    bool uniform = value.name == "uniform";
    Facts facts = sure(Element::Float, value.axes, uniform ? 0 : -6, uniform ? 1 : 6);
    facts.exact = uniform;
    facts.roundings = uniform ? 0 : 4;
    return facts;
  }

  /// Without a gradient: whole numbers and conditions.
  MaybeFacts shift() const {
    if (!isArray(0) || operand(0).element == Element::Float || !has(operand(0).axes, value.over[0].axis) ||
        !isTokens(value.over[0].axis) || value.over[0].coarse >= 0)
      return std::nullopt;
    Facts facts = operand(0);
    facts.holes.clear();
    facts.low = std::min(facts.low, 0.0);
    facts.high = std::max(facts.high, 0.0);
    return facts;
  }

  MaybeFacts capacity() const {
    Facts facts = sure(Element::Float, {}, 0, value.number * kMostTokens);
    facts.exact = false; // computed in f64
    return facts;
  }

  //===-- Selections
  //-----------------------------------------------------------------------------------------------===//

  MaybeFacts forced(const Facts &x) const {
    if (x.element != Element::Integer || !x.exact || x.axes.empty() || x.axes.back() >= kSlot ||
        !program.isStatic(x.axes.back()) || has(x.axes, value.over[0].axis))
      return std::nullopt;
    Facts facts = sure(Element::Selection, x.axes, x.low, x.high);
    facts.slots = program.sizeOf(facts.axes.back());
    facts.axes.pop_back();
    facts.selected = value.over[0].axis;
    facts.slotOf = own();
    facts.holes = {kSlot + own()};
    return facts;
  }

  /// The same selection with empty slots.
  static Facts emptied(const Facts &route) {
    Facts facts = route;
    facts.holes = {kSlot + route.slotOf};
    return facts;
  }

  std::vector<int> slotAxes(const Facts &route) const {
    std::vector<int> axes = route.axes;
    axes.push_back(kSlot + route.slotOf);
    return axes;
  }

  MaybeFacts filter(const Facts &route) const {
    const Facts &condition = operand(1);
    bool fits = condition.element == Element::Boolean && condition.exact && contains(slotAxes(route), condition.axes);
    return fits ? MaybeFacts(emptied(route)) : std::nullopt;
  }

  MaybeFacts append(const Facts &route) const {
    Facts facts = route;
    facts.slots += static_cast<int64_t>(value.elements.size());
    facts.slotOf = own();
    facts.holes = {kSlot + own()}; // elements beyond the axis name nothing
    std::vector<int64_t> sorted = value.elements;
    std::sort(sorted.begin(), sorted.end());
    bool repeats = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
    facts.beyond |= !sorted.empty() && sorted.back() >= program.sizeOf(route.selected);
    return sorted.empty() || repeats ? std::nullopt : MaybeFacts(facts);
  }

  MaybeFacts scatter() const {
    const Facts &x = operand(0), &route = operand(1);
    if (route.element != Element::Selection || x.element != Element::Float || x.axes != slotAxes(route))
      return std::nullopt;
    Facts facts = x;
    double most = static_cast<double>(route.slots); // forced selections and appended slots repeat elements
    facts.axes = route.axes;
    facts.axes.push_back(route.selected);
    facts.exact = facts.ranked = false;
    facts.clean &= x.low >= 0 || x.high <= 0;
    facts.roundings += 2;
    facts.low = x.low < 0 ? x.low * most : 0;
    facts.high = x.high > 0 ? x.high * most : 0;
    return facts;
  }

  MaybeFacts limit(const Facts &route) const {
    const Facts &room = operand(1);
    bool fits = isOfTokens(route) && program.values[value.operands[1]].form == Form::Capacity && room.axes.empty() &&
                (value.over[0].axis == route.selected || (program.coarsens(value.over[0].axis, route.selected) &&
                                                          program.isOneStep(route.selected, value.over[0].axis)));
    bool isPer = value.over.size() == 2, hasPieces = false; // only the first pieces have queues, or whole layers
    for (size_t a = 0; a < program.axes.size(); ++a)
      hasPieces |= program.isPieces(static_cast<int>(a));
    fits &= isPer ? program.isPieces(value.over[1].axis) && isTokens(program.axes[value.over[1].axis].of)
                  : !(program.hasLayers() && hasPieces);
    int64_t queues = program.sizeOf(value.over[0].axis) * (value.name == "slot" ? route.slots : 1);
    fits &= queues <= 4096; // more do not fit in the shared memory of a block
    if (value.k > 0)
      fits &= value.k <= program.sizeOf(route.selected);
    for (size_t i = 0; fits && i < value.labels.size(); ++i)
      fits = fitsLimit(value.labels[i], operand(2 + i), route);
    return fits ? MaybeFacts(emptied(route)) : std::nullopt;
  }

  bool fitsLimit(const std::string &label, const Facts &x, const Facts &route) const {
    if (label.rfind("exempt", 0) == 0)
      return x.element == Element::Boolean && x.exact && x.axes.size() == 1 &&
             (x.axes[0] == route.axes.back() || program.coarsens(x.axes[0], route.axes.back()));
    if (x.element != Element::Float || !x.ranked)
      return false;
    if (label.rfind("priority", 0) == 0)
      return contains(slotAxes(route), x.axes);
    std::vector<int> elements = route.axes; // overflow = next
    elements.push_back(route.selected);
    return x.axes == elements && !route.beyond;
  }

  MaybeFacts dropped(const Facts &route) const {
    Form form = program.values[value.operands[0]].form;
    bool fits = form == Form::Limit || form == Form::Filter;
    return fits ? MaybeFacts(sure(Element::Boolean, slotAxes(route), 0, 1)) : std::nullopt;
  }

  //===-- Dispatch
  //-------------------------------------------------------------------------------------------------===//

  MaybeFacts permute(const Facts &route) const {
    Facts facts = sure(Element::Plan, {}, 0, 0);
    return isOfTokens(route) && !program.hasLayers() ? MaybeFacts(facts) : std::nullopt;
  }

  MaybeFacts planPart(const Facts &plan) const {
    if (plan.element != Element::Plan || program.values[value.operands[0]].form != Form::Permute)
      return std::nullopt;
    if (value.name != "position")
      return plan;
    const Facts &route = program.values[program.values[value.operands[0]].operands[0]].facts;
    return sure(Element::Integer, slotAxes(route), -1, kMostTokens * 64);
  }

  const Program &program;
  const Value &value;
};

} // namespace

std::optional<Facts> moe::test::random::inferPlacement(const Program &program, const Value &value) {
  return Placement(program, value).run();
}
