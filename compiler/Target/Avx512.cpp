// Nine operations of each exponential, and with them a third of its time, go into scaling by a power of two.
#include "compiler/Target/Avx512.h"
#include "llvm/ADT/bit.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace llvm::PatternMatch;

/// Rounding to an integer adds this; the low bits of the sum are the integer.
static constexpr float roundMagic = 0x1.8p+23f;

/// n as a float, from the sum that it was taken out of or from its bits.
static Value *asFloat(IRBuilder<> &builder, Value *n, Type *type) {
  Value *sum;
  if (match(n, m_Add(m_BitCast(m_Value(sum)), m_SpecificInt(APInt(32, -bit_cast<uint32_t>(roundMagic))))) &&
      sum->getType() == type)
    return builder.CreateFSub(sum, ConstantFP::get(type, roundMagic));
  return builder.CreateSIToFP(n, type);
}

/// The p and n of p 2^(n / 2) 2^(n - n / 2); false where `instruction` is something else.
static bool isScaling(Instruction &instruction, Value *&p, Value *&n) {
  Value *half, *rest;
  auto power = [](Value *&exponent) {
    return m_BitCast(m_Shl(m_Add(m_Value(exponent), m_SpecificInt(127)), m_SpecificInt(23)));
  };
  return match(&instruction, m_FMul(m_FMul(m_Value(p), power(half)), power(rest))) &&
         match(half, m_AShr(m_Value(n), m_SpecificInt(1))) && match(rest, m_Sub(m_Specific(n), m_Specific(half)));
}

void moe::useAvx512Scaling(Function &function) {
  auto *type = FixedVectorType::get(Type::getFloatTy(function.getContext()), 16);
  for (Instruction &instruction : make_early_inc_range(instructions(function))) {
    Value *p, *n;
    if (instruction.getType() != type || !isScaling(instruction, p, n))
      continue;
    IRBuilder<> builder(&instruction);
    constexpr int32_t allLanes = -1, currentRounding = 4;
    Value *scaled = builder.CreateIntrinsic(Intrinsic::x86_avx512_mask_scalef_ps_512, {},
                                            {p, asFloat(builder, n, type), Constant::getNullValue(type),
                                             builder.getInt16(allLanes), builder.getInt32(currentRounding)});
    instruction.replaceAllUsesWith(scaled);
    RecursivelyDeleteTriviallyDeadInstructions(&instruction);
  }
}
