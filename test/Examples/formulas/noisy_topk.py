"""Shazeer et al. 2017 (1701.06538), section 2.1 and appendix A."""

from common import cv2, logits, normal, normal_cdf, softmax, softplus, topk
import numpy as np

LOSSES = ["importance", "balance"]
CASES = [
    {"T": 24, "D": {"E": 8, "k": 2}, "P": {"w_importance": 0.1, "w_load": 0.1}, "grad": True},
    {"T": 100, "D": {"E": 32, "k": 4}, "P": {"w_importance": 0.3, "w_load": 0.2}, "seed": 2**40 + 17, "offset": 5},
    {"T": 17, "D": {"E": 4, "k": 4}, "P": {"w_importance": 0.1, "w_load": 0.1}},  # k + 1 capped at E
]


def inputs(case, rng):
    T, E = case["T"], case["D"]["E"]
    return {"logits": logits(rng, T, E), "noise": rng.normal(size=(T, E)).astype(np.float32)}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c["k"]
    sigma = softplus(x["noise"])
    H = np.array([[x["logits"][t, e] + normal(call, 0, t, e) * sigma[t, e] for e in range(E)] for t in range(T)])  # eq. 4
    route = np.array([topk(H[t], k) for t in range(T)])  # eq. 5
    weight = np.array([softmax(H[t, route[t]]) for t in range(T)])  # eq. 3
    importance, load = np.zeros(E), np.zeros(E)
    for t in range(T):
        importance[route[t]] += weight[t]  # eq. 6
        for i in range(E):
            if i in route[t]:  # the k-th greatest of the others: eqs. 8-9
                others = sorted((H[t, e] for e in range(E) if e != i), reverse=True)
                threshold = others[k - 1] if k < E else min(H[t])
            else:
                threshold = sorted((H[t, e] for e in range(E) if e != i), reverse=True)[k - 1]
            load[i] += normal_cdf((x["logits"][t, i] - threshold) / sigma[t, i])  # eq. 10
    return {"weight": weight, "route": route,
            "importance": p["w_importance"] * cv2(importance), "balance": p["w_load"] * cv2(load)}  # eqs. 7 and 11
