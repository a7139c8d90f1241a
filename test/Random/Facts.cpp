// What the language allows, and what arithmetic in f32 can be held to. The rules about numbers are there because two
// correct targets may differ by rounding: a value that rounding can push over a jump (a floor, a comparison, a rank) or
// that rounding leaves without a correct digit cannot be compared, so such programs are not made. Data is as nasty as
// it likes; NaN and infinities follow their own arithmetic and need no rule.
#include "test/Random/Program.h"
#include <algorithm>
#include <cmath>

using namespace moe::test::random;

namespace {

/// More than a test ever has tokens.
constexpr double kMostTokens = 1024;
/// Values above these bounds make no sane program.
constexpr double kGreatest = 1e9;
constexpr int kMostDegree = 6;

/// 0 times an infinite bound is 0.
double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

bool isFloat32(double value) { return static_cast<double>(static_cast<float>(value)) == value; }

using MaybeFacts = std::optional<Facts>;

class Inference {
public:
  Inference(const Program &program, int index) : program(program), value(program.values[index]) {}

  MaybeFacts run() {
    MaybeFacts facts = dispatch();
    if (!facts || facts->degree > kMostDegree || (squares() && operand(0).degree * 2 > kMostDegree))
      return std::nullopt;
    bool finite = std::isfinite(facts->low) && std::isfinite(facts->high);
    if (facts->element != Element::Selection && finite && facts->magnitude() > kGreatest)
      return std::nullopt;
    facts->peak = squares() ? 2 * operand(0).degree : 0;
    if (finite)
      facts->degree = 0;
    return facts;
  }

private:
  const Facts &operand(size_t i) const { return program.values[value.operands[i]].facts; }
  bool isArray(size_t i) const {
    return operand(i).element != Element::Selection && operand(i).element != Element::Plan;
  }
  static bool has(const Facts &facts, int axis) {
    return std::find(facts.axes.begin(), facts.axes.end(), axis) != facts.axes.end();
  }
  double sizeOf(int axis) const {
    return program.sizeOf(axis) < 0 ? kMostTokens : static_cast<double>(program.sizeOf(axis));
  }

  /// Whether the value is made of a variance.
  bool squares() const {
    const std::string &name = value.name;
    return (value.form == Form::Along && name == "standardize") || value.form == Form::SquaredStd ||
           (value.form == Form::Reduce && (name == "std" || name == "cv2" || name == "var"));
  }

  MaybeFacts dispatch() {
    switch (value.form) {
    case Form::Input:
    case Form::State:
    case Form::Param:
    case Form::Constant:
    case Form::Size:
      return leaf();
    case Form::Unary:
      return unary();
    case Form::Infix:
      return infix();
    case Form::Compare:
    case Form::Logic:
    case Form::Not:
      return logic();
    case Form::MinMax:
    case Form::Clamp:
    case Form::Where:
      return choice();
    case Form::Mod:
      return mod();
    case Form::Power:
      return power();
    case Form::Reduce:
    case Form::SquaredStd:
      return reduction();
    case Form::Along:
      return along();
    case Form::Expand:
      return expand();
    case Form::Kth:
    case Form::SumTop:
    case Form::Argmax:
    case Form::Quantile:
      return ranks();
    case Form::Topk:
      return topk();
    case Form::First:
    case Form::Chosen:
    case Form::Count:
    case Form::Gather:
      return onSelection();
    default:
      return inferPlacement(program, value);
    }
    return std::nullopt;
  }

  //===-- Leaves and pointwise functions
  //---------------------------------------------------------------------------===//

  MaybeFacts leaf() const {
    Facts facts;
    facts.exact = facts.ranked = facts.clean = true;
    facts.axes = value.axes;
    if (value.form == Form::Input || value.form == Form::State) {
      facts.element = value.name == "i32" ? Element::Integer : value.name == "bool" ? Element::Boolean : Element::Float;
      facts.degree = facts.element == Element::Float ? 1 : 0;
      if (facts.element != Element::Float)
        facts.low = facts.element == Element::Integer ? -20 : 0,
        facts.high = facts.element == Element::Integer ? 20 : 1;
      return facts;
    }
    if (value.form == Form::Size) {
      const Range &range = value.over[0];
      facts.element = Element::Integer;
      facts.low = program.isStatic(range.axis) ? sizeOf(range.axis) : 1;
      facts.high = sizeOf(range.axis);
      if (range.coarse < 0)
        return facts;
      if (!program.axes[range.coarse].isPieces() || !program.coarsens(range.coarse, range.axis))
        return std::nullopt;
      facts.axes = {range.coarse};
      return facts;
    }
    // A param is rounded to f32; a constant is rounded where it meets a run-time value.
    facts.low = facts.high = value.number;
    facts.exact = value.form == Form::Param || isFloat32(value.number) || std::isinf(value.number);
    facts.roundings = facts.exact ? 0 : 1;
    return facts;
  }

  /// Whether an error of the argument stays small when it is multiplied by the argument itself, as exp does.
  static bool mayGrow(const Facts &x) {
    return x.steady() && (x.exact || x.roundings * std::min(x.magnitude(), 104.0) <= 100);
  }

  /// The axes and what any function of one array leaves of the facts.
  static Facts pointwise(const Facts &x, int roundings) {
    Facts facts = x;
    facts.element = Element::Float;
    facts.exact = false;
    facts.roundings += roundings;
    return facts;
  }

  MaybeFacts unary() const {
    if (!isArray(0))
      return std::nullopt;
    const Facts &x = operand(0);
    const std::string &name = value.name;
    if (name == "detach" || name == "-" || name == "abs" || name == "relu") {
      Facts facts = x;
      facts.element = Element::Float;
      if (name == "-")
        facts.low = -x.high, facts.high = -x.low;
      if (name == "relu")
        facts.low = std::max(x.low, 0.0), facts.high = std::max(x.high, 0.0);
      if (name == "abs")
        facts.high = x.magnitude(), facts.low = x.low > 0 ? x.low : x.high < 0 ? -x.high : 0;
      return name == "relu" && !x.steady() ? std::nullopt : MaybeFacts(facts);
    }
    if (name == "sign" || name == "floor" || name == "ceil") {
      Facts facts = x;
      facts.element = Element::Float;
      facts.low = name == "sign" ? -1 : std::floor(x.low);
      facts.high = name == "sign" ? 1 : std::ceil(x.high);
      facts.exact = true;
      return x.exact || x.ranked ? MaybeFacts(facts) : std::nullopt;
    }
    return smooth(x, name);
  }

  static MaybeFacts bounded(Facts facts, double low, double high) {
    facts.low = low;
    facts.high = high;
    facts.clean = true;
    return facts;
  }

  static MaybeFacts smooth(const Facts &x, const std::string &name) {
    Facts facts = pointwise(x, 3);
    if (!x.steady())
      return std::nullopt;
    if (name == "tanh" || name == "erf") {
      facts = *bounded(facts, -1, 1);
      facts.clean = x.clean;
      return facts;
    }
    if (name == "log")
      return x.low >= 1e-3 && (x.exact || x.low >= 1.05 || x.high <= 0.95) // near 1, rounding is most of it
                 ? (facts.clean = false, facts.low = std::log(x.low), facts.high = std::log(x.high), MaybeFacts(facts))
                 : std::nullopt;
    if (name == "sqrt" || name == "rsqrt") {
      // The root of what underflows in f32 alone would be seen.
      bool vanishes = x.low < 1e-6 && !x.exact;
      if (!(x.low >= (name == "sqrt" ? 0 : 1e-3)) || vanishes || !x.clean)
        return std::nullopt;
      facts.low = name == "sqrt" ? std::sqrt(x.low) : 1 / std::sqrt(x.high);
      facts.high = name == "sqrt" ? std::sqrt(x.high) : 1 / std::sqrt(x.low);
      return facts;
    }
    if (!mayGrow(x))
      return std::nullopt;
    if (name == "sigmoid")
      return bounded(facts, x.degree ? 0 : 1 / (1 + std::exp(-x.low)), x.degree ? 1 : 1 / (1 + std::exp(-x.high)));
    if (name == "softplus")
      return bounded(facts, 0, x.high + 1);
    if (name == "normal_cdf") // far below 0 the rounding of the argument counts: docs/numerics.md
      return x.low >= -6 ? bounded(facts, 1e-9, 1) : std::nullopt;
    if (name == "exp")
      return x.high <= 10 ? bounded(facts, std::exp(x.low), std::exp(x.high)) : std::nullopt;
    return std::nullopt;
  }

  /// R1: the axes of the biggest operand, if they contain all others.
  std::optional<std::vector<int>> join() const {
    const Facts *big = &operand(0);
    for (size_t i = 0; i < value.operands.size(); ++i) {
      if (!isArray(i))
        return std::nullopt;
      if (operand(i).axes.size() > big->axes.size())
        big = &operand(i);
    }
    for (size_t i = 0; i < value.operands.size(); ++i)
      for (int axis : operand(i).axes)
        if (!has(*big, axis))
          return std::nullopt;
    return big->axes;
  }

  /// What all operands have together.
  Facts merged() const {
    Facts facts = operand(0);
    for (size_t i = 1; i < value.operands.size(); ++i) {
      const Facts &x = operand(i);
      facts.degree = std::max(facts.degree, x.degree);
      facts.exact &= x.exact;
      facts.ranked &= x.ranked;
      facts.clean &= x.clean;
      facts.roundings = std::max(facts.roundings, x.roundings);
      facts.holes.insert(facts.holes.end(), x.holes.begin(), x.holes.end());
    }
    facts.element = Element::Float;
    return facts;
  }

  /// Sums, products and differences of small integers have no rounding.
  bool areIntegers() const {
    for (size_t i = 0; i < value.operands.size(); ++i) {
      const Value &x = program.values[value.operands[i]];
      bool whole = x.facts.element != Element::Float ||
                   ((x.form == Form::Constant || x.form == Form::Param) && std::floor(x.number) == x.number);
      if (!whole || x.facts.magnitude() > 2000)
        return false;
    }
    return true;
  }

  MaybeFacts infix() const {
    auto axes = join();
    if (!axes)
      return std::nullopt;
    const Facts &a = operand(0), &b = operand(1);
    Facts facts = merged();
    facts.axes = *axes;
    facts.exact = areIntegers() && value.name != "/";
    facts.roundings += 1;
    if (value.name == "+") {
      facts.low = a.low + b.low, facts.high = a.high + b.high;
      facts.clean &= facts.exact || (a.low >= 0 && b.low >= 0) || (a.high <= 0 && b.high <= 0);
    } else if (value.name == "-") {
      facts.low = a.low - b.high, facts.high = a.high - b.low;
      facts.clean &= facts.exact || (a.low >= 0 && b.high <= 0) || (a.high <= 0 && b.low >= 0);
    } else if (value.name == "*") {
      facts.degree = a.degree + b.degree;
      facts.roundings = a.roundings + b.roundings + 1;
      multiply(facts, a, b.low, b.high);
    } else {
      if (!(b.low >= 1e-2) || !b.steady())
        return std::nullopt;
      facts.degree = a.degree;
      facts.roundings = a.roundings + b.roundings + 1;
      multiply(facts, a, 1 / b.high, 1 / b.low);
    }
    return std::isnan(facts.low) || std::isnan(facts.high) ? std::nullopt : MaybeFacts(facts);
  }

  static void multiply(Facts &facts, const Facts &a, double low, double high) {
    double corners[] = {product(a.low, low), product(a.low, high), product(a.high, low), product(a.high, high)};
    facts.low = *std::min_element(corners, corners + 4);
    facts.high = *std::max_element(corners, corners + 4);
  }

  MaybeFacts logic() const {
    auto axes = join();
    if (!axes)
      return std::nullopt;
    bool compares = value.form == Form::Compare;
    for (size_t i = 0; i < value.operands.size(); ++i)
      if (compares ? !operand(i).exact && !operand(i).ranked : operand(i).element != Element::Boolean)
        return std::nullopt;
    bool first = operand(0).element == Element::Boolean;
    if (compares && first != (operand(1).element == Element::Boolean))
      return std::nullopt; // bool compares with bool
    Facts facts = merged();
    facts.element = Element::Boolean;
    facts.exact = facts.exact || compares;
    facts.axes = *axes;
    facts.low = 0, facts.high = 1;
    return facts;
  }

  MaybeFacts choice() const {
    auto axes = join();
    if (!axes)
      return std::nullopt;
    Facts facts = merged();
    facts.axes = *axes;
    if (value.form == Form::Where) {
      const Facts &a = operand(1), &b = operand(2);
      if (operand(0).element != Element::Boolean || !operand(0).exact)
        return std::nullopt;
      if (a.element == b.element)
        facts.element = a.element;
      facts.low = std::min(a.low, b.low), facts.high = std::max(a.high, b.high);
      return facts;
    }
    for (size_t i = 0; i < value.operands.size(); ++i)
      if (!operand(i).steady())
        return std::nullopt;
    for (size_t i = 1; i < value.operands.size(); ++i) {
      bool greater = value.name == "max" || (value.form == Form::Clamp && i == 1);
      facts.low = greater ? std::max(facts.low, operand(i).low) : std::min(facts.low, operand(i).low);
      facts.high = greater ? std::max(facts.high, operand(i).high) : std::min(facts.high, operand(i).high);
    }
    return facts;
  }

  /// Exact for whole numbers only.
  MaybeFacts mod() const {
    if (operand(0).element != Element::Integer || operand(0).magnitude() > 1e6)
      return std::nullopt;
    Facts facts = operand(0);
    facts.element = Element::Float;
    facts.low = 0, facts.high = value.number;
    return facts;
  }

  MaybeFacts power() const {
    if (!isArray(0))
      return std::nullopt;
    const Facts &x = operand(0);
    double n = value.number, most = x.magnitude();
    bool whole = std::floor(n) == n;
    Facts facts = pointwise(x, 3);
    facts.roundings = static_cast<int>((x.roundings + 2) * std::max(1.0, std::ceil(std::fabs(n))));
    if (n < 0 ? !(x.low >= 1e-2 && x.steady())
              : !whole && !(x.low >= 0 && x.clean && (n > 1 || x.exact || x.low >= 1e-6)))
      return std::nullopt;
    facts.degree = n < 0 ? 0 : static_cast<int>(std::ceil(x.degree * n));
    if (n < 0) {
      facts.low = std::pow(x.high, n), facts.high = std::pow(x.low, n);
    } else {
      facts.high = std::pow(most, n);
      bool even = whole && std::fmod(n, 2) == 0;
      facts.low = x.low >= 0 ? std::pow(x.low, n) : even ? 0 : -facts.high;
    }
    return facts;
  }

  //===-- Reductions
  //-----------------------------------------------------------------------------------------------===//

  /// The axes that are left, or nothing where an axis is missing, is named twice or would be there twice.
  std::optional<std::vector<int>> remaining(const Facts &x) const {
    std::vector<int> axes;
    for (int axis : x.axes) {
      auto range = std::find_if(value.over.begin(), value.over.end(), [&](const Range &r) { return r.axis == axis; });
      if (range == value.over.end())
        axes.push_back(axis);
      else if (range->coarse >= 0)
        axes.push_back(range->coarse);
    }
    for (size_t i = 0; i < value.over.size(); ++i) {
      const Range &range = value.over[i];
      if (!has(x, range.axis) || (range.coarse >= 0 && !program.coarsens(range.coarse, range.axis)) ||
          (range.coarse >= 0 && has(x, range.coarse)))
        return std::nullopt;
      for (size_t j = 0; j < i; ++j)
        if (value.over[j].axis == range.axis)
          return std::nullopt;
    }
    return axes;
  }

  bool overTokens(const Facts &x) const {
    for (int axis : value.over.empty() ? x.axes : axesOf(value.over))
      if (!program.isStatic(axis))
        return true;
    return false;
  }
  static std::vector<int> axesOf(const std::vector<Range> &over) {
    std::vector<int> axes;
    for (const Range &range : over)
      axes.push_back(range.axis);
    return axes;
  }
  double countOver(const Facts &x) const {
    double n = 1;
    for (int axis : value.over.empty() ? x.axes : axesOf(value.over))
      n *= sizeOf(axis);
    return n;
  }

  /// Layers are reduced where no token or piece is left, and in no other way.
  bool reducesLayersAlone(const Facts &x) const {
    auto isOver = [&](const Range &range) {
      return std::find(value.over.begin(), value.over.end(), range) != value.over.end();
    };
    auto isLayer = [&](const Range &range) { return program.isLayer(range.axis); };
    bool layers = std::any_of(value.over.begin(), value.over.end(), isLayer);
    return layers && std::any_of(x.axes.begin(), x.axes.end(),
                                 [&](int axis) { return !program.isStatic(axis) && !isOver({axis}); });
  }

  MaybeFacts reduction() const {
    if (!isArray(0) || operand(0).axes.empty() || reducesLayersAlone(operand(0)))
      return std::nullopt;
    const Facts &x = operand(0);
    auto axes = value.over.empty() ? std::vector<int>() : remaining(x);
    bool coarse = std::any_of(value.over.begin(), value.over.end(), [](const Range &r) { return r.coarse >= 0; });
    const std::string &kind = value.name;
    bool skips = skipsSlots(x);
    bool inSteps = kind == "sum" || kind == "mean" || kind == "max" || kind == "min" || kind == "logsumexp";
    if (!axes || (coarse && value.over.size() > 1 && !inSteps))
      return std::nullopt;
    Facts facts = x;
    facts.axes = *axes;
    if (skips) // the sum of none
      facts.low = std::min(facts.low, 0.0), facts.high = std::max(facts.high, 0.0);
    if (kind == "max" || kind == "min") {
      if (facts.element == Element::Boolean)
        facts.element = Element::Integer;
      return x.steady() ? MaybeFacts(facts) : std::nullopt;
    }
    return kind == "sum" || kind == "mean" ? sum(facts, x) : moments(facts, x, kind);
  }

  /// Whether a reduction may find no element where the others do: all slots empty, or a piece without tokens.
  bool skipsSlots(const Facts &x) const {
    for (const Range &range : value.over)
      if (range.coarse >= 0 && (!program.isStatic(range.coarse) || program.isPlaced(range.axis, range.coarse)))
        return true;
    return !x.holes.empty();
  }

  MaybeFacts sum(Facts facts, const Facts &x) const {
    bool whole = x.element != Element::Float && value.name == "sum";
    facts.element = whole ? Element::Integer : Element::Float;
    facts.exact = whole;
    facts.ranked = x.ranked && !overTokens(x);
    facts.clean = whole || (x.clean && (x.low >= 0 || x.high <= 0));
    facts.roundings += overTokens(x) ? 8 : 4;
    if (value.name == "sum") {
      double n = countOver(x);
      facts.low = product(facts.low, facts.low < 0 ? n : 1);
      facts.high = product(facts.high, facts.high > 0 ? n : 1);
    }
    return facts;
  }

  MaybeFacts moments(Facts facts, const Facts &x, const std::string &kind) const {
    facts.element = Element::Float;
    facts.exact = facts.clean = false;
    facts.ranked = x.ranked && !overTokens(x);
    facts.roundings += 12;
    if (kind == "logsumexp") {
      if (!x.steady() || x.element != Element::Float) // whole numbers may leave the log of 1 and very little
        return std::nullopt;
      facts.high = x.high + std::log(countOver(x));
      return facts;
    }
    facts.low = 0;
    if (countOver(x) > 500 && !overTokens(x)) // the rounding of so many equal terms adds up
      return std::nullopt;
    if (kind == "std" && overTokens(x)) // only known to the root of the rounding: docs/numerics.md
      return std::nullopt;
    if (kind == "cv2") {
      if (!(x.low >= 1e-2) || !x.clean)
        return std::nullopt;
      facts.high = std::min(countOver(x), std::pow(x.high / x.low, 2));
      facts.degree = 2 * x.degree;
      return facts;
    }
    facts.degree = kind == "std" ? x.degree : 2 * x.degree;
    facts.high = kind == "std" ? x.magnitude() : std::pow(x.magnitude(), 2);
    return facts;
  }

  //===-- Along an axis
  //--------------------------------------------------------------------------------------------===//

  MaybeFacts along() const {
    int axis = value.over[0].axis;
    if (!isArray(0) || !has(operand(0), axis) || value.over[0].coarse >= 0 || program.isLayer(axis))
      return std::nullopt;
    const Facts &x = operand(0);
    Facts facts = pointwise(x, 8);
    facts.ranked = x.ranked && program.isStatic(axis);
    if (value.name == "softmax")
      return mayGrow(x) ? bounded(facts, 0, 1) : std::nullopt;
    if (value.name == "normalize")
      return x.clean && x.low >= 0 ? bounded(facts, 0, 1) : std::nullopt;
    double root = std::sqrt(sizeOf(axis)); // standardize
    facts = *bounded(facts, -root, root);
    facts.clean = false;
    return x.steady() ? MaybeFacts(facts) : std::nullopt;
  }

  MaybeFacts expand() const {
    const Range &range = value.over[0];
    if (!isArray(0) || range.coarse < 0 || !program.coarsens(range.axis, range.coarse))
      return std::nullopt;
    Facts facts = operand(0);
    if (!has(facts, range.axis) || has(facts, range.coarse))
      return std::nullopt;
    std::replace(facts.axes.begin(), facts.axes.end(), range.axis, range.coarse);
    return facts;
  }

  MaybeFacts ranks() const {
    const Range &range = value.over[0];
    if (!isArray(0) || !has(operand(0), range.axis) || !program.isStatic(range.axis) || program.isLayer(range.axis))
      return std::nullopt;
    const Facts &x = operand(0);
    auto axes = remaining(x);
    int64_t size = program.sizeOf(range.axis);
    if (range.coarse >= 0) {
      if (value.form != Form::SumTop || !axes || program.isPlaced(range.axis, range.coarse))
        return std::nullopt;
      size = smallestGroup(range);
    }
    bool counts = value.form == Form::Kth || value.form == Form::SumTop;
    if (!axes || (counts && (value.k < 1 || value.k > size)) || !x.steady())
      return std::nullopt;
    Facts facts = x;
    facts.axes = *axes;
    facts.element = value.form == Form::Argmax ? Element::Integer : Element::Float;
    bool skips = std::find(x.holes.begin(), x.holes.end(), range.axis) != x.holes.end();
    if (skips && (value.form == Form::SumTop || value.form == Form::Quantile))
      return std::nullopt;
    if (value.form == Form::Quantile) {
      facts.exact = facts.ranked = false;
      facts.clean = x.clean && (x.low >= 0 || x.high <= 0);
      facts.roundings += 3;
      return facts;
    }
    if (value.form == Form::Argmax) {
      facts.low = 0, facts.high = static_cast<double>(size);
      return x.exact ? MaybeFacts(facts) : std::nullopt;
    }
    if (value.form == Form::SumTop) {
      facts.exact = value.k == 1 && x.exact;
      facts.clean = x.clean && (x.low >= 0 || x.high <= 0);
      facts.roundings += static_cast<int>(std::min<int64_t>(value.k, 8));
      facts.low = product(x.low, static_cast<double>(value.k));
      facts.high = product(x.high, static_cast<double>(value.k));
    }
    return facts;
  }

  int64_t smallestGroup(const Range &range) const {
    std::vector<int64_t> sizes(program.axes[range.coarse].size, 0);
    for (int group : program.groups(range.axis, range.coarse))
      ++sizes[group];
    return *std::min_element(sizes.begin(), sizes.end());
  }

  //===-- Selections
  //-----------------------------------------------------------------------------------------------===//

  /// Whether topk along `axis` compares something that has the same bits everywhere: the score itself, or what it is
  /// looked through to (docs/language.md, What `topk` compares).
  bool isScore(int v, int axis) const {
    const Value &score = program.values[v];
    if (score.facts.element == Element::Selection)
      return false;
    if (score.facts.ranked)
      return true;
    auto constant = [&](int i) { return program.values[score.operands[i]].form == Form::Constant; };
    if (score.form == Form::Infix && (score.name == "*" || score.name == "/") && constant(1))
      return program.values[score.operands[1]].number > 0 && isScore(score.operands[0], axis);
    if (score.form == Form::Along && score.over[0].axis == axis &&
        (score.name != "normalize" || isProvable(score.operands[0])))
      return isScore(score.operands[0], axis);
    return score.form == Form::Reduce && score.name == "max" && score.over.size() == 1 &&
           score.over[0].coarse == axis && isScore(score.operands[0], score.over[0].axis);
  }

  /// A few of the forms of which the compiler knows that they are not negative.
  bool isProvable(int v) const {
    const Value &x = program.values[v];
    return (x.form == Form::Unary && (x.name == "sigmoid" || x.name == "softplus" || x.name == "exp")) ||
           (x.form == Form::Along && x.name == "softmax");
  }

  MaybeFacts topk() const {
    int axis = value.over[0].axis;
    if (axis >= kSlot || !program.isStatic(axis) || program.isLayer(axis) || !isScore(value.operands[0], axis))
      return std::nullopt;
    const Facts &score = operand(0);
    if (!has(score, axis) || value.k < 1 || value.k > program.sizeOf(axis))
      return std::nullopt;
    Facts facts;
    facts.element = Element::Selection;
    facts.axes = score.axes;
    facts.axes.erase(std::find(facts.axes.begin(), facts.axes.end(), axis));
    facts.selected = axis;
    facts.slots = value.k;
    facts.slotOf = static_cast<int>(&value - program.values.data());
    facts.exact = facts.ranked = true;
    if (value.operands.size() == 1)
      return facts;
    const Facts &groups = operand(1);
    if (!groups.holes.empty())
      facts.holes = {kSlot + facts.slotOf};
    if (groups.element != Element::Selection || !program.coarsens(groups.selected, axis) || groups.axes != facts.axes ||
        !program.isOneStep(axis, groups.selected))
      return std::nullopt;
    if (program.isPlaced(axis, groups.selected)) { // the groups may hold fewer
      facts.holes = {kSlot + facts.slotOf};
      return facts;
    }
    std::vector<int64_t> sizes(program.axes[groups.selected].size, 0);
    for (int group : program.groups(axis, groups.selected))
      ++sizes[group];
    std::sort(sizes.begin(), sizes.end());
    int64_t smallest = 0;
    for (int64_t i = 0; i < groups.slots; ++i)
      smallest += sizes[i];
    return smallest >= value.k ? MaybeFacts(facts) : std::nullopt;
  }

  MaybeFacts onSelection() const {
    if (value.form == Form::Gather)
      return gather();
    const Facts &route = operand(0);
    if (route.element != Element::Selection)
      return std::nullopt;
    Facts facts = route;
    if (value.form == Form::First) {
      facts.slots = value.k;
      facts.slotOf = static_cast<int>(&value - program.values.data());
      if (!route.holes.empty())
        facts.holes = {kSlot + facts.slotOf};
      return value.k >= 1 && value.k <= route.slots ? MaybeFacts(facts) : std::nullopt;
    }
    facts.selected = facts.slotOf = -1;
    facts.beyond = false;
    facts.slots = 0;
    facts.holes.clear();
    facts.low = 0, facts.high = 1;
    facts.clean = true;
    facts.element = Element::Boolean;
    facts.axes.push_back(route.selected);
    if (value.form == Form::Chosen)
      return facts;
    facts.element = Element::Integer; // count
    if (value.over.empty()) {
      facts.high = route.axes.empty() ? 1 : kMostTokens;
      facts.ranked = route.axes.empty();
      facts.axes = {route.selected};
      return facts;
    }
    auto axes = reducesLayersAlone(facts) ? std::nullopt : remaining(facts);
    facts.high = countOver(facts);
    facts.ranked = !overTokens(facts);
    if (axes)
      facts.axes = *axes;
    return axes ? MaybeFacts(facts) : std::nullopt;
  }

  MaybeFacts gather() const {
    const Facts &x = operand(0), &route = operand(1);
    if (route.element != Element::Selection || !isArray(0) || !has(x, route.selected))
      return std::nullopt;
    for (int axis : x.axes)
      if (axis != route.selected && !has(route, axis))
        return std::nullopt;
    Facts facts = x;
    facts.axes = route.axes;
    facts.axes.push_back(kSlot + route.slotOf);
    facts.holes.insert(facts.holes.end(), route.holes.begin(), route.holes.end());
    if (!route.holes.empty()) // 0 in an empty slot
      facts.low = std::min(x.low, 0.0), facts.high = std::max(x.high, 0.0);
    return facts;
  }

  const Program &program;
  const Value &value;
};

} // namespace

std::optional<Facts> moe::test::random::inferValue(const Program &program, int index) {
  return Inference(program, index).run();
}
