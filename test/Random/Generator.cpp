// Grows a program from its inputs: each step picks an expression and operands among the values so far, and keeps the
// result if `inferValue` allows it. A few steps are what every gate has (scores, routes, weights, counts); the others
// are arbitrary.
#include "test/Random/Generator.h"
#include <algorithm>
#include <initializer_list>

using namespace moe::test::random;

namespace {

class Generator {
public:
  Generator(Rng &rng, const GeneratorOptions &options) : rng(rng), options(options) {}

  Program run() {
    makeAxes();
    makeInputs();
    for (int64_t i = rng.between(1, 4); i > 0; --i)
      keepTrying(&Generator::makeScore);
    for (int64_t i = rng.between(0, 3); i > 0; --i)
      makeRoute();
    for (int64_t i = rng.between(2, 14); i > 0; --i)
      keepTrying(&Generator::makeAnything);
    makeUses();
    makeUpdates();
    return std::move(program);
  }

private:
  //===-- Declarations
  //---------------------------------------------------------------------------------------------===//

  int axis(AxisDecl decl) {
    program.axes.push_back(std::move(decl));
    return static_cast<int>(program.axes.size()) - 1;
  }

  void makeAxes() {
    if (!rng.chance(3))
      token = axis({"token"});
    if (token >= 0 && rng.chance(15)) {
      layer = axis({"layer", rng.pick({1, 2, 2, 3})});
      program.axes[layer].layer = true;
    }
    static const int64_t sizes[] = {8, 8, 7, 16, 12, 60, 64, 5, 2, 3, 1, 24, 33, 160, 256, 1000};
    int64_t size;
    do
      size = rng.chance(70) ? sizes[rng.below(12)] : rng.pick(sizes);
    while (size > options.mostExperts);
    expert = axis({"expert", size});
    int device = rng.chance(70) ? makeGroups("device", expert) : -1;
    if (device >= 0 && rng.chance(40))
      makeGroups("node", device);
    if (rng.chance(25))
      makeGroups("shelf", expert);
    if (rng.chance(12))
      pick = axis({"pick", rng.between(1, 6)});
    if (token >= 0 && rng.chance(25)) {
      sequence = makePieces("sequence", token, {1, 2, 3, 4, 8, 16, 64});
      if (rng.chance(35))
        document = makePieces("document", sequence, {1, 2, 3});
      if (document >= 0 && !program.axes[document].offsets && rng.chance(25))
        makePieces("shard", document, {1, 2});
    }
  }

  int makePieces(const char *name, int of, const std::vector<int64_t> &lengths) {
    AxisDecl pieces{name, -1, of};
    pieces.offsets = layer < 0 && rng.chance(60); // offsets are of one layer
    pieces.length = pieces.offsets ? 0 : rng.pick(lengths);
    return axis(pieces);
  }

  /// An axis of pieces; -1: none.
  int anyPieces() { return document >= 0 && rng.chance(40) ? document : sequence; }

  /// The last axis of groups of experts; -1: none.
  int lastGroups() const {
    int last = -1;
    for (size_t a = 0; a < program.axes.size(); ++a)
      if (program.axes[a].of >= 0 && !program.axes[a].isPieces())
        last = static_cast<int>(a);
    return last;
  }

  int makeGroups(const char *name, int of) {
    int64_t size = program.axes[of].size;
    AxisDecl groups{name, 0, of};
    if (rng.chance(12)) {
      groups.size = rng.between(1, 9);
      groups.placed = true;
    } else if (rng.chance(60) || size > 100) {
      std::vector<int64_t> divisors;
      for (int64_t d = 1; d <= std::min<int64_t>(size, 16); ++d)
        if (size % d == 0)
          divisors.push_back(d);
      groups.size = rng.pick(divisors);
    } else {
      groups.size = rng.between(1, std::min<int64_t>(size, 9));
      for (int64_t i = 0; i < size; ++i) // every group first gets one, then they are mixed
        groups.map.push_back(static_cast<int>(i < groups.size ? i : rng.below(groups.size)));
      for (size_t i = groups.map.size(); i > 1; --i)
        std::swap(groups.map[i - 1], groups.map[rng.below(i)]);
    }
    return axis(groups);
  }

  void input(std::initializer_list<int> axes, const char *storage = nullptr) {
    static const char *const floats[] = {"f32", "f32", "float", "bf16", "f16"};
    Value value{Form::Input, storage ? storage : options.differences ? "f32" : rng.pick(floats)};
    for (int axis : axes)
      if (axis >= 0)
        value.axes.push_back(axis);
    add(std::move(value));
  }

  int anyLayer() { return rng.chance(50) ? layer : -1; }
  void makeInputs() {
    input({layer, token, expert});
    logits = 0;
    if (rng.chance(50))
      input({anyLayer(), expert});
    if (rng.chance(25))
      input({layer, token, expert});
    if (rng.chance(25))
      input({layer, token});
    if (rng.chance(10))
      input({});
    if (int last = lastGroups(); last >= 0 && rng.chance(25))
      input({layer, rng.chance(50) ? token : -1, last});
    if (sequence >= 0 && rng.chance(30))
      input({layer, anyPieces(), rng.chance(50) ? expert : -1}, rng.chance(20) ? "bool" : nullptr);
    if (pick >= 0)
      input({anyLayer(), token, pick}, "i32");
    if (token >= 0 && rng.chance(20)) {
      input({token}, "bool");
      program.mask = last();
    }
    if (rng.chance(20))
      add({Form::State, rng.chance(70) ? "f32" : "i32", {}, {}, 0, rng.pick({0.0, 1.0, -2.0}), {expert}});
    if (rng.chance(15)) {
      const char *storage = rng.chance(50) ? "i32" : "bool";
      input({anyLayer(), rng.chance(80) ? token : -1, rng.chance(60) ? expert : -1}, storage);
    }
    static const double defaults[] = {0.01, 0.5, 1, 2.5, 3, -1};
    if (rng.chance(40))
      add({Form::Param, "", {}, {}, 0, rng.pick(defaults)});
  }

  //===-- Values
  //---------------------------------------------------------------------------------------------------===//

  /// Adds a value that is allowed; -1 if it is not.
  int add(Value value) {
    program.values.push_back(std::move(value));
    std::optional<Facts> facts = inferValue(program, static_cast<int>(program.values.size()) - 1);
    if (!facts) {
      program.values.pop_back();
      return -1;
    }
    program.values.back().facts = std::move(*facts);
    program.values.back().inlined = rng.chance(50);
    return static_cast<int>(program.values.size()) - 1;
  }

  const Facts &facts(int v) const { return program.values[v].facts; }

  int keepTrying(int (Generator::*make)()) {
    for (int attempt = 0; attempt < 40; ++attempt)
      if (int v = (this->*make)(); v >= 0)
        return v;
    return -1;
  }

  /// A value so far, a later one more likely; `wanted` picks among all elements but selections when not given.
  int anyValue(std::optional<Element> wanted = std::nullopt) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      size_t n = program.values.size(), i = std::max(rng.below(n), rng.below(n));
      Element element = program.values[i].facts.element;
      if (wanted ? element == *wanted : element != Element::Selection && element != Element::Plan)
        return static_cast<int>(i);
    }
    return logits;
  }

  int constant(std::initializer_list<double> choices) {
    return add({Form::Constant, "", {}, {}, 0, rng.pick(std::vector<double>(choices))});
  }

  Range anyRange(const Facts &x) {
    if (x.axes.empty())
      return {0};
    Range range{rng.pick(x.axes)};
    std::vector<int> coarser;
    for (size_t a = 0; a < program.axes.size(); ++a)
      if (program.coarsens(static_cast<int>(a), range.axis))
        coarser.push_back(static_cast<int>(a));
    if (!coarser.empty() && rng.chance(50))
      range.coarse = rng.pick(coarser);
    return range;
  }

  int unary(int x) {
    static const char *const names[] = {"exp",     "log",        "sqrt",     "rsqrt",    "abs",   "sign", "relu",
                                        "sigmoid", "sigmoid",    "softplus", "softplus", "tanh",  "tanh", "erf",
                                        "-",       "normal_cdf", "floor",    "ceil",     "detach"};
    std::string name = rng.pick(names);
    if (name == "detach" && options.differences)
      name = "tanh";
    if ((name == "log" || name == "sqrt" || name == "rsqrt") && rng.chance(50))
      x = positive(x, name == "log" ? 2 : 0);
    return x < 0 ? -1 : add({Form::Unary, name, {x}});
  }

  /// A value of the shape of the logits, from another one.
  int makeScore() {
    int x = rng.chance(50) ? logits : anyValue(Element::Float);
    if (x < 0 || facts(x).axes.empty())
      return -1;
    switch (rng.below(8)) {
    case 0:
    case 1:
      return add({Form::Along, "softmax", {x}, {{facts(x).axes.back()}}});
    case 2:
      return add({Form::Unary, "sigmoid", {x}});
    case 3:
      return infix(x, anyValue(Element::Float));
    case 4:
      return add({Form::Along, "normalize", {unary(x) >= 0 ? last() : x}, {{facts(x).axes.back()}}});
    case 5:
      return infix(x, constant({2, 0.5, 3, -1, 0.1, 16}));
    case 6:
      return add({Form::Along, "standardize", {x}, {{facts(x).axes.back()}}, 0, rng.chance(50) ? 0.01 : 1e-5});
    default:
      return unary(x);
    }
  }

  int last() const { return static_cast<int>(program.values.size()) - 1; }

  int infix(int a, int b) {
    static const char *const operators[] = {"+", "-", "*", "+", "*", "/"};
    return a < 0 || b < 0 ? -1 : add({Form::Infix, rng.pick(operators), {a, b}});
  }

  int64_t anyK(int64_t most) {
    if (most < 1)
      return 1;
    return rng.chance(15) ? most : rng.between(1, std::min<int64_t>(most, rng.chance(80) ? 8 : most));
  }

  //===-- Selections
  //-----------------------------------------------------------------------------------------------===//

  int makeTopk() {
    int score = anyValue(Element::Float);
    if (facts(score).axes.empty())
      return -1;
    int axis = facts(score).axes.back();
    if (axis >= kSlot || !program.isStatic(axis))
      return -1;
    Value topk{Form::Topk, "", {score}, {{axis}}, anyK(program.sizeOf(axis))};
    if (int groups = rng.chance(50) ? makeAmong(score, axis) : -1; groups >= 0)
      topk.operands.push_back(groups);
    return add(topk);
  }

  /// A selection of a coarser axis, by the groups' greatest or the sum of their best.
  int makeAmong(int score, int axis) {
    std::vector<int> coarser;
    for (size_t a = 0; a < program.axes.size(); ++a)
      if (program.coarsens(static_cast<int>(a), axis) && program.isStatic(static_cast<int>(a)))
        coarser.push_back(static_cast<int>(a));
    if (coarser.empty())
      return -1;
    int to = rng.pick(coarser);
    int best = rng.chance(50) ? add({Form::Reduce, "max", {score}, {{axis, to}}})
                              : add({Form::SumTop, "sum_top", {score}, {{axis, to}}, rng.between(1, 3)});
    return best < 0 ? -1 : add({Form::Topk, "", {best}, {{to}}, anyK(program.sizeOf(to))});
  }

  /// A selection with what a gate makes of one: weights, counts, a balance loss.
  void makeRoute() {
    int route = rng.chance(50) ? forced() : -1;
    if (route < 0)
      route = keepTrying(&Generator::makeTopk);
    if (route < 0)
      return;
    if (rng.chance(30))
      add({Form::First, "first", {route}, {}, anyK(facts(route).slots)});
    if (int changed = rng.chance(50) ? changedRoute(route) : -1; changed >= 0) {
      route = changed;
      if (rng.chance(60))
        program.uses.push_back({Role::Output, route});
    }
    if (int x = anyValue(Element::Float); rng.chance(80))
      if (int weight = add({Form::Gather, "", {rng.chance(50) ? logits : x, route}}); weight >= 0 && rng.chance(60)) {
        int slot = facts(weight).axes.back();
        int scaled = add({Form::Along, rng.chance(50) ? "softmax" : "normalize", {weight}, {{slot}}});
        if (scaled >= 0 && rng.chance(40))
          infix(scaled, constant({2.5, 0.1, 16}));
      }
    if (rng.chance(60) && token >= 0) {
      int count = add({Form::Count, "count", {route}});
      int size = add({Form::Size, "size", {}, {{token}}});
      int f = rng.chance(70) ? add({Form::Infix, "/", {count, size}}) : count;
      int mean = add({Form::Reduce, "mean", {anyValue(Element::Float)}, {{token}}});
      if (f >= 0 && mean >= 0)
        add({Form::Infix, "*", {f, mean}});
    }
  }

  int selectionStep() {
    int route = anyValue(Element::Selection);
    if (facts(route).element != Element::Selection)
      return makeTopk();
    switch (rng.below(11)) {
    case 6:
    case 7:
      return changedRoute(route);
    case 8:
      return scatter(route);
    case 9:
      return add({Form::Dropped, "dropped", {route}});
    case 10:
      return rng.chance(40) ? plan(route) : forced();
    case 0:
      return makeTopk();
    case 1:
      return add({Form::First, "first", {route}, {}, anyK(facts(route).slots)});
    case 2:
      return add({Form::Chosen, "chosen", {route}});
    case 3: {
      Value count{Form::Count, "count", {route}};
      if (rng.chance(60)) {
        Facts chosen = facts(route);
        chosen.axes.push_back(chosen.selected);
        for (int64_t i = rng.between(1, 2); i > 0; --i)
          count.over.push_back(anyRange(chosen));
      }
      return add(count);
    }
    default:
      return add({Form::Gather, "", {anyValue(), route}});
    }
  }

  /// The same selection with other slots: some emptied, some appended.
  int changedRoute(int route) {
    switch (rng.below(5)) {
    case 0:
    case 1:
      return filter(route);
    case 2:
      return append(route);
    default:
      return limit(route);
    }
  }

  int filter(int route) {
    int condition = anyValue(Element::Boolean);
    if (rng.chance(60)) {
      int x = add({Form::Gather, "", {rng.chance(70) ? logits : anyValue(), route}});
      int least = constant({0, 0.5, -1, 1});
      condition = x < 0 ? -1 : add({Form::Compare, rng.chance(50) ? ">" : "<=", {x, least}});
    }
    return condition < 0 ? -1 : add({Form::Filter, "filter", {route, condition}});
  }

  int append(int route) {
    Value value{Form::Append, "append", {route}};
    int64_t size = program.sizeOf(facts(route).selected);
    for (int64_t i = rng.between(1, 3); i > 0; --i) {
      int64_t element = rng.chance(70) ? size + i - 1 : static_cast<int64_t>(rng.below(size));
      if (std::find(value.elements.begin(), value.elements.end(), element) == value.elements.end())
        value.elements.push_back(element);
    }
    return add(value);
  }

  /// A room that targets and interpreter compute in f64.
  int capacity() {
    Value value{Form::Capacity, rng.pick({"", "floor", "ceil"})};
    value.number = rng.pick({1.0, 2.0, 3.0, 1.25, 0.5, 8.0, 0.0});
    if (rng.chance(60)) {
      value.over = {{rng.chance(80) || sequence < 0 ? token : anyPieces()}};
      value.k = rng.between(1, 8);
    }
    return add(value);
  }

  int limit(int route) {
    if (token < 0)
      return -1;
    Value value{Form::Limit, rng.pick({"", "slot", "token"}), {route, capacity()}};
    int selected = facts(route).selected;
    std::vector<int> over = {selected, selected};
    for (size_t a = 0; a < program.axes.size(); ++a)
      if (program.coarsens(static_cast<int>(a), selected))
        over.push_back(static_cast<int>(a));
    value.over = {{rng.pick(over)}};
    auto option = [&](const char *label, int operand) {
      if (operand < 0)
        return;
      value.labels.push_back(label);
      value.operands.push_back(operand);
    };
    if (sequence >= 0 && rng.chance(50))
      value.over.push_back({sequence});
    if (rng.chance(15)) // each takes the compiler seconds
      option("priority = ", add({Form::Gather, "", {logits, route}}));
    // With a priority every round sorts, which takes the compiler minutes.
    if (value.labels.empty() && rng.chance(35)) {
      option("overflow = next ", rng.chance(70) ? logits : anyValue(Element::Float));
      value.k = rng.between(1, 2);
    }
    if (rng.chance(25))
      option("exempt = ", exempt());
    return add(value);
  }

  /// A condition on tokens or sequences; -1: none.
  int exempt() {
    int x = sequence >= 0 && rng.chance(40) ? add({Form::Size, "size", {}, {{token, anyPieces()}}}) : index(token);
    return add({Form::Compare, rng.pick({"<", ">="}), {x, constant({1, 3, 5, 20})}});
  }

  int scatter(int route) {
    int weight = add({Form::Gather, "", {anyValue(Element::Float), route}});
    return weight < 0 ? -1 : add({Form::Scatter, "scatter", {weight, route}});
  }

  int forced() {
    for (size_t v = 0; v < program.values.size(); ++v)
      if (const std::vector<int> &own = program.values[v].axes; pick >= 0 && !own.empty() && own.back() == pick)
        return add({Form::Forced, "forced", {static_cast<int>(v)}, {{rng.chance(70) ? expert : anyGroups()}}});
    return -1;
  }

  int anyGroups() const { return std::max(lastGroups(), expert); }

  int plan(int route) {
    int made = add({Form::Permute, "permute", {route}, {}, rng.pick({int64_t(1), int64_t(2), int64_t(8)})});
    if (made < 0)
      return -1;
    for (const char *part : {"order", "offset"})
      if (rng.chance(60))
        program.uses.push_back({Role::Output, add({Form::PlanPart, part, {made}})});
    return add({Form::PlanPart, "position", {made}});
  }

  //===-- Positions, random numbers
  //--------------------------------------------------------------------------------===//

  int position(int x) {
    switch (rng.below(5)) {
    case 0:
      return index(token >= 0 && rng.chance(50) ? token : expert);
    case 1:
      return sequence < 0 ? -1 : add({Form::Index, "index", {}, {anyDivision()}});
    case 2:
      return sequence < 0 ? -1 : add({Form::Size, "size", {}, {anyDivision()}});
    default:
      if (token < 0 || facts(x).axes.empty())
        return -1;
      if (facts(x).element == Element::Float)
        x = anyValue(rng.chance(50) ? Element::Integer : Element::Boolean);
      return add({Form::Shift, "shift", {x}, {{token}}, rng.chance(60) ? 1 : rng.between(1, 20)});
    }
  }

  /// From tokens, or pieces, to pieces.
  Range anyDivision() {
    if (document < 0 || rng.chance(50))
      return {token, sequence};
    return {rng.chance(50) ? token : sequence, document};
  }

  int index(int axis) { return add({Form::Index, "index", {}, {{axis}}}); }

  int random() {
    Value value{Form::Random, rng.chance(50) ? "uniform" : "normal"};
    if (layer >= 0) // not lowered
      return -1;
    if (token >= 0 && rng.chance(80))
      value.axes.push_back(token);
    if (value.axes.empty() || rng.chance(60))
      value.axes.push_back(expert);
    return add(value);
  }

  //===-- Anything
  //-------------------------------------------------------------------------------------------------===//

  int makeAnything() {
    int x = anyValue();
    switch (rng.below(18)) {
    case 16:
      return position(x);
    case 17:
      return rng.chance(40) ? random() : position(x);
    case 0:
    case 1:
      return unary(x);
    case 2:
      return infix(x, rng.chance(30) ? constant({2, 0.5, 1, -3, 0.1, 1e-3}) : anyValue());
    case 3:
    case 4:
      return selectionStep();
    case 5:
    case 6:
    case 7:
      return reduction(x);
    case 8:
      return infix(x, anyValue());
    case 9:
      return choice(x);
    case 10:
      return logic();
    case 11:
      return add({Form::Power, "", {x}, {}, 0, rng.pick({2.0, 3.0, 0.5, 1.5, -1.0, 2.0, 4.0, 0.3, -0.5})});
    case 12:
      return along(x);
    case 13:
      return ranks(x);
    case 14:
      return expansion(x);
    default:
      return rng.chance(20) && token >= 0 ? add({Form::Size, "size", {}, {{rng.chance(50) ? token : expert}}})
                                          : makeScore();
    }
  }

  /// 0.1 + abs(x), or more
  int positive(int x, double more = 0) {
    int magnitude = add({Form::Unary, "abs", {x}});
    return magnitude < 0 ? -1 : add({Form::Infix, "+", {constant({more + 0.1, more + 1}), magnitude}});
  }

  int reduction(int x) {
    static const char *const kinds[] = {"sum", "mean", "max", "min", "var", "std", "cv2", "logsumexp", "sum", "mean"};
    Value value{Form::Reduce, rng.pick(kinds), {x}};
    if (value.name == "cv2" && facts(x).element == Element::Float && !(facts(x).low >= 1e-2)) // a load, or like one
      value.operands[0] = x = positive(x);
    if (x < 0)
      return -1;
    if (rng.chance(85)) {
      value.over.push_back(anyRange(facts(x)));
      if (rng.chance(20))
        value.over.push_back(anyRange(facts(x)));
    }
    if (value.name == "std" && rng.chance(50)) {
      value.name = "var";
      value.form = Form::SquaredStd;
    }
    return add(value);
  }

  int choice(int x) {
    switch (rng.below(4)) {
    case 0:
      return add(
          {Form::MinMax, rng.chance(50) ? "min" : "max", {x, rng.chance(50) ? anyValue() : constant({0, 0.5, 1, -1})}});
    case 1:
      return add({Form::Clamp, "clamp", {x, constant({-1, 0, -0.5, 0.125}), constant({1, 2, 0.5, 6})}});
    case 2:
      return add({Form::Mod, "mod", {anyValue(Element::Integer)}, {}, 0, rng.pick({2.0, 3.0, 5.0})});
    default:
      return add({Form::Where,
                  "where",
                  {anyValue(Element::Boolean), x,
                   rng.chance(50) ? anyValue() : constant({0, 1, -2.5, -std::numeric_limits<double>::infinity()})}});
    }
  }

  int logic() {
    static const char *const comparisons[] = {"<", "<=", ">", ">=", "==", "!="};
    switch (rng.below(4)) {
    case 0:
      return add(
          {Form::Logic, rng.chance(50) ? "and" : "or", {anyValue(Element::Boolean), anyValue(Element::Boolean)}});
    case 1:
      return add({Form::Not, "not", {anyValue(Element::Boolean)}});
    default:
      return add({Form::Compare,
                  rng.pick(comparisons),
                  {rng.chance(40) ? logits : anyValue(), rng.chance(60) ? constant({0, 1, -0.5, 2}) : anyValue()}});
    }
  }

  int along(int x) {
    if (facts(x).axes.empty())
      return -1;
    static const char *const names[] = {"softmax", "normalize", "standardize"};
    static const double widths[] = {1e-5, 1e-2, 1};
    return add({Form::Along, rng.pick(names), {x}, {{rng.pick(facts(x).axes)}}, 0, rng.pick(widths)});
  }

  int ranks(int x) {
    Range range = anyRange(facts(x));
    switch (rng.below(4)) {
    case 0:
      return add({Form::Kth, "kth", {x}, {{range.axis}}, anyK(program.sizeOf(range.axis))});
    case 1:
      if (rng.chance(50))
        return add({Form::Argmax, "argmax", {x}, {{range.axis}}});
      return add({Form::Quantile, "quantile", {x}, {{range.axis}}, 0, rng.pick({0.0, 0.5, 0.25, 0.9, 1.0})});
    default:
      return add({Form::SumTop, "sum_top", {x}, {range}, rng.between(1, 4)});
    }
  }

  int expansion(int x) {
    for (size_t i = 0; i < program.values.size(); ++i) {
      int v = static_cast<int>((x + i) % program.values.size());
      if (facts(v).element == Element::Selection)
        continue;
      for (int axis : facts(v).axes)
        if (axis < kSlot && program.axes[axis].of >= 0 && rng.chance(70))
          return add({Form::Expand, "expand", {v}, {{axis, program.axes[axis].of}}});
    }
    return -1;
  }

  //===-- Uses
  //-----------------------------------------------------------------------------------------------------===//

  /// Reduces `x` over what a use may not have: all axes for a loss, run-time ones for a metric.
  int reduceFor(Role role, int x) {
    static const char *const kinds[] = {"sum", "mean", "mean", "max", "logsumexp", "var"};
    for (int attempt = 0; attempt < 20; ++attempt) {
      std::vector<int> over;
      for (int axis : facts(x).axes)
        if (role == Role::Loss || !program.isStatic(axis) || program.isLayer(axis))
          over.push_back(axis);
      if (over.empty())
        return x;
      Value value{Form::Reduce, rng.pick(kinds), {x}};
      if (over.size() == facts(x).axes.size() && rng.chance(50))
        over.clear();
      else if (rng.chance(50))
        over.resize(1);
      for (int axis : over)
        value.over.push_back({axis});
      if (int reduced = add(value); reduced >= 0)
        x = reduced;
    }
    return -1;
  }

  void makeUses() {
    if (layer >= 0) // so that layers are what stands before the tokens
      program.uses.push_back({Role::Output, logits});
    for (int64_t i = rng.between(1, 3); i > 0; --i)
      if (int v = reduceFor(Role::Loss, anyValue(Element::Float)); v >= 0)
        program.uses.push_back({Role::Loss, v});
    for (int64_t i = rng.between(0, 3); i > 0; --i)
      if (int v = reduceFor(Role::Metric, anyValue()); v >= 0)
        program.uses.push_back({Role::Metric, v});
    for (int64_t i = rng.between(1, 4); i > 0; --i) {
      int v = rng.chance(40) ? anyValue(Element::Selection) : anyValue();
      if (facts(v).axes.empty() && facts(v).element != Element::Selection && rng.chance(80))
        v = anyValue();
      program.uses.push_back({Role::Output, v, anyStorage(v)});
      if (!infer(program))
        program.uses.back().storage = "";
      if (!infer(program))
        program.uses.pop_back();
    }
  }

  /// The type of an output, which may not fit; empty: as it is.
  std::string anyStorage(int v) {
    static const char *const floats[] = {"f32", "bf16", "f16"}, *const integers[] = {"i16", "i64"};
    bool isFloat = facts(v).element == Element::Float;
    if (!rng.chance(30) || (isFloat && options.differences))
      return "";
    return isFloat ? rng.pick(floats) : facts(v).element == Element::Boolean ? "bitmap" : rng.pick(integers);
  }

  /// A new value of each state: of its load, or of what else has its axes.
  void makeUpdates() {
    if (token < 0) // without a token the states stay, also where the update needs none
      return;
    for (int v = 0; v < static_cast<int>(program.values.size()); ++v) {
      if (program.values[v].form != Form::State)
        continue;
      Use use{Role::Update, updated(v), "", v};
      program.uses.push_back(use);
      if (use.value < 0 || !infer(program))
        program.uses.pop_back();
    }
  }

  int updated(int state) {
    for (int attempt = 0; attempt < 30; ++attempt) {
      int x = rng.chance(50) ? anyValue() : anyValue(Element::Selection);
      if (facts(x).element == Element::Selection)
        x = facts(x).selected == expert ? add({Form::Count, "count", {x}}) : -1;
      else
        x = reduceFor(Role::Metric, x);
      if (x < 0 || facts(x).axes != facts(state).axes)
        continue;
      bool whole = facts(state).element == Element::Integer;
      int next = whole ? x : infix(state, x);
      if (next >= 0)
        return next;
    }
    return -1;
  }

  Rng &rng;
  const GeneratorOptions &options;
  Program program;
  int token = -1, expert = -1, pick = -1, sequence = -1, document = -1, layer = -1, logits = 0;
};

} // namespace

Program moe::test::random::generate(Rng &rng, const GeneratorOptions &options) { return Generator(rng, options).run(); }
