"""DeepSeek-V3 (2412.19437), eqs. 12-20, as printed; sequences of one length."""

from common import counts, fixed_pieces, gathered, logits, normalised, sigmoid, topk, topk_rows
import numpy as np

LOSSES = ["balance"]
P = {"alpha": 0.0001, "gamma": 0.001}
CASES = [
    {"T": 24, "D": {"E": 12, "D": 4, "M": 2, "k": 4, "L": 8}, "P": P, "grad": True, "data": 1},
    {"T": 240, "D": {"E": 64, "D": 8, "M": 4, "k": 8, "L": 48}, "P": {"alpha": 1.0, "gamma": 0.01}, "skew": 1.0},
]


def inputs(case, rng):
    E = case["D"]["E"]
    return {"logits": logits(rng, case["T"], E), "state.bias": (0.05 * rng.normal(size=E)).astype(np.float32)}


def node_limited(b, D, M, k, n):
    """The k best of the M nodes whose n best scores sum to most: section 2.1.2."""
    E = b.shape[1]
    nodes = [range(d * E // D, (d + 1) * E // D) for d in range(D)]
    route = np.zeros((len(b), k), dtype=np.int64)
    for t, row in enumerate(b):
        reach = topk([sum(sorted((row[e] for e in node), reverse=True)[:n]) for node in nodes], M)
        route[t] = topk(row, k, [e for d in reach for e in nodes[d]])
    return route


def moved_bias(bias, route, gamma):
    """Down where an expert is overloaded, up where it is underloaded."""
    load = counts(route, len(bias))
    mean = load.sum() / len(bias)
    return np.array([b - gamma if c > mean else b + gamma if c < mean else b for b, c in zip(bias, load)])


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k, L = c["k"], c["L"]
    s = sigmoid(x["logits"])  # eq. 15
    route = node_limited(s + x["state.bias"], c["D"], c["M"], k, k // c["M"])  # eq. 16
    plain = topk_rows(s, k)
    share = s / s.sum(axis=1, keepdims=True)  # eq. 19
    losses = [(E / (k * L) * counts(plain, E, piece) * share[list(piece)].sum(axis=0) / L).sum() for piece in fixed_pieces(T, L)]
    return {"weight": normalised(gathered(s, route)), "route": route,  # eqs. 12-14
            "balance": p["alpha"] * sum(losses) / len(losses),  # eq. 17
            "state.bias": moved_bias(x["state.bias"], route, p["gamma"])}
