// Pieces of pieces against the interpreter, which knows them by definition: moe-apply-mask, moe-decompose and
// moe-split-pieces change no result, with uneven and empty pieces on both levels and with a mask, and the gradients of
// what they write are the finite differences of the gate as it was written.
#include "Gradients.h"

using namespace mlir;
namespace moe::test {
namespace {

/// How a gate divides its tokens into sequences and these into documents.
struct Division {
  bool packedSequences, packedDocuments, masked;
};

std::vector<Division> divisions() {
  std::vector<Division> all;
  for (int bits = 0; bits < 8; ++bits)
    all.push_back({bool(bits & 1), bool(bits & 2), bool(bits & 4)});
  return all;
}

/// Twelve tokens: sequences of 2, or uneven and partly empty; documents of 2 or 3 sequences, or uneven and partly
/// empty.
std::vector<Call> callsOf(const Division &d) {
  std::vector<Call> calls;
  std::vector<double> none(12, 0), some{1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}, all(12, 1);
  for (const std::vector<double> &valid : {all, some, none}) {
    Call call;
    call.tokens = 12;
    if (d.masked)
      call.valid = valid;
    if (d.packedSequences)
      call.offsets = {0, 0, 5, 5, 6, 12, 12};
    call.outer = {0, 1, 1, 4, 6};
    calls.push_back(call);
    if (d.packedDocuments) {
      call.outer = {0, 6, 6};
      calls.push_back(call);
    }
  }
  if (d.packedSequences) { // the first three sequences, a document by length, hold no token
    Call call = calls[0];
    call.offsets = {0, 0, 0, 0, 6, 12, 12};
    calls.push_back(call);
  }
  return calls;
}

std::string declarations(const Division &d) {
  std::string text = "moe.gate @g {\n  moe.axis @token\n  moe.axis @expert size 3\n";
  text += d.packedSequences ? "  moe.axis @sequence of @token offsets \"o\"\n"
                            : "  moe.axis @sequence of @token length 2\n";
  text += d.packedDocuments ? "  moe.axis @document of @sequence offsets \"p\"\n"
                            : "  moe.axis @document of @sequence length 3\n";
  if (d.packedSequences)
    text += "  %o = moe.input \"o\" : tensor<?xi32, #moe.axes<sequence.bound>>\n";
  if (d.packedDocuments)
    text += "  %p = moe.input \"p\" : tensor<?xi32, #moe.axes<document.bound>>\n";
  if (d.masked)
    text += "  %v = moe.input \"valid\" : tensor<?xi1, #moe.axes<token>>\n  moe.mask token by %v : tensor<?xi1, "
            "#moe.axes<token>>\n";
  return text + R"(
  %x = moe.input "x" : tensor<?x3xf32, #moe.axes<token, expert>>
  %one = arith.constant dense<1.0> : tensor<f32>
  %ones = moe.broadcast %one : tensor<f32> to tensor<?x3xf32, #moe.axes<token, expert>>
  %sq = arith.mulf %x, %x : tensor<?x3xf32, #moe.axes<token, expert>>
  %y = arith.addf %sq, %ones : tensor<?x3xf32, #moe.axes<token, expert>>
)";
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// `inner` from tokens to documents, `outer` over these; the same by way of the sequences; what a document has, back at
/// its tokens.
std::string reductions(const std::string &inner, const std::string &outer) {
  const char *const text = R"(
  %d = moe.reduce INNER %y over [token] to document : TOKENS -> DOCUMENTS
  %l = moe.reduce OUTER %d over [document] : DOCUMENTS -> tensor<3xf32, #moe.axes<expert>>
  %ls = moe.reduce sum %l over [expert] : tensor<3xf32, #moe.axes<expert>> -> tensor<f32>
  %s = moe.reduce mean %y over [token] to sequence : TOKENS -> SEQUENCES
  %sd = moe.reduce OUTER %s over [sequence] to document : SEQUENCES -> DOCUMENTS
  %m = moe.reduce mean %sd over [document] : DOCUMENTS -> tensor<3xf32, #moe.axes<expert>>
  %ms = moe.reduce sum %m over [expert] : tensor<3xf32, #moe.axes<expert>> -> tensor<f32>
  %a = moe.reduce OUTER %s over [sequence, expert] : SEQUENCES -> tensor<f32>
  %e = moe.expand %d from document to token : DOCUMENTS to TOKENS
  %f = arith.mulf %y, %e : TOKENS
  moe.loss "l" = %ls : tensor<f32>
  moe.loss "m" = %ms : tensor<f32>
  moe.loss "a" = %a : tensor<f32>
  moe.output "f" = %f : TOKENS
}
)";
  std::string result = replaced(replaced(text, "INNER", inner), "OUTER", outer);
  result = replaced(result, "TOKENS", "tensor<?x3xf32, #moe.axes<token, expert>>");
  result = replaced(result, "SEQUENCES", "tensor<?x3xf32, #moe.axes<sequence, expert>>");
  return replaced(result, "DOCUMENTS", "tensor<?x3xf32, #moe.axes<document, expert>>");
}

const char *const sizes = R"(
  %a = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  %b = moe.size token to document : tensor<?xi32, #moe.axes<document>>
  %c = moe.size sequence to document : tensor<?xi32, #moe.axes<document>>
  %d = moe.size token : tensor<i32>
  %e = moe.size sequence : tensor<i32>
  %f = moe.size document : tensor<i32>
  %i = moe.index token to document : tensor<?xi32, #moe.axes<token>>
  %j = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  moe.output "a" = %a : tensor<?xi32, #moe.axes<sequence>>
  moe.output "b" = %b : tensor<?xi32, #moe.axes<document>>
  moe.output "c" = %c : tensor<?xi32, #moe.axes<document>>
  moe.metric "d" = %d : tensor<i32>
  moe.metric "e" = %e : tensor<i32>
  moe.metric "f" = %f : tensor<i32>
  moe.output "i" = %i : tensor<?xi32, #moe.axes<token>>
  moe.output "j" = %j : tensor<?xi32, #moe.axes<token>>
}
)";

/// Nothing is left that skips a level.
void expectNeighbours(GateOp gate) {
  gate.walk([&](ReduceOp op) {
    if (op.getTo() && lookupAxis(op, *op.getTo()).isPieces())
      EXPECT_EQ(*lookupAxis(op, *op.getTo()).getOf(), cast<StringAttr>(op.getOver()[0]).getValue());
  });
  gate.walk([&](ExpandOp op) { EXPECT_EQ(*lookupAxis(op, op.getFrom()).getOf(), op.getTo()); });
}

void checkSame(const std::string &text, const Division &division) {
  Gates gates(text);
  ASSERT_TRUE(gates.before);
  gates.run(createMoeApplyMask(), createMoeDecompose(), createMoeSplitPieces());
  expectNeighbours(Gates::gate(*gates.after));
  std::mt19937 engine(3);
  for (const Call &call : callsOf(division)) {
    Arrays inputs;
    Gates::addInputs(*gates.before, inputs, call, engine);
    expectSame(Gates::evaluate(*gates.before, inputs, call), Gates::evaluate(*gates.after, inputs, call),
               "\n" + text + gates.text());
  }
}

void checkGradient(const std::string &text, const Call &call) {
  Gates gates(text);
  ASSERT_TRUE(gates.before);
  gates.run(createMoeApplyMask());
  gates.differentiate();
  gates.run(createMoeDecompose(), createMoeSplitPieces());
  expectNeighbours(Gates::gate(*gates.after));
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

TEST(NestedPieces, ReductionsAndExpansions) {
  for (const Division &division : divisions())
    for (const char *inner : {"sum", "mean", "max", "min", "maxnum", "var", "std", "cv2", "logsumexp"})
      for (const char *outer : {"sum", "mean", "max", "logsumexp"}) {
        SCOPED_TRACE(std::string(inner) + " then " + outer);
        checkSame(declarations(division) + reductions(inner, outer), division);
      }
}

TEST(NestedPieces, SizesAndPositions) {
  for (const Division &division : divisions())
    checkSame(declarations(division) + sizes, division);
}

TEST(NestedPieces, Gradients) {
  for (const Division &division : divisions())
    for (const char *inner : {"sum", "mean", "max", "std", "logsumexp"})
      for (const char *outer : {"mean", "max", "logsumexp"}) {
        SCOPED_TRACE(std::string(inner) + " then " + outer);
        checkGradient(declarations(division) + reductions(inner, outer), callsOf(division)[division.masked ? 1 : 0]);
      }
}

// A float input on the coarsest pieces has a gradient; that of a document without tokens is 0.
TEST(NestedPieces, GradientOfAnInputOfDocuments) {
  for (const Division &division : divisions()) {
    std::string text = declarations(division) + R"(
  %w = moe.input "w" : tensor<?xf32, #moe.axes<document>>
  %t = moe.expand %w from document to token : tensor<?xf32, #moe.axes<document>> to tensor<?xf32, #moe.axes<token>>
  %b = moe.broadcast %t : tensor<?xf32, #moe.axes<token>> to tensor<?x3xf32, #moe.axes<token, expert>>
  %z = arith.mulf %y, %b : tensor<?x3xf32, #moe.axes<token, expert>>
  %l = moe.reduce sum %z over [token, expert] : tensor<?x3xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}
)";
    checkGradient(text, callsOf(division)[division.masked ? 1 : 0]);
  }
}

// The gradient of a shift is a shift in the other direction, within the pieces, past what is masked.
TEST(NestedPieces, GradientOfShift) {
  for (const Division &division : divisions())
    for (const char *distance : {"1", "3"}) {
      std::string text = declarations(division) + R"(
  %s = moe.shift %y, DISTANCE over token : tensor<?x3xf32, #moe.axes<token, expert>>
  %z = arith.mulf %s, %x : tensor<?x3xf32, #moe.axes<token, expert>>
  %l = moe.reduce sum %z over [token, expert] : tensor<?x3xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
  moe.output "s" = %s : tensor<?x3xf32, #moe.axes<token, expert>>
}
)";
      checkGradient(replaced(text, "DISTANCE", distance), callsOf(division)[division.masked ? 1 : 0]);
    }
}

} // namespace
} // namespace moe::test
