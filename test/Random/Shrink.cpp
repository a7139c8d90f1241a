// Greedy cuts: see Shrink.h.
#include "test/Random/Shrink.h"
#include <algorithm>

using namespace moe::test::random;

namespace {

class Shrinker {
public:
  Shrinker(Failing start, const std::function<bool(const Failing &)> &fails, int budget)
      : best(std::move(start)), fails(fails), budget(budget) {}

  Failing run() {
    for (bool progress = true; progress && budget > 0;) {
      progress = false;
      progress |= cutCases();
      progress |= cutUses();
      progress |= cutValues();
      progress |= cutDetails();
      progress |= cutAxes();
    }
    return std::move(best);
  }

private:
  /// Takes the candidate if it is valid and still fails.
  bool accept(Failing candidate) {
    if (budget <= 0 || candidate.program.uses.empty() || candidate.cases.empty() || !infer(candidate.program))
      return false;
    --budget;
    if (!fails(candidate))
      return false;
    best = std::move(candidate);
    return true;
  }

  bool cutCases() {
    bool progress = false;
    for (size_t i = 0; best.cases.size() > 1 && i < best.cases.size(); ++i) {
      Failing candidate = best;
      candidate.cases = {best.cases[i]};
      if (accept(candidate)) {
        progress = true;
        break;
      }
    }
    for (size_t i = 0; i < best.cases.size(); ++i) {
      for (int64_t tokens : {int64_t(1), int64_t(2), best.cases[i].tokens / 2, best.cases[i].tokens - 1})
        if (tokens > 0 && tokens < best.cases[i].tokens)
          progress |= change(i, [&](Case &data) { data.tokens = tokens; });
      for (Kind kind : {Kind::Ordinary, Kind::Ties, Kind::Zeros})
        if (kind < best.cases[i].kind)
          progress |= change(i, [&](Case &data) { data.kind = kind; });
      for (uint64_t seed : {1, 2, 3})
        if (seed < best.cases[i].seed)
          progress |= change(i, [&](Case &data) { data.seed = seed; });
    }
    return progress;
  }

  template <typename Edit> bool change(size_t i, Edit edit) {
    Failing candidate = best;
    edit(candidate.cases[i]);
    return accept(std::move(candidate));
  }

  bool cutUses() {
    bool progress = false;
    for (size_t i = best.program.uses.size(); i-- > 0;) {
      Failing candidate = best;
      candidate.program.uses.erase(candidate.program.uses.begin() + i);
      progress |= accept(std::move(candidate));
    }
    for (size_t i = 0; i < best.program.uses.size(); ++i)
      if (best.program.uses[i].role == Role::Metric) {
        Failing candidate = best;
        candidate.program.uses[i].role = Role::Output;
        progress |= accept(std::move(candidate));
      }
    for (size_t i = 0; i < best.program.uses.size(); ++i) {
      Failing candidate = best;
      if (std::exchange(candidate.program.uses[i].storage, "") != "")
        progress |= accept(std::move(candidate));
    }
    return progress;
  }

  /// Lets everything that refers to `from` refer to `to`.
  static void replace(Program &program, int from, int to) {
    for (Value &value : program.values) {
      std::replace(value.operands.begin(), value.operands.end(), from, to);
      for (Range &range : value.over)
        if (range.axis == kSlot + from)
          range.axis = kSlot + to;
    }
    for (Use &use : program.uses)
      if (use.value == from)
        use.value = to;
  }

  bool cutValues() {
    bool progress = false;
    for (int v = static_cast<int>(best.program.values.size()) - 1; v > 0; --v) {
      if (!best.program.reachable()[v])
        continue;
      std::vector<int> substitutes = best.program.values[v].operands;
      for (int earlier = 0; earlier < v; ++earlier)
        if (best.program.values[earlier].form == Form::Input)
          substitutes.push_back(earlier);
      for (int substitute : substitutes) {
        Failing candidate = best;
        replace(candidate.program, v, substitute);
        if (accept(std::move(candidate))) {
          progress = true;
          break;
        }
      }
    }
    return progress;
  }

  /// Smaller k, fewer reduced axes, plainer inputs, statements instead of nested expressions.
  bool cutDetails() {
    bool progress = false;
    for (size_t v = 0; v < best.program.values.size(); ++v) {
      if (!best.program.reachable()[v])
        continue;
      auto edit = [&](auto change) {
        Failing candidate = best;
        change(candidate.program.values[v]);
        progress |= accept(std::move(candidate));
      };
      const Value &value = best.program.values[v];
      for (int64_t k : {int64_t(1), value.k / 2, value.k - 1})
        if (k > 0 && k < best.program.values[v].k)
          edit([&](Value &value) { value.k = k; });
      if (best.program.values[v].form == Form::Topk && best.program.values[v].operands.size() == 2)
        edit([](Value &value) { value.operands.pop_back(); });
      if (best.program.values[v].form == Form::Reduce && best.program.values[v].over.size() > 1)
        edit([](Value &value) { value.over.pop_back(); });
      for (size_t i = best.program.values[v].labels.size(); i-- > 0;)
        edit([i](Value &value) {
          value.labels.erase(value.labels.begin() + i);
          value.operands.erase(value.operands.begin() + 2 + i);
          value.k = 0;
        });
      if (best.program.values[v].form == Form::Limit && best.program.values[v].over.size() > 1)
        edit([](Value &value) { value.over.pop_back(); });
      for (const char *plain : {"", "1"})
        if (best.program.values[v].form == Form::Capacity && !best.program.values[v].over.empty())
          edit([plain](Value &value) {
            value.name = "";
            value.over.clear();
            value.number = *plain ? 1 : value.number;
          });
      if (best.program.values[v].elements.size() > 1)
        edit([](Value &value) { value.elements.pop_back(); });
      const std::string &name = best.program.values[v].name;
      if (best.program.values[v].form == Form::Input && (name == "bf16" || name == "f16" || name == "float"))
        edit([](Value &value) { value.name = "f32"; });
    }
    if (best.program.mask >= 0) {
      Failing candidate = best;
      candidate.program.mask = -1;
      progress |= accept(std::move(candidate));
    }
    Failing candidate = best;
    bool any = false;
    for (Value &value : candidate.program.values)
      any |= std::exchange(value.inlined, false);
    return (any && accept(std::move(candidate))) || progress;
  }

  bool cutAxes() {
    bool progress = false;
    for (size_t a = 0; a < best.program.axes.size(); ++a) {
      int64_t size = best.program.axes[a].size;
      if (best.program.axes[a].length > 1) {
        Failing candidate = best;
        candidate.program.axes[a].length = 1;
        progress |= accept(std::move(candidate));
      }
      for (int64_t smaller : {int64_t(1), int64_t(2), int64_t(3), size / 4, size / 2, size - 1}) {
        if (smaller < 1 || smaller >= best.program.axes[a].size)
          continue;
        Failing candidate = best;
        resize(candidate.program, static_cast<int>(a), smaller);
        progress |= accept(std::move(candidate));
      }
      if (!best.program.axes[a].map.empty()) {
        Failing candidate = best;
        candidate.program.axes[a].map.clear();
        progress |= accept(std::move(candidate));
      }
    }
    return progress;
  }

  static void resize(Program &program, int axis, int64_t size) {
    AxisDecl &decl = program.axes[axis];
    decl.size = size;
    for (int &group : decl.map)
      group = static_cast<int>(std::min<int64_t>(group, size - 1));
    for (AxisDecl &coarser : program.axes)
      if (coarser.of == axis && !coarser.map.empty())
        coarser.map.resize(size, 0);
    for (Value &value : program.values)
      for (const Range &range : value.over)
        if (range.axis == axis && value.k > size)
          value.k = size;
  }

  Failing best;
  const std::function<bool(const Failing &)> &fails;
  int budget;
};

} // namespace

Failing moe::test::random::shrink(Failing start, const std::function<bool(const Failing &)> &fails, int budget) {
  return Shrinker(std::move(start), fails, budget).run();
}
