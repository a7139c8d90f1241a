"""Loss-free balancing (2408.15664), algorithm 1, with sigmoid or softmax scores; cv2 penalties."""

from common import counts, cv2, gathered, logits, sigmoid, softmax_rows, topk_rows
import numpy as np

LOSSES = ["spread_P", "spread_f"]
CASES = [
    {"T": 24, "D": {"E": 8, "k": 3, "soft": soft}, "P": {"u": 0.001, "w_P": 0.1, "w_f": 0.2}, "grad": True} for soft in (0, 1)
] + [{"T": 400, "D": {"E": 64, "k": 6, "soft": soft}, "P": {"u": 0.001, "w_P": 0.0, "w_f": 0.0}} for soft in (0, 1)]


def inputs(case, rng):
    E = case["D"]["E"]
    return {"logits": logits(rng, case["T"], E), "state.bias": (0.05 * rng.normal(size=E)).astype(np.float32)}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    s = softmax_rows(x["logits"]) if c["soft"] else sigmoid(x["logits"])
    route = topk_rows(s + x["state.bias"], c["k"])
    c_i = counts(route, E)
    error = c_i.sum() / E - c_i
    bias = np.array([x["state.bias"][i] + p["u"] * np.sign(error[i]) for i in range(E)])
    return {"weight": gathered(s, route), "route": route, "spread_P": p["w_P"] * cv2(s.sum(axis=0) / T),
            "spread_f": p["w_f"] * cv2(c_i), "state.bias": bias}
