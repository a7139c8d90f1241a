"""ReMoE (2412.14711), section 3: ReLU routing with an adaptive, load-balancing L1 penalty."""

from common import logits
import numpy as np

LOSSES = ["regular"]
CASES = [
    {"T": 24, "D": {"E": 8}, "P": {"rate": 1.2}, "grad": True},
    {"T": 300, "D": {"E": 16, "k": 4}, "P": {"rate": 1.5}},
]


def inputs(case, rng):
    return {"logits": logits(rng, case["T"], case["D"]["E"]), "state.lambda": np.float32(0.001)}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c.get("k", 1)
    weight = np.maximum(x["logits"], 0.0)  # eq. 5
    active = [sum(weight[t, e] > 0 for t in range(T)) for e in range(E)]
    f = [E / (k * T) * active[e] for e in range(E)]
    sparsity = 1 - sum(active) / (T * E)
    regular = sum(f[e] * weight[t, e] for t in range(T) for e in range(E)) / T
    target = 1 - k / E
    step = p["rate"] if target > sparsity else 1 / p["rate"] if target < sparsity else 1.0
    return {"weight": weight, "regular": x["state.lambda"] * regular, "zeros": sparsity, "state.lambda": x["state.lambda"] * step}
