// Backward gates of whole systems: what moe-cut-backward makes of a backward gate, given what the forward gate has
// saved, gives the gradients of the program before the cut, and these are the finite differences of the spec.
#include "Gradients.h"
#include "compiler/Frontend/Frontend.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include <filesystem>

using namespace mlir;
namespace moe::test {
namespace {

class System {
public:
  explicit System(const std::string &file) {
    DialectRegistry registry;
    registry.insert<MoeDialect, arith::ArithDialect, math::MathDialect>();
    registerUpstreamAdjoints(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    auto buffer = llvm::MemoryBuffer::getFile(file);
    EXPECT_TRUE(buffer) << file;
    llvm::SourceMgr sources;
    FrontendOptions options;
    if ((*buffer)->getBuffer().contains("const S "))
      options.defines["S"] = "4"; // short pieces: few tokens whose route a finite step could change
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    SourceMgrDiagnosticHandler handler(sources, &context, llvm::nulls()); // R7 warns of some on purpose
    spec = importGate(sources, &context, options);
    EXPECT_TRUE(spec) << file;
    if (!spec)
      return;
    whole = spec->clone();
    PassManager prepare(&context);
    prepare.addNestedPass<GateOp>(createMoeApplyMask());
    prepare.addNestedPass<GateOp>(createMoeExpandLimit());
    simplify(prepare);
    EXPECT_TRUE(succeeded(prepare.run(*whole)));
    cut = whole->clone();
    EXPECT_TRUE(succeeded(differentiate(gates(*whole)[0])));
    PassManager separate(&context);
    separate.addPass(createMoeDeriveBackward());
    simplify(separate);
    separate.addPass(createMoeCutBackward());
    simplify(separate);
    EXPECT_TRUE(succeeded(separate.run(*cut)));
  }

  static SmallVector<GateOp> gates(ModuleOp module) { return llvm::to_vector(module.getOps<GateOp>()); }

  /// Priorities are compared by their bits, as targets do.
  static Arrays evaluate(GateOp gate, const Arrays &inputs, const Call &call) {
    return Gates::evaluate(gate, inputs, call, !gate.getBody().front().getOps<arith::BitcastOp>().empty());
  }
  /// The gradients by the two gates of `cut`.
  Arrays viaSaved(const Arrays &inputs, const Arrays &all, const Call &call) {
    Arrays saved = evaluate(gates(*cut)[0], inputs, call), given;
    GateOp backward = gates(*cut)[1];
    for (Operation &op : backward.getBody().front()) {
      if (!isa<InputOp, ParamOp>(op))
        continue;
      std::string name = op.getAttrOfType<StringAttr>("name").str();
      if (auto known = all.find(name); known != all.end())
        given[name] = known->second;
      else if (saved.count(name))
        given[name] = saved[name];
    }
    return evaluate(backward, given, call);
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> spec, whole, cut;

private:
  static void simplify(PassManager &passes) {
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  }
};

/// A call that suits the axes of the gate; some tokens are masked, some pieces empty.
Call callOf(GateOp gate) {
  Call call;
  call.tokens = 8;
  int64_t length = 1; // of the coarsest pieces, in tokens or in pieces that are packed
  SmallVector<AxisOp> pieces = pieceAxes(gate);
  for (AxisOp axis : pieces)
    if (axis.getLength())
      length *= static_cast<int64_t>(*axis.getLength());
  if (!pieces.empty() && pieces[0].getOffsets()) {
    call.offsets = {0, 3, 3, 8};
    for (int64_t i = 3; length > 1 && i < 2 * length; ++i)
      call.offsets.push_back(8);
  } else if (length > 1) {
    call.tokens = 2 * length;
  }
  if (pieces.size() > 1 && pieces[1].getOffsets())
    call.outer = {0, 1, static_cast<double>(Gates::sizeOf(gate, pieces[0].getSymName(), call))};
  if (maskOf(gate))
    for (int64_t i = 0; i < call.tokens; ++i)
      call.valid.push_back(i % 3 != 1);
  return call;
}

void checkSystem(const std::string &file) {
  SCOPED_TRACE(file);
  System system(file);
  ASSERT_TRUE(system.spec && system.cut);
  if (System::gates(*system.cut).size() < 2)
    return; // nothing has a gradient
  GateOp spec = System::gates(*system.spec)[0];
  Call call = callOf(spec);
  std::mt19937 engine(13);
  Arrays inputs, all;
  Gates::addInputs(spec, inputs, call, engine);
  all = inputs;
  GateOp whole = System::gates(*system.whole)[0];
  Gates::addInputs(whole, all, call, engine);
  addScales(whole, all, engine);
  Arrays gradients = System::evaluate(whole, all, call);
  expectNoGradientWhereMasked(inputs, gradients, call);
  expectDifferences(spec, inputs, all, gradients, call, 1e-5, file);
  expectSame(gradients, system.viaSaved(inputs, all, call), file);
}

TEST(Backward, EverySystem) {
  int count = 0;
  for (const char *folder : {MOE_SOURCE_DIR "/examples", MOE_SOURCE_DIR "/examples/systems"})
    for (const auto &entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".moe") {
        checkSystem(entry.path().string());
        ++count;
      }
  EXPECT_GE(count, 20);
}

} // namespace
} // namespace moe::test
