"""DeepSeek-V2 (2405.04434), section 2.2: device-limited routing, eqs. 23-31, device-level token dropping."""

from common import counts, gathered, limit, logits, softmax_rows, topk
import numpy as np

LOSSES = ["expert_balance", "device_balance", "communication_balance"]
P = {"alpha1": 0.003, "alpha2": 0.05, "alpha3": 0.02}
CASES = [
    {"T": 24, "D": {"E": 12, "D": 4, "M": 2, "k": 3}, "P": P, "grad": True},
    {"T": 200, "D": {"E": 32, "D": 4, "M": 2, "k": 4}, "P": P, "skew": 1.0},
    {"T": 2000, "D": {"E": 32, "D": 4, "M": 2, "k": 4}, "P": P, "skew": 0.3},
]


def inputs(case, rng):
    return {"logits": logits(rng, case["T"], case["D"]["E"], case.get("skew", 0.5)), "exempt": rng.random(case["T"]) < 0.1}


def gate(x, c, p, call):
    T, N = x["logits"].shape
    D, M, k = c["D"], c["M"], c["k"]
    device = [e * D // N for e in range(N)]
    members = [[e for e in range(N) if device[e] == d] for d in range(D)]
    s = softmax_rows(x["logits"])
    best = np.zeros((T, k), dtype=np.int64)
    for t in range(T):
        reach = topk([max(s[t, e] for e in members[d]) for d in range(D)], M)
        best[t] = topk(s[t], k, [e for e in range(N) if device[e] in reach])
    affinity = gathered(s, best)
    route = limit(best, k * T / D, priority=affinity, bin_of=device, exempt=x["exempt"])
    f, P_i = N / (k * T) * counts(best, N), s.sum(axis=0) / T  # eqs. 24-25
    f1 = [sum(f[e] for e in members[d]) / len(members[d]) for d in range(D)]  # eq. 27
    P1 = [sum(P_i[e] for e in members[d]) for d in range(D)]  # eqs. 28 and 31
    f2 = [D / (M * T) * sum(any(device[e] == d for e in best[t]) for t in range(T)) for d in range(D)]  # eq. 30
    return {"weight": gathered(s, route), "route": route, "expert_balance": p["alpha1"] * (f * P_i).sum(),
            "device_balance": p["alpha2"] * sum(a * b for a, b in zip(f1, P1)),
            "communication_balance": p["alpha3"] * sum(a * b for a, b in zip(f2, P1))}
