"""DeepSeekMoE (2401.06066), eqs. 9-17, with two shared experts as slots that are always on."""

from common import counts, gathered, only_logits as inputs, softmax_rows, topk_rows
import numpy as np

LOSSES = ["expert_balance", "device_balance"]
P = {"alpha1": 0.001, "alpha2": 0.05}
CASES = [
    {"T": 24, "D": {"E": 8, "D": 2, "k": 3}, "P": P, "grad": True},
    {"T": 300, "D": {"E": 64, "D": 8, "k": 6}, "P": P},
]


def gate(x, c, p, call):
    T, N = x["logits"].shape
    k, D = c["k"], c["D"]
    s = softmax_rows(x["logits"])
    routed = topk_rows(s, k)
    f = N / (k * T) * counts(routed, N)  # eq. 13
    P_i = s.sum(axis=0) / T  # eq. 14
    devices = [range(d * N // D, (d + 1) * N // D) for d in range(D)]
    return {"weight": np.concatenate([gathered(s, routed), np.ones((T, 2))], axis=1),
            "route": np.concatenate([routed, np.tile([N, N + 1], (T, 1))], axis=1),
            "expert_balance": p["alpha1"] * (f * P_i).sum(),  # eq. 12
            "device_balance": p["alpha2"] * sum(np.mean(f[list(d)]) * np.sum(P_i[list(d)]) for d in devices)}  # eqs. 15-17
