"""The gates of examples/, written down a second time from the papers' formulas, in NumPy and float64.

Nothing here is shared with the compiler, its interpreter or its tests. Each gate has

  consts, params     the spec's compile-time constants and run-time params with their defaults;
  inputs(c)          the shapes of its inputs, "T" for the number of tokens;
  route(x, c)        the experts of each token, best first, and per token the smallest difference between two scores that
                     decided something (0 for exact ties, which go to the lower index; inf where logits are compared);
  values(x, route, c, p)   everything else the spec writes, evaluated at that route, as name -> (value, scale): `scale` is
                     the sum of the absolute values of the terms, which is what an error is measured against.

Ties go to the lower index; NaN ranks below every number.
"""

import numpy as np

TOLERANCE = 1e-5  # of the sum of the absolute terms
GAP = 5e-7  # scores of about 1, computed in float32, that differ by less may be ordered either way


def top(scores, k, allowed=None):
    """Indices of the k greatest of each row, best first; elements that are not allowed rank below everything."""
    ranked = np.argsort(-scores, axis=-1, kind="stable")  # NumPy sorts NaN behind all numbers
    if allowed is not None:
        behind = np.argsort(~np.take_along_axis(allowed, ranked, -1), axis=-1, kind="stable")
        ranked = np.take_along_axis(ranked, behind, -1)
    return ranked[..., :k]


def smallest_gap(scores, k, allowed=None):
    """Per row: the least positive difference between neighbours among the k + 1 best; inf if there is none."""
    allowed = True if allowed is None else allowed
    ranked = np.sort(np.where(allowed & ~np.isnan(scores), scores, -np.inf), axis=-1)[..., : -k - 2 : -1]
    with np.errstate(invalid="ignore"):
        gaps = ranked[..., :-1] - ranked[..., 1:]
    return np.min(np.where(gaps > 0, gaps, np.inf), axis=-1, initial=np.inf)


def softmax(x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=-1, keepdims=True, initial=-np.inf))
        return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    with np.errstate(over="ignore", invalid="ignore"):
        return 1.0 / (1.0 + np.exp(-x))


def counts(route, n):
    return np.bincount(route.ravel(), minlength=n).astype(np.float64)


def groups_of(x, d):
    """[.., n] as [.., d, n / d]: groups are consecutive experts."""
    return x.reshape(*x.shape[:-1], d, x.shape[-1] // d)


def mask_of(route, n):
    mask = np.zeros((route.shape[0], n), dtype=bool)
    np.put_along_axis(mask, route, True, axis=1)
    return mask


def positive(value):
    """A value all of whose terms have one sign."""
    return value, np.abs(value)


def violation(f):
    """How far the greatest load is above the balanced one, which is 1."""
    return f.max() - 1, f.max() + 1


def loss(coefficient, f, P):
    terms = coefficient * f * P
    return terms.sum(), np.abs(terms).sum()


class Switch:
    """Fedus et al., Switch Transformers (2101.03961), eqs. 1-2, 4-6; no capacity."""

    consts = {"E": 64}
    params = {"alpha": 0.01}

    @staticmethod
    def inputs(c):
        return {"logits": ("T", c["E"])}

    @staticmethod
    def route(x, c):
        return top(x["logits"], 1), np.full(len(x["logits"]), np.inf)

    @staticmethod
    def values(x, route, c, p):
        T, N = x["logits"].shape
        s = softmax(x["logits"])  # eq. 1
        f = counts(route, N) / T  # eq. 5
        P = s.mean(axis=0)  # eq. 6
        return {
            "weight": positive(np.take_along_axis(s, route, 1)),  # eq. 2
            "balance": loss(p["alpha"] * N, f, P),  # eq. 4
            "max_violation": violation(N * f),
        }


class DeepSeekMoE:
    """DeepSeekMoE (2401.06066), eqs. 9-17: expert-level and device-level balance."""

    consts = {"E": 64, "D": 8, "k": 6}
    params = {"alpha1": 0.01, "alpha2": 0.05}

    @staticmethod
    def inputs(c):
        return {"logits": ("T", c["E"])}

    @staticmethod
    def route(x, c):
        return top(x["logits"], c["k"]), np.full(len(x["logits"]), np.inf)

    @staticmethod
    def values(x, route, c, p):
        T, N = x["logits"].shape
        s = softmax(x["logits"])
        f = N / (c["k"] * T) * counts(route, N)  # eq. 13
        P = s.mean(axis=0)  # eq. 14
        f_device = groups_of(f, c["D"]).mean(axis=1)  # eq. 16
        P_device = groups_of(P, c["D"]).sum(axis=1)  # eq. 17
        return {
            "weight": positive(np.take_along_axis(s, route, 1)),
            "expert_balance": loss(p["alpha1"], f, P),  # eq. 12
            "device_balance": loss(p["alpha2"], f_device, P_device),  # eq. 15
            "max_violation": violation(f),
        }


class DeepSeekV2:
    """DeepSeek-V2 (2405.04434), section 2.2: device-limited routing, three balance losses (eqs. 23-31)."""

    consts = {"E": 160, "D": 8, "M": 3, "k": 6}
    params = {"alpha1": 0.003, "alpha2": 0.05, "alpha3": 0.02, "scale": 1.0}

    @staticmethod
    def inputs(c):
        return {"logits": ("T", c["E"])}

    @staticmethod
    def route(x, c):
        x = x["logits"]
        best = groups_of(x, c["D"]).max(axis=-1)
        devices = mask_of(top(best, c["M"]), c["D"])
        allowed = np.repeat(devices, x.shape[1] // c["D"], axis=1)
        return top(x, c["k"], allowed), np.full(len(x), np.inf)

    @staticmethod
    def values(x, route, c, p):
        T, N = x["logits"].shape
        D, M, k = c["D"], c["M"], c["k"]
        s = softmax(x["logits"])
        f = N / (k * T) * counts(route, N)  # eq. 24
        P = s.mean(axis=0)  # eq. 25
        f_device = groups_of(f, D).mean(axis=1)  # eq. 27
        P_device = groups_of(P, D).sum(axis=1)  # eqs. 28 and 31
        reached = groups_of(mask_of(route, N), D).any(axis=2)
        f_sent = D / (M * T) * reached.sum(axis=0)  # eq. 30
        return {
            "weight": positive(p["scale"] * np.take_along_axis(s, route, 1)),  # eq. 21
            "expert_balance": loss(p["alpha1"], f, P),  # eq. 23
            "device_balance": loss(p["alpha2"], f_device, P_device),  # eq. 26
            "communication_balance": loss(p["alpha3"], f_sent, P_device),  # eq. 29
            "max_violation": violation(f),
        }


class DeepSeekV3:
    """DeepSeek-V3 (2412.19437), eqs. 12-20: sigmoid scores, selection bias, node-limited top-k, normalised weights; the
    balance loss over the whole batch instead of per sequence."""

    consts = {"E": 256, "D": 8, "M": 4, "k": 8, "n": 2}
    params = {"alpha": 0.0001, "scale": 2.5}

    @staticmethod
    def inputs(c):
        return {"logits": ("T", c["E"]), "bias": (c["E"],)}

    @staticmethod
    def route(x, c):
        biased = sigmoid(x["logits"]) + x["bias"]  # eqs. 15-16
        grouped = groups_of(biased, c["D"])
        node_score = np.take_along_axis(grouped, top(grouped, c["n"]), axis=-1).sum(axis=-1)
        nodes = mask_of(top(node_score, c["M"]), c["D"])
        allowed = np.repeat(nodes, biased.shape[1] // c["D"], axis=1)
        gap = np.minimum(smallest_gap(node_score, c["M"]), smallest_gap(biased, c["k"], allowed))
        return top(biased, c["k"], allowed), gap

    @staticmethod
    def values(x, route, c, p):
        T, E = x["logits"].shape
        k = c["k"]
        s = sigmoid(x["logits"])
        chosen = np.take_along_axis(s, route, 1)
        f = E / (k * T) * counts(top(s, k), E)  # eq. 18
        P = (s / s.sum(axis=1, keepdims=True)).mean(axis=0)  # eqs. 19-20
        balance, scale = loss(p["alpha"], f, P)  # eq. 17
        # A token whose unbiased scores are too close to call may count another expert.
        undecided = (smallest_gap(s, k) < GAP).sum()
        scale += undecided * p["alpha"] * E / (T * TOLERANCE) * (P.max() - P.min())
        return {
            "weight": positive(p["scale"] * chosen / chosen.sum(axis=1, keepdims=True)),  # eqs. 12-14
            "balance": (balance, scale),
            "max_violation": violation(E / (k * T) * counts(route, E)),
        }


GATES = {"switch": Switch, "deepseek_moe": DeepSeekMoE, "deepseek_v2": DeepSeekV2, "deepseek_v3": DeepSeekV3}
