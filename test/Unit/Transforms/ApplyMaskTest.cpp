// moe-apply-mask against the interpreter, which knows masks, pieces and empty slots by definition: every result is the
// same before and after, with NaN in the padding; and the gradients of what the pass wrote against finite differences.
#include "Gradients.h"

using namespace mlir;
namespace moe::test {
namespace {

const char *const kinds[] = {"sum", "mean", "max", "min", "maxnum", "var", "std", "cv2", "logsumexp"};

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Everything valid, some masked, a whole piece masked, nothing valid; with empty pieces at each place.
std::vector<Call> calls(bool masked, bool packed) {
  std::vector<Call> result;
  for (std::vector<double> valid : {std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1},
                                    {1, 0, 1, 1, 1, 0, 0, 1, 0},
                                    {1, 1, 0, 0, 0, 0, 1, 0, 1},
                                    {0, 0, 0, 0, 0, 0, 0, 0, 0}})
    for (std::vector<double> offsets : {std::vector<double>{0, 3, 6, 9}, {0, 0, 2, 2, 7, 9, 9}, {0, 9}}) {
      Call call;
      if (masked)
        call.valid = valid;
      if (packed)
        call.offsets = offsets;
      result.push_back(call);
    }
  return result;
}

void checkSame(const std::string &text, bool masked, bool packed) {
  Gates gates(text);
  ASSERT_TRUE(gates.before);
  gates.run(createMoeApplyMask());
  std::mt19937 engine(3);
  for (const Call &call : calls(masked, packed)) {
    Arrays inputs;
    Gates::addInputs(*gates.before, inputs, call, engine);
    expectSame(Gates::evaluate(*gates.before, inputs, call), Gates::evaluate(*gates.after, inputs, call),
               "\n" + gates.text());
  }
}

/// The derivative of what the pass makes of `text` is that of `text`.
void checkGradient(const std::string &text, const Call &call) {
  Gates gates(text);
  ASSERT_TRUE(gates.before);
  gates.run(createMoeApplyMask());
  gates.differentiate();
  gates.run();
  std::mt19937 engine(5);
  Arrays inputs, all;
  Gates::addInputs(*gates.before, inputs, call, engine);
  all = inputs;
  Gates::addInputs(*gates.after, all, call, engine);
  addScales(Gates::gate(*gates.after), all, engine);
  Arrays gradients = Gates::evaluate(*gates.after, all, call);
  expectNoGradientWhereMasked(inputs, gradients, call);
  expectDifferences(Gates::gate(*gates.before), inputs, all, gradients, call, 1e-3, gates.text());
}

const char *const declarations = R"(moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
)";
const char *const maskText = R"(
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
)";
const char *const offsetsText = R"(  moe.axis @sequence of @token offsets "o"
  %offsets = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
)";
const char *const lengthText = "  moe.axis @sequence of @token length 3\n";
const char *const inputText = R"(
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %one = arith.constant dense<1.0> : tensor<f32>
  %ones = moe.broadcast %one : tensor<f32> to tensor<?x4xf32, #moe.axes<token, expert>>
  %sq = arith.mulf %x, %x : tensor<?x4xf32, #moe.axes<token, expert>>
  %y = arith.addf %sq, %ones : tensor<?x4xf32, #moe.axes<token, expert>>
)";

/// A reduction of y over the tokens, reported as a metric and, its elements combined, as a loss.
std::string overTokens(const std::string &kind) {
  return "  %r = moe.reduce " + kind +
         " %y over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>\n"
         "  %q = arith.mulf %r, %r : tensor<4xf32, #moe.axes<expert>>\n"
         "  %l = moe.reduce sum %q over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>\n"
         "  %a = moe.reduce " +
         kind +
         " %y over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32>\n"
         "  moe.loss \"l\" = %l : tensor<f32>\n  moe.loss \"a\" = %a : tensor<f32>\n}\n";
}

/// `kind` of each piece, and of that over the pieces.
std::string overPieces(const std::string &kind, const std::string &inner) {
  return "  %r = moe.reduce " + inner +
         " %y over [token] to sequence : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x4xf32, "
         "#moe.axes<sequence, expert>>\n  %p = moe.reduce " +
         kind +
         " %r over [sequence] : tensor<?x4xf32, #moe.axes<sequence, expert>> -> tensor<4xf32, #moe.axes<expert>>\n"
         "  %l = moe.reduce sum %p over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>\n"
         "  %s = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>\n"
         "  %m = moe.reduce max %s over [sequence] : tensor<?xi32, #moe.axes<sequence>> -> tensor<i32>\n"
         "  %n = moe.size sequence : tensor<i32>\n  %t = moe.size token : tensor<i32>\n"
         "  moe.metric \"longest\" = %m : tensor<i32>\n  moe.metric \"sequences\" = %n : tensor<i32>\n"
         "  moe.metric \"tokens\" = %t : tensor<i32>\n"
         "  %e = moe.expand %r from sequence to token : tensor<?x4xf32, #moe.axes<sequence, expert>> to "
         "tensor<?x4xf32, #moe.axes<token, expert>>\n"
         "  %d = arith.subf %y, %e : tensor<?x4xf32, #moe.axes<token, expert>>\n"
         "  moe.output \"d\" = %d : tensor<?x4xf32, #moe.axes<token, expert>>\n"
         "  moe.loss \"l\" = %l : tensor<f32>\n}\n";
}

TEST(ApplyMask, ReductionsOverTokens) {
  for (const char *kind : kinds) {
    SCOPED_TRACE(kind);
    checkSame(std::string(declarations) + inputText + maskText + overTokens(kind), true, false);
  }
}

TEST(ApplyMask, ReductionsOverPieces) {
  for (const char *kind : kinds) {
    SCOPED_TRACE(kind);
    for (const char *inner : {"sum", "mean", "max", "logsumexp"}) {
      SCOPED_TRACE(inner);
      checkSame(std::string(declarations) + offsetsText + inputText + overPieces(kind, inner), false, true);
      checkSame(std::string(declarations) + offsetsText + inputText + maskText + overPieces(kind, inner), true, true);
      checkSame(std::string(declarations) + lengthText + inputText + maskText + overPieces(kind, inner), true, false);
    }
  }
}

TEST(ApplyMask, GradientsOfReductions) {
  Call call = calls(true, true)[4];
  for (const char *kind : kinds) {
    SCOPED_TRACE(kind);
    checkGradient(std::string(declarations) + inputText + maskText + overTokens(kind), call);
    for (const char *inner : {"sum", "mean", "max", "logsumexp"}) {
      SCOPED_TRACE(inner);
      checkGradient(std::string(declarations) + offsetsText + inputText + overPieces(kind, inner),
                    calls(false, true)[4]);
      checkGradient(std::string(declarations) + offsetsText + inputText + maskText + overPieces(kind, inner), call);
    }
  }
}

// log(x * scale) is -inf at the 0 that stands for padding; the gradient of `scale` sums over all tokens.
TEST(ApplyMask, InfinityInThePaddingReachesNoGradient) {
  std::string text = replaced(std::string(declarations), "@g", "@g gradient [\"x\", \"scale\"]") + inputText +
                     maskText +
                     R"(
  %scale = moe.input "scale" : tensor<4xf32, #moe.axes<expert>>
  %s = moe.broadcast %scale : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %p = arith.mulf %sq, %s : tensor<?x4xf32, #moe.axes<token, expert>>
  %pp = arith.mulf %p, %p : tensor<?x4xf32, #moe.axes<token, expert>>
  %g = math.log %pp : tensor<?x4xf32, #moe.axes<token, expert>>
  %n = moe.softmax %g over token : tensor<?x4xf32, #moe.axes<token, expert>>
  %h = moe.shift %g, 2 over token : tensor<?x4xf32, #moe.axes<token, expert>>
  %l = moe.reduce mean %g over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
  moe.output "n" = %n : tensor<?x4xf32, #moe.axes<token, expert>>
})";
  Call call = calls(true, false)[4];
  checkGradient(text, call);
  text.replace(text.rfind("  moe.output"), 0, "  moe.output \"h\" = %h : tensor<?x4xf32, #moe.axes<token, expert>>\n");
  checkSame(text, true, false);
}

TEST(ApplyMask, FunctionsAlongTheTokens) {
  for (const char *function : {"moe.softmax %y over token", "moe.normalize %y over token",
                               "moe.standardize %y, 1.0e-3 over token", "moe.softmax %y over expert"}) {
    std::string text = std::string(declarations) + inputText + maskText + "  %n = " + function +
                       " : tensor<?x4xf32, #moe.axes<token, expert>>\n"
                       "  moe.output \"n\" = %n : tensor<?x4xf32, #moe.axes<token, expert>>\n}";
    checkSame(text, true, false);
    checkGradient(text, calls(true, false)[4]);
  }
}

/// Reductions and functions along slots of a selection that `make` makes as %r.
std::string overSlots(const std::string &make, const std::string &kind) {
  std::string text = make + R"(
  %w = moe.gather %y[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, SEL -> SLOTS
  %a = moe.reduce KIND %w over [r.slot] valid %r : SEL : SLOTS -> tensor<?xf32, #moe.axes<token>>
  %b = moe.reduce KIND %w over [token, r.slot] valid %r : SEL : SLOTS -> tensor<f32>
  %c = moe.softmax %w over r.slot valid %r : SEL : SLOTS
  %d = moe.normalize %w over r.slot valid %r : SEL : SLOTS
  %e = moe.chosen %r : SEL -> tensor<?x4xi1, #moe.axes<token, expert>>
  %f = arith.extui %e : tensor<?x4xi1, #moe.axes<token, expert>> to tensor<?x4xi32, #moe.axes<token, expert>>
  %h = moe.reduce sum %f over [token] : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>>
  moe.output "a" = %a : tensor<?xf32, #moe.axes<token>>
  moe.loss "b" = %b : tensor<f32>
  moe.output "c" = %c : SLOTS
  moe.output "d" = %d : SLOTS
  moe.metric "load" = %h : tensor<4xi32, #moe.axes<expert>>
  moe.output "r" = %r : SEL
}
)";
  text = replaced(replaced(text, "KIND", kind), "SLOTS", "tensor<?x3xf32, #moe.axes<token, r.slot>>");
  return replaced(text, "SEL", "!moe.selection<[token], expert, r.slot, 3>");
}

const char *const makes[] = {
    // never empty where the token is valid
    "  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> SEL\n",
    // empty where the input says so
    "  %i = moe.input \"i\" : tensor<?x3xi32, #moe.axes<token, r.slot>>\n"
    "  %r = moe.forced %i : tensor<?x3xi32, #moe.axes<token, r.slot>> -> SEL\n",
    // empty where a condition says so
    "  %q = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> SEL\n"
    "  %k = moe.gather %x[%q] : tensor<?x4xf32, #moe.axes<token, expert>>, SEL -> SLOTS\n"
    "  %z = moe.broadcast %one : tensor<f32> to SLOTS\n  %o = arith.cmpf olt, %k, %z : SLOTS\n"
    "  %r = moe.filter %q by %o : SEL, tensor<?x3xi1, #moe.axes<token, r.slot>>\n",
    // an appended slot is always filled
    "  %q = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, "
    "q.slot, 2>\n  %r = moe.append %q, [1] : !moe.selection<[token], expert, q.slot, 2> -> SEL\n"};

std::string withForcedSlots(const std::string &make) {
  return replaced(declarations, "size 4\n",
                  make.find("moe.forced") == std::string::npos ? "size 4\n" : "size 4\n  moe.axis @r.slot size 3\n");
}

TEST(ApplyMask, EmptySlots) {
  for (const char *make : makes)
    for (const char *kind : kinds) {
      SCOPED_TRACE(kind);
      std::string slots = overSlots(make, kind);
      checkSame(withForcedSlots(make) + inputText + slots, false, false);
      checkSame(withForcedSlots(make) + inputText + maskText + slots, true, false);
    }
}

TEST(ApplyMask, GradientsOfEmptySlots) {
  for (const char *make : makes)
    for (const char *kind : {"sum", "max", "mean", "logsumexp"}) {
      SCOPED_TRACE(kind);
      std::string slots = overSlots(make, kind);
      if (std::string(kind) != "sum") // the others are not finite over nothing: as a loss only
        slots = replaced(slots, "  moe.output \"a\" = %a : tensor<?xf32, #moe.axes<token>>\n", "");
      checkGradient(withForcedSlots(make) + inputText + maskText + slots, calls(true, false)[4]);
    }
}

} // namespace
} // namespace moe::test
