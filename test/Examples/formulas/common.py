"""What the formulas of this folder share: functions of one row, selections by plain loops, capacity, random numbers, data.

Everything is float64 and written from definitions: the papers', and for random numbers and capacity those of docs/language.md.
Nothing here is shared with the compiler, its interpreter or test/Examples/reference.py.

A module NAME.py of this folder is the gate examples/systems/NAME.moe written down a second time:

  LOSSES              its losses; everything else that `gate` returns is an output, a metric or a state after the step
  CASES               what to run: dicts of `T`, `D` (consts), `P` (params), `grad` (compare gradients as well), `data`
                      (which random data), and whatever the module's `inputs` looks at
  inputs(case, rng)   the arrays of a call, by name
  gate(x, c, p, call) name -> value: outputs [T, ...], selections as integers (-1: empty), losses and metrics; a state after
                      the step as "state.NAME". `c` are the consts, `p` the params, `call` has seed and offset.
"""

import functools
import math
import statistics

import numpy as np

# -- Functions ----------------------------------------------------------------------------------------------------------


def softmax(row):
    e = np.exp(np.asarray(row, dtype=np.float64) - np.max(row))
    return e / e.sum()


def softmax_rows(x):
    return np.array([softmax(row) for row in x]).reshape(np.shape(x))


def logsumexp(row):
    return math.log(sum(math.exp(value) for value in row))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.asarray(x, dtype=np.float64)))


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, dtype=np.float64)))


def normal_cdf(x):
    return np.vectorize(lambda value: 0.5 * math.erfc(-value / math.sqrt(2.0)))(x)


def cv2(values):
    """Squared coefficient of variation, with the population's variance."""
    values = np.asarray(values, dtype=np.float64)
    mean = values.sum() / len(values)
    return float(((values - mean) ** 2).sum() / len(values) / mean**2)


# -- Selections ---------------------------------------------------------------------------------------------------------


def topk(row, k, allowed=None):
    """Indices of the k greatest, best first, ties to the lower index; only those in `allowed`."""
    left = list(range(len(row))) if allowed is None else sorted(allowed)
    picked = []
    for _ in range(k):
        best = left[0]
        for index in left:
            if row[index] > row[best]:
                best = index
        picked.append(best)
        left.remove(best)
    return picked


def topk_rows(x, k):
    return np.array([topk(row, k) for row in x], dtype=np.int64).reshape(len(x), k)


def counts(route, size, rows=None):
    """How often each element occurs in the given rows of a route."""
    result = np.zeros(size, dtype=np.int64)
    for t in range(len(route)) if rows is None else rows:
        for index in route[t]:
            if 0 <= index < size:
                result[index] += 1
    return result


def gathered(x, route):
    """x[t, route[t, j]], 0 in an empty slot."""
    result = np.zeros(route.shape)
    for t, j in np.ndindex(*route.shape):
        if 0 <= route[t, j] < x.shape[1]:
            result[t, j] = x[t, route[t, j]]
    return result


def normalised(weights):
    """Rows over their sums."""
    return weights / weights.sum(axis=1, keepdims=True)


def softmax_filled(values, route):
    """Softmax over the filled slots of each row; 0 in the others."""
    result = np.zeros(route.shape)
    for t in range(len(route)):
        filled = [j for j in range(route.shape[1]) if route[t, j] >= 0]
        if filled:
            result[t, filled] = softmax(values[t, filled])
    return result


def candidates(route, by_slot=False, priority=None):
    """The filled slots (t, j) in the order in which capacity takes them."""
    slots = [(t, j) for t in range(route.shape[0]) for j in range(route.shape[1]) if route[t, j] >= 0]
    if by_slot:
        slots.sort(key=lambda slot: (slot[1], slot[0]))
    if priority is not None:
        slots.sort(key=lambda slot: -priority[slot])
    return slots


def limit(route, capacity, by_slot=False, priority=None, bin_of=None, piece_of=None, exempt=None):
    """The slots that find room: floor(capacity) in each bin (an expert, or what `bin_of` makes of it) of each piece."""
    room = math.floor(max(capacity, 0))
    used, kept = {}, np.full_like(route, -1)
    for t, j in candidates(route, by_slot, priority):
        if exempt is not None and exempt[t]:
            kept[t, j] = route[t, j]
            continue
        where = (piece_of[t] if piece_of is not None else 0, bin_of[route[t, j]] if bin_of is not None else route[t, j])
        if used.get(where, 0) < room:
            used[where] = used.get(where, 0) + 1
            kept[t, j] = route[t, j]
    return kept


def limit_next(route, capacity, scores, rounds, by_slot=False):
    """As `limit`, but what finds no room proposes itself to the next best expert, once in every round."""
    room = math.floor(max(capacity, 0))
    kept = limit(route, capacity, by_slot)
    used = counts(kept, scores.shape[1])
    order = candidates(route, by_slot)
    refused = {(t, route[t, j]) for t, j in order if kept[t, j] < 0}
    for _ in range(rounds):
        proposals = []
        for t, j in order:
            free = [e for e in range(scores.shape[1]) if e not in kept[t] and (t, e) not in refused]
            if kept[t, j] < 0 and free:
                proposals.append((t, j, topk(scores[t], 1, free)[0]))
        for t, j, expert in proposals:
            if used[expert] < room and expert not in kept[t]:
                used[expert] += 1
                kept[t, j] = expert
            else:
                refused.add((t, expert))
    return kept


# -- Random numbers -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def philox(counter, key):
    """Philox 4x32 with 10 rounds (Salmon et al. 2011): four words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & 0xFFFFFFFF, (first >> 32) ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def word(call, stream, t, position):
    return philox((t, 0, ((stream << 20) + position) & 0xFFFFFFFF, call["offset"]),
                  (call["seed"] & 0xFFFFFFFF, call["seed"] >> 32))[0]


def uniform(call, stream, t, position=0):
    return (word(call, stream, t, position) >> 8) * 2.0**-24


def normal(call, stream, t, position=0):
    return statistics.NormalDist().inv_cdf((word(call, stream, t, position) >> 9) * 2.0**-23 + 2.0**-24)


# -- Data ---------------------------------------------------------------------------------------------------------------


def logits(rng, T, E, skew=0.5, gap=1e-3):
    """Rows of normal numbers, experts of uneven popularity, no two of a row closer than `gap`."""
    popularity = -skew * np.log(1.0 + rng.permutation(E))
    rows = np.zeros((T, E), dtype=np.float32)
    for t in range(T):
        while True:
            rows[t] = rng.normal(size=E) + popularity
            if E == 1 or np.diff(np.sort(rows[t])).min() > gap:
                break
    return rows


def only_logits(case, rng):
    """The inputs of a gate that has logits alone."""
    return {"logits": logits(rng, case["T"], case["D"]["E"], case.get("skew", 0.5))}


def pieces(offsets):
    """The tokens of each piece."""
    return [range(offsets[i], offsets[i + 1]) for i in range(len(offsets) - 1)]


def fixed_pieces(T, length):
    return pieces(list(range(0, T + 1, length)))
