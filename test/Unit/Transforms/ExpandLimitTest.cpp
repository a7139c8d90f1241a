// moe-expand-limit against the interpreter, which places slots one after the other by the definition of moe.limit: the
// same selection before and after, over random calls of every combination of options.
#include "Gates.h"

using namespace mlir;
namespace moe::test {
namespace {

struct Options {
  bool coarse = false, placed = false, bySlot = false, priority = false, exempt = false, per = false, masked = false;
  int rounds = 0;
};

/// A gate that limits the forced selection of 3 slots of 5 elements by the capacity `c`.
std::string limited(const Options &o) {
  const std::string selection = "!moe.selection<[token], expert, r.slot, 3>";
  std::string text = "moe.gate @g {\n  moe.axis @token\n  moe.axis @expert size 5\n  moe.axis @r.slot size 3\n";
  text += o.placed ? "  moe.axis @device size 3 of @expert placement \"home\"\n"
                   : "  moe.axis @device size 3 of @expert map [0, 1, 0, 2, 1]\n";
  if (o.per)
    text += "  moe.axis @sequence of @token offsets \"o\"\n  %o = moe.input \"o\" : tensor<?xi32, "
            "#moe.axes<sequence.bound>>\n";
  if (o.placed)
    text += "  %h = moe.input \"home\" : tensor<5xi32, #moe.axes<expert>>\n";
  if (o.masked)
    text += "  %v = moe.input \"valid\" : tensor<?xi1, #moe.axes<token>>\n  moe.mask token by %v : tensor<?xi1, "
            "#moe.axes<token>>\n";
  text += "  %c = moe.input \"c\" : tensor<f64>\n"
          "  %i = moe.input \"i\" : tensor<?x3xi32, #moe.axes<token, r.slot>>\n"
          "  %p = moe.input \"p\" : tensor<?x3xf32, #moe.axes<token, r.slot>>\n"
          "  %s = moe.input \"s\" : tensor<?x5xf32, #moe.axes<token, expert>>\n"
          "  %x = moe.input \"x\" : tensor<?xi1, #moe.axes<token>>\n"
          "  %f = moe.forced %i : tensor<?x3xi32, #moe.axes<token, r.slot>> -> " +
          selection + "\n  %k = moe.limit %f capacity %c : tensor<f64> over " + (o.coarse ? "device" : "expert");
  if (o.bySlot)
    text += " by_slot";
  if (o.priority)
    text += " priority %p : tensor<?x3xf32, #moe.axes<token, r.slot>>";
  if (o.rounds)
    text += " next %s : tensor<?x5xf32, #moe.axes<token, expert>> rounds " + std::to_string(o.rounds);
  if (o.exempt)
    text += " exempt %x : tensor<?xi1, #moe.axes<token>>";
  if (o.per)
    text += " per sequence";
  return text + " : " + selection + "\n  moe.output \"k\" = %k : " + selection + "\n}\n";
}

/// One of a few numbers, so that ties are common: both zeros, a NaN, both infinities, neighbours.
double fewNumbers(std::mt19937 &engine) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double numbers[] = {
      0.0,   -0.0, 1.0, 1.0f + 0x1p-23f, -1.0, -1.0f - 0x1p-23f, 0x1p-149, -0x1p-149, NAN, infinity, -infinity,
      3e38f, -2.5, 2.5, 1e-3f,           7.0};
  return numbers[engine() % std::size(numbers)];
}

Arrays randomCall(const Options &o, Call &call, std::mt19937 &engine) {
  Arrays inputs;
  call.tokens = engine() % 9;
  auto fill = [&](const std::string &name, std::vector<std::string> axes, std::vector<int64_t> sizes,
                  reference::ElementKind kind, auto &&value) {
    Array array{std::move(axes), std::move(sizes), kind, {}, {}};
    for (int64_t i = 0; i < array.count(); ++i)
      array.data.push_back(value());
    inputs[name] = array;
  };
  using reference::ElementKind;
  double capacity = engine() % 8 == 0 ? fewNumbers(engine) : static_cast<double>(engine() % 10) / 2;
  fill("c", {}, {}, ElementKind::Float, [&] { return capacity; });
  fill("p", {"token", "r.slot"}, {call.tokens, 3}, ElementKind::Float, [&] { return fewNumbers(engine); });
  fill("s", {"token", "expert"}, {call.tokens, 5}, ElementKind::Float, [&] { return fewNumbers(engine); });
  fill("x", {"token"}, {call.tokens}, ElementKind::Boolean, [&] { return engine() % 4 == 0; });
  // Distinct elements, as a selection has; some slots empty.
  std::vector<double> elements{0, 1, 2, 3, 4};
  int next = 0;
  fill("i", {"token", "r.slot"}, {call.tokens, 3}, ElementKind::Integer, [&] {
    if (next++ % 3 == 0)
      std::shuffle(elements.begin(), elements.end(), engine);
    return engine() % 6 == 0 ? -1 : elements[next % 3];
  });
  if (o.placed)
    fill("home", {"expert"}, {5}, ElementKind::Integer, [&] { return static_cast<double>(engine() % 3); });
  if (o.masked)
    fill("valid", {"token"}, {call.tokens}, ElementKind::Boolean, [&] { return engine() % 3 != 0; });
  if (o.per) {
    std::vector<double> offsets{0, static_cast<double>(call.tokens)};
    for (uint32_t more = engine() % 4; more; --more)
      offsets.push_back(static_cast<double>(engine() % (call.tokens + 1)));
    std::sort(offsets.begin(), offsets.end());
    int64_t count = static_cast<int64_t>(offsets.size());
    inputs["o"] = Array{{"sequence.bound"}, {count}, ElementKind::Integer, offsets, {}};
  }
  return inputs;
}

void checkOptions(const Options &o, int calls, std::mt19937 &engine) {
  std::string text = limited(o);
  Gates gates(text);
  ASSERT_TRUE(gates.before);
  gates.run(createMoeApplyMask(), createMoeExpandLimit());
  gates.after->walk([](LimitOp op) { ADD_FAILURE() << "a limit is left"; });
  for (int i = 0; i < calls && !::testing::Test::HasFailure(); ++i) {
    Call call;
    Arrays inputs = randomCall(o, call, engine);
    Arrays before = Gates::evaluate(*gates.before, inputs, call, true);
    Arrays after = Gates::evaluate(*gates.after, inputs, call, true);
    EXPECT_EQ(before["k"].data, after["k"].data) << text << "tokens " << call.tokens;
  }
}

TEST(ExpandLimit, EveryCombinationOfOptions) {
  std::mt19937 engine(17);
  for (int bits = 0; bits < 128; ++bits) {
    Options o;
    o.coarse = bits & 1;
    o.placed = o.coarse && (bits & 2);
    o.bySlot = bits & 4;
    o.priority = bits & 8;
    o.exempt = bits & 16;
    o.per = bits & 32;
    o.masked = bits & 64;
    checkOptions(o, o.priority ? 12 : 40, engine);
  }
}

TEST(ExpandLimit, PlacesElsewhere) {
  std::mt19937 engine(23);
  for (int bits = 0; bits < 64; ++bits)
    for (int rounds : {1, 2, 3}) {
      Options o;
      o.coarse = bits & 1;
      o.bySlot = bits & 2;
      o.priority = bits & 4;
      o.exempt = bits & 8;
      o.per = bits & 16;
      o.masked = bits & 32;
      o.rounds = rounds;
      if (!o.priority || rounds == 2)
        checkOptions(o, o.priority ? 6 : 30, engine);
    }
}

// Appended experts beyond the axis need no room and keep their slots, whatever the capacity.
TEST(ExpandLimit, SharedExpertsKeepTheirSlots) {
  const char *const text = R"(moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 0.5 : tensor<f32>
  %q = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, q.slot, 2>
  %a = moe.append %q, [4] : !moe.selection<[token], expert, q.slot, 2> -> !moe.selection<[token], expert, a.slot, 3>
  %k = moe.limit %a capacity %c : tensor<f32> over expert : !moe.selection<[token], expert, a.slot, 3>
  moe.output "k" = %k : !moe.selection<[token], expert, a.slot, 3>
})";
  Gates gates(text);
  gates.run(createMoeExpandLimit());
  std::mt19937 engine(1);
  Call call;
  call.tokens = 2;
  Arrays inputs;
  Gates::addInputs(*gates.before, inputs, call, engine);
  std::vector<double> expected{-1, -1, 4, -1, -1, 4};
  EXPECT_EQ(Gates::evaluate(*gates.before, inputs, call)["k"].data, expected);
  EXPECT_EQ(Gates::evaluate(*gates.after, inputs, call)["k"].data, expected);
}

} // namespace
} // namespace moe::test
