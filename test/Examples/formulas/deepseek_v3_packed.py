"""DeepSeek-V3 as practised: nodes by their best two, scaled weights, the loss counts the real route; packed sequences."""

from common import counts, gathered, logits, normalised, pieces, sigmoid
from deepseek_v3_printed import moved_bias, node_limited
import numpy as np

LOSSES = ["balance"]
P = {"alpha": 0.0001, "gamma": 0.001, "scale": 2.5}
CASES = [
    {"T": 24, "D": {"E": 12, "D": 4, "M": 2, "k": 4}, "P": P, "grad": True, "offsets": [0, 5, 5, 14, 24]},
    {"T": 100, "D": {"E": 64, "D": 8, "M": 4, "k": 8}, "P": P, "offsets": [0, 0, 1, 64, 64, 64, 99, 100, 100]},
    {"T": 3000, "D": {"E": 32, "D": 8, "M": 4, "k": 8}, "P": P, "offsets": [0, 1000, 1000, 1001, 2900, 3000]},
    {"T": 40, "D": {"E": 64, "D": 8, "M": 4, "k": 8}, "P": P, "offsets": [0, 40]},
    # 4000 sequences of 0 to 3 tokens
    {"T": 6000, "D": {"E": 8, "D": 4, "M": 2, "k": 2}, "P": P, "offsets": [i // 4 * 6 + (0, 0, 1, 3)[i % 4] for i in range(4001)]},
]


def inputs(case, rng):
    E = case["D"]["E"]
    return {"logits": logits(rng, case["T"], E), "offsets": np.array(case["offsets"], dtype=np.int32),
            "state.bias": (0.05 * rng.normal(size=E)).astype(np.float32)}


def gate(x, c, p, call):
    E, k = x["logits"].shape[1], c["k"]
    s = sigmoid(x["logits"])
    route = node_limited(s + x["state.bias"], c["D"], c["M"], k, 2)
    share = s / s.sum(axis=1, keepdims=True)
    losses = []
    for piece in pieces(x["offsets"]):
        if len(piece):
            n = len(piece)
            losses.append((E / (k * n) * counts(route, E, piece) * share[list(piece)].sum(axis=0) / n).sum())
    return {"weight": normalised(gathered(s, route)) * p["scale"], "route": route,
            "balance": p["alpha"] * sum(losses) / len(losses), "state.bias": moved_bias(x["state.bias"], route, p["gamma"])}
