// All operations of the moe dialect.
#ifndef MOE_OPS_TD
#define MOE_OPS_TD
include "dialects/Moe/IR/MoeDialect.td"
include "dialects/Moe/IR/MoeStructureOps.td"
include "dialects/Moe/IR/MoeComputeOps.td"
#endif
