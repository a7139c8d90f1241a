"""Percentiles of the load over the experts, by linear interpolation; its coefficient of variation; idle experts."""

from common import counts, cv2, only_logits as inputs, softmax, topk_rows
import math
import numpy as np

LOSSES = []
CASES = [{"T": 24, "D": {"E": 8, "k": 2}, "P": {}, "grad": True}, {"T": 200, "D": {"E": 128, "k": 8}, "P": {}, "skew": 1.0}]


def quantile(values, q):
    ranked = sorted(values)
    place = q * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (place - low) * (ranked[high] - ranked[low])


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c["k"]
    route = topk_rows(x["logits"], k)
    load = counts(route, E)
    f = load * E / (k * T)
    return {"weight": np.array([softmax(x["logits"][t, route[t]]) for t in range(T)]), "route": route,
            "p50": quantile(f, 0.5), "p95": quantile(f, 0.95), "p99": quantile(f, 0.99), "cv": math.sqrt(cv2(f)),
            "idle": (load == 0).sum()}
