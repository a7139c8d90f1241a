// The targets, each in a file of its own; Check.cpp has the table.
#pragma once
#include "test/Random/Check.h"

namespace moe::test::random {

void checkCpu(const Subject &subject, Report &report);
void checkEmulator(const Subject &subject, Report &report);
void checkGradient(const Subject &subject, Report &report);

} // namespace moe::test::random
