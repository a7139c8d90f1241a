// Structure and text of a random program.
#include "test/Random/Program.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace moe::test::random;

double Facts::magnitude() const { return std::max(std::fabs(low), std::fabs(high)); }

bool Facts::steady() const { return exact || clean || (degree == 0 && magnitude() <= 1000); }

int Program::degree() const {
  std::vector<bool> used = reachable();
  int most = 1;
  for (size_t i = 0; i < values.size(); ++i)
    if (used[i])
      most = std::max({most, values[i].facts.degree, values[i].facts.peak});
  return most;
}

bool Program::mild() const {
  std::vector<bool> used = reachable();
  for (size_t i = 0; i < values.size(); ++i)
    if (used[i] && values[i].form == Form::Along && values[i].name == "normalize" &&
        values[values[i].operands[0]].facts.low < 1e-3)
      return true;
  return false;
}

bool Program::tiesAreExact() const {
  std::vector<bool> used = reachable();
  for (size_t i = 0; i < values.size(); ++i) {
    const Value &value = values[i];
    bool decides = value.form == Form::MinMax || value.form == Form::Clamp || value.form == Form::Kth ||
                   value.form == Form::SumTop || value.name == "relu" || value.name == "abs" ||
                   (value.form == Form::Reduce && (value.name == "max" || value.name == "min"));
    for (int operand : value.operands)
      if (used[i] && decides && !values[operand].facts.ranked)
        return false;
  }
  return true;
}

std::vector<bool> Program::reachable() const {
  std::vector<bool> used(values.size(), false);
  for (const Use &use : uses) {
    used[use.value] = true;
    if (use.state >= 0)
      used[use.state] = true;
  }
  if (mask >= 0)
    used[mask] = true;
  for (size_t i = values.size(); i-- > 0;) {
    if (!used[i])
      continue;
    for (int operand : values[i].operands)
      used[operand] = true;
    for (const Range &range : values[i].over)
      if (range.axis >= kSlot)
        used[range.axis - kSlot] = true;
    if (values[i].facts.element == Element::Selection && values[i].facts.slotOf >= 0)
      used[values[i].facts.slotOf] = true;
  }
  return used;
}

int64_t Program::sizeOf(int axis) const { return axis >= kSlot ? values[axis - kSlot].facts.slots : axes[axis].size; }

bool Program::coarsens(int coarse, int fine) const {
  if (coarse >= kSlot || fine >= kSlot || coarse == fine)
    return false;
  for (int at = axes[coarse].of; at >= 0; at = axes[at].of)
    if (at == fine)
      return true;
  return false;
}

bool Program::hasLayers() const {
  return std::any_of(axes.begin(), axes.end(), [](const AxisDecl &axis) { return axis.layer; });
}

bool Program::isPlaced(int fine, int coarse) const {
  bool placed = false;
  for (int at = coarse; at != fine; at = axes[at].of)
    placed |= axes[at].placed;
  return placed;
}

bool Program::isOneStep(int fine, int coarse) const { return axes[coarse].of == fine || !isPlaced(fine, coarse); }

std::vector<int> Program::groups(int fine, int coarse) const {
  std::vector<int> result(axes[fine].size);
  std::iota(result.begin(), result.end(), 0);
  std::vector<int> chain;
  for (int at = coarse; at != fine; at = axes[at].of)
    chain.insert(chain.begin(), at);
  for (int at : chain)
    for (int &group : result)
      group = axes[at].map.empty() ? static_cast<int>(group / (axes[axes[at].of].size / axes[at].size))
                                   : axes[at].map[group];
  return result;
}

std::string Program::axisName(int axis) const {
  return axis >= kSlot ? "r" + std::to_string(axis - kSlot) + ".slot" : axes[axis].name;
}

//===-- Text
//-------------------------------------------------------------------------------------------------------------===//

namespace {

std::string number(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "(-inf)" : "inf";
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", std::fabs(value));
  return value < 0 ? "(-" + std::string(text) + ")" : text;
}

class Printer {
public:
  explicit Printer(const Program &program) : program(program), used(program.reachable()) {}

  std::string print() {
    std::string out = "gate g {\n";
    for (size_t a = 0; a < program.axes.size(); ++a)
      if (isAxisUsed(static_cast<int>(a)))
        out += "  " + axis(program.axes[a]) + "\n";
    for (const AxisDecl &axis : program.axes)
      if ((axis.offsets || axis.placed) && isAxisUsed(static_cast<int>(&axis - program.axes.data())))
        out +=
            "  input " + by(axis) + " : i32[" + (axis.placed ? program.axes[axis.of].name : axis.name + " + 1") + "]\n";
    for (size_t v = 0; v < program.values.size(); ++v)
      if (used[v] && isStatement(static_cast<int>(v)))
        out += "  " + statement(static_cast<int>(v)) + "\n";
    if (program.mask >= 0)
      out += "  mask token by " + name(program.mask) + "\n";
    for (size_t u = 0; u < program.uses.size(); ++u)
      out += "  " + use(program.uses[u], u) + "\n";
    return out + "}\n";
  }

private:
  /// Whether an input has the axis or one that groups it, or an expression names it.
  bool isAxisUsed(int axis) const {
    for (size_t v = 0; v < program.values.size(); ++v) {
      if (!used[v])
        continue;
      const Value &value = program.values[v];
      for (int own : value.axes)
        if (own == axis || program.coarsens(own, axis))
          return true;
      for (const Range &range : value.over)
        for (int own : {range.axis, range.coarse})
          if (own >= 0 && (own == axis || program.coarsens(own, axis)))
            return true;
    }
    return false;
  }

  static std::string by(const AxisDecl &decl) { return decl.name + (decl.placed ? "_of" : "_offsets"); }

  std::string axis(const AxisDecl &decl) const {
    std::string text = "axis " + decl.name;
    if (decl.isPieces())
      return text + " of " + program.axes[decl.of].name + " by " +
             (decl.offsets ? by(decl) : std::to_string(decl.length));
    if (decl.size >= 0)
      text += "[" + std::to_string(decl.size) + "]";
    if (decl.of >= 0)
      text += " of " + program.axes[decl.of].name;
    if (decl.placed)
      return text + " by " + by(decl);
    for (size_t i = 0; i < decl.map.size(); ++i)
      text += (i ? ", " : " = [") + std::to_string(decl.map[i]);
    return decl.map.empty() ? text : text + "]";
  }

  int useCount(int v) const {
    int n = 0;
    for (const Use &use : program.uses)
      n += (use.value == v) + (use.state == v);
    for (size_t u = 0; u < program.values.size(); ++u)
      if (used[u])
        n += static_cast<int>(std::count(program.values[u].operands.begin(), program.values[u].operands.end(), v));
    return n;
  }

  bool isSlotNamed(int v) const {
    for (size_t u = 0; u < program.values.size(); ++u)
      if (used[u])
        for (const Range &range : program.values[u].over)
          if (range.axis == kSlot + v)
            return true;
    return false;
  }

  bool isStatement(int v) const {
    const Value &value = program.values[v];
    if (value.form == Form::Constant || value.form == Form::Size || value.form == Form::Capacity ||
        value.form == Form::PlanPart)
      return false;
    if (value.form == Form::Input || value.form == Form::Param || value.form == Form::State ||
        value.form == Form::Permute)
      return true;
    return !value.inlined || useCount(v) != 1 || isSlotNamed(v);
  }

  std::string name(int v) const {
    const Value &value = program.values[v];
    const char *prefix = value.form == Form::Input                   ? "x"
                         : value.form == Form::State                 ? "b"
                         : value.form == Form::Param                 ? "p"
                         : value.facts.element == Element::Selection ? "r"
                         : value.facts.element == Element::Plan      ? "plan"
                                                                     : "v";
    return prefix + std::to_string(v);
  }

  std::string statement(int v) const {
    const Value &value = program.values[v];
    if (value.form == Form::Input || value.form == Form::State) {
      std::string text = (value.form == Form::Input ? "input " : "state ") + name(v) + " : " + value.name;
      for (size_t i = 0; i < value.axes.size(); ++i)
        text += (i ? ", " : "[") + program.axisName(value.axes[i]);
      text += value.axes.empty() ? "" : "]";
      return value.form == Form::Input ? text : text + " = " + number(value.number);
    }
    if (value.form == Form::Param)
      return "param " + name(v) + " : f32 = " + number(value.number);
    return name(v) + " = " + expression(v);
  }

  std::string use(const Use &use, size_t index) const {
    std::string value = reference(use.value), own = std::to_string(index);
    switch (use.role) {
    case Role::Loss:
      return "loss l" + own + " = " + value;
    case Role::Metric:
      return "metric m" + own + " = " + value;
    case Role::Update:
      return "update " + name(use.state) + " = " + value;
    case Role::Output:
      return "output o" + own + (use.storage.empty() ? "" : " : " + use.storage) + " = " + value;
    }
    return {};
  }

  std::string reference(int v) const { return isStatement(v) ? name(v) : expression(v); }

  std::string range(const Range &range) const {
    return program.axisName(range.axis) + (range.coarse >= 0 ? " -> " + program.axisName(range.coarse) : "");
  }

  /// name(operands…, middle, ranges…)
  std::string call(const std::string &function, const Value &value, const std::string &middle = "") const {
    std::string text = function + "(";
    for (size_t i = 0; i < value.operands.size(); ++i)
      text += (i ? ", " : "") + reference(value.operands[i]);
    if (!middle.empty())
      text += ", " + middle;
    for (const Range &over : value.over)
      text += ", " + range(over);
    return text + ")";
  }

  std::string infix(const Value &value) const {
    return "(" + reference(value.operands[0]) + " " + value.name + " " + reference(value.operands[1]) + ")";
  }

  std::string topk(const Value &value) const {
    std::string text =
        "topk(" + reference(value.operands[0]) + ", " + std::to_string(value.k) + ", " + range(value.over[0]);
    return value.operands.size() == 2 ? text + ", among = " + reference(value.operands[1]) + ")" : text + ")";
  }

  std::string expression(int v) const {
    const Value &value = program.values[v];
    switch (value.form) {
    case Form::Constant:
      return number(value.number);
    case Form::Size:
    case Form::Index:
      return (value.form == Form::Size ? "size(" : "index(") + range(value.over[0]) + ")";
    case Form::Random:
      return random(value);
    case Form::Unary:
      return value.name == "-" ? "(-" + reference(value.operands[0]) + ")" : call(value.name, value);
    case Form::Not:
      return "(not " + reference(value.operands[0]) + ")";
    case Form::Infix:
    case Form::Compare:
    case Form::Logic:
      return infix(value);
    case Form::Mod:
      return call("mod", value, number(value.number));
    case Form::Power:
      return "(" + reference(value.operands[0]) + " ** " + number(value.number) + ")";
    case Form::SquaredStd:
      return "(" + call("std", value) + " ** 2)";
    case Form::Along:
      return value.name == "standardize" ? "standardize(" + reference(value.operands[0]) + ", " + range(value.over[0]) +
                                               ", " + number(value.number) + ")"
                                         : call(value.name, value);
    case Form::Kth:
      return call("kth", value, std::to_string(value.k));
    case Form::SumTop:
      return call("sum_top", value, std::to_string(value.k));
    case Form::Quantile:
      return call("quantile", value, number(value.number));
    case Form::Topk:
      return topk(value);
    case Form::First:
      return call("first", value, std::to_string(value.k));
    case Form::Gather:
      return gather(value);
    case Form::Append:
      return append(value);
    case Form::Shift:
      return "shift(" + reference(value.operands[0]) + ", " + range(value.over[0]) + ", " + std::to_string(value.k) +
             ")";
    case Form::Capacity:
      return capacity(value);
    case Form::Limit:
      return limit(value);
    case Form::Permute:
      return "permute(" + reference(value.operands[0]) + ", pad = " + std::to_string(value.k) + ")";
    case Form::PlanPart:
      return name(value.operands[0]) + "." + value.name;
    default:
      return call(value.name, value);
    }
  }

  /// The operand of x[route] may be any expression that binds as tightly as a name or a call.
  std::string gather(const Value &value) const {
    return reference(value.operands[0]) + "[" + reference(value.operands[1]) + "]";
  }

  std::string random(const Value &value) const {
    std::string text = value.name + "(";
    for (size_t i = 0; i < value.axes.size(); ++i)
      text += (i ? ", " : "") + program.axisName(value.axes[i]);
    return text + ")";
  }

  std::string append(const Value &value) const {
    std::string text = "append(" + reference(value.operands[0]);
    for (int64_t element : value.elements)
      text += ", " + std::to_string(element);
    return text + ")";
  }

  std::string capacity(const Value &value) const {
    std::string text = number(value.number);
    if (!value.over.empty())
      text = text + " * size(" + range(value.over[0]) + ") / " + std::to_string(value.k);
    return value.name.empty() ? text : value.name + "(" + text + ")";
  }

  std::string limit(const Value &value) const {
    std::string text = "limit(" + reference(value.operands[0]) + ", capacity = " + reference(value.operands[1]) +
                       ", over = " + program.axisName(value.over[0].axis);
    if (!value.name.empty())
      text += ", order = " + value.name;
    for (size_t i = 0; i < value.labels.size(); ++i)
      text += ", " + value.labels[i] + reference(value.operands[2 + i]);
    if (value.over.size() == 2)
      text += ", per = " + program.axisName(value.over[1].axis);
    if (value.k > 0)
      text += ", rounds = " + std::to_string(value.k);
    return text + ")";
  }

  const Program &program;
  std::vector<bool> used;
};

} // namespace

std::string Program::text() const { return Printer(*this).print(); }
