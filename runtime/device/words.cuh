// Integers as random numbers need them: arithmetic modulo 2^32, and the upper half of a product. This text stands in
// generated sources that use it, behind the rows; it uses nothing of CUDA itself.
MOE_DEVICE int moe_add_words(int a, int b) { return static_cast<int>(moe_bits(a) + moe_bits(b)); }
MOE_DEVICE int moe_sub_words(int a, int b) { return static_cast<int>(moe_bits(a) - moe_bits(b)); }
MOE_DEVICE int moe_mul_words(int a, int b) { return static_cast<int>(moe_bits(a) * moe_bits(b)); }
// The upper half of the product of two unsigned words: one instruction.
MOE_DEVICE int moe_mul_high(int a, int b) {
  return static_cast<int>(static_cast<unsigned long long>(moe_bits(a)) * moe_bits(b) >> 32);
}
