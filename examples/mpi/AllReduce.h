/// All-reduce of a gate's accumulator block: what turns losses of each rank into losses of all ranks.
#ifndef MOE_EXAMPLES_MPI_ALLREDUCE_H
#define MOE_EXAMPLES_MPI_ALLREDUCE_H
#include "moe/runtime.h"

#include <mpi.h>

namespace ranks {

/// Merges the blocks of all ranks of `communicator` into each: token counts are added, accumulators combined as
/// `gate.accumulators` says. To be called by every rank between MOE_ACCUMULATE and MOE_FINISH. One collective for the
/// whole block, merged in the order of the ranks, so that a run's results do not depend on who comes first.
void allReduce(const moe_gate &gate, void *accumulators, MPI_Comm communicator);

} // namespace ranks
#endif
