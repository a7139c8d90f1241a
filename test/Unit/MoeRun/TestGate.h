// A descriptor written by hand: 6 experts on 2 devices of unequal size on 1 rack, one input of each kind.
#ifndef MOE_TEST_UNIT_MOERUN_TESTGATE_H
#define MOE_TEST_UNIT_MOERUN_TESTGATE_H
#include "moe/runtime.h"

namespace moe::run::test {

inline constexpr int64_t rowSizes[] = {-1, 6}, slotSizes[] = {-1, 2}, biasSizes[] = {6}, idSizes[] = {-1};
inline constexpr const char *rowAxes[] = {"token", "expert"};
inline constexpr const char *slotAxes[] = {"token", "route.slot"};
inline constexpr const char *biasAxes[] = {"expert"};
inline constexpr int32_t deviceMap[] = {0, 1, 1, 1, 0, 1};

inline constexpr moe_axis axes[] = {
    {"token", -1, nullptr, nullptr, 0, nullptr, 0},    {"expert", 6, nullptr, nullptr, 0, nullptr, 0},
    {"device", 2, "expert", deviceMap, 0, nullptr, 0}, {"pair", 3, "expert", nullptr, 0, nullptr, 0},
    {"rack", 1, "device", nullptr, 0, nullptr, 0},     {"route.slot", 2, nullptr, nullptr, 0, nullptr, 0}};

inline constexpr moe_array arrays[] = {{"logits", MOE_INPUT, MOE_F32, 2, 0, rowSizes, rowAxes, 0, 0, 0},
                                       {"bias", MOE_INPUT, MOE_BF16, 1, 0, biasSizes, biasAxes, 0, 0, 0},
                                       {"alpha", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 0.25, 0, 0},
                                       {"route", MOE_OUTPUT, MOE_I32, 2, 0, slotSizes, slotAxes, 0, 0, 0},
                                       {"balance", MOE_LOSS, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0},
                                       {"z", MOE_LOSS, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0},
                                       {"load", MOE_METRIC, MOE_I32, 1, 0, biasSizes, biasAxes, 0, 0, 0},
                                       {"empty", MOE_STATUS_WORD, MOE_I32, 0, 0, nullptr, nullptr, 0, 0, 0}};

// The same with an integer input, which cannot be made up.
inline constexpr moe_array arraysWithIds[] = {arrays[0], {"ids", MOE_INPUT, MOE_I32, 1, 0, idSizes, rowAxes, 0, 0, 0}};

// A backward of `arrays`: it reads logits and route again, and gradients of two types come in and go out.
inline constexpr moe_array backwardArrays[] = {
    {"logits", MOE_INPUT, MOE_F32, 2, 0, rowSizes, rowAxes, 0, 0, 0},
    {"alpha", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 0.25, 0, 0},
    {"route", MOE_INPUT, MOE_I32, 2, 0, slotSizes, slotAxes, 0, 0, 0},
    {"saved_f", MOE_SAVED, MOE_F32, 1, 0, biasSizes, biasAxes, 0, 0, 0},
    {"scale_balance", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 1, 0, 0},
    {"grad_weight", MOE_INPUT, MOE_F32, 2, 0, slotSizes, slotAxes, 0, 0, 0},
    {"grad_logits", MOE_OUTPUT, MOE_F32, 2, MOE_ARRAY_ADDS, rowSizes, rowAxes, 0, 0, 0},
    {"grad_bias", MOE_OUTPUT, MOE_BF16, 1, MOE_ARRAY_ADDS, biasSizes, biasAxes, 0, 0, 0}};

inline moe_gate gateOf(const moe_array *table, uint32_t count) {
  moe_gate gate = {};
  gate.name = "tiny";
  gate.axis_count = 6;
  gate.axes = axes;
  gate.array_count = count;
  gate.arrays = table;
  return gate;
}

} // namespace moe::run::test
#endif
