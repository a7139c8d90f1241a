"""Compares the gradients that moe-run saved for small.moe with the closed form.

usage: gradients.py IN OUT SCALE [GRAD_WEIGHT]: the folder of inputs (logits_uneven), the folder of results, the scale of `balance`, and
the file in IN with the gradient of `weight` (none: zero).

With s = softmax(logits) and f without a gradient, d(balance) / ds[t, e] = alpha f[e] / T, and the gradient of the
logits is s (g - sum(g s)) for the gradient g of s.
"""

import os
import sys

import numpy as np


def load(folder, name):
    return np.load(os.path.join(folder, name + ".npy")).astype(np.float64)


given, results, scale = sys.argv[1], sys.argv[2], float(sys.argv[3])
logits, route = load(given, "logits_uneven"), load(results, "route").astype(int)
tokens, experts = logits.shape
s = np.exp(logits - logits.max(axis=1, keepdims=True))
s /= s.sum(axis=1, keepdims=True)
f = np.bincount(route.ravel(), minlength=experts) * experts / (2 * tokens)
g = np.broadcast_to(scale * 0.5 * f / tokens, s.shape).copy()
if len(sys.argv) > 4:
    np.add.at(g, (np.arange(tokens)[:, None], route), load(given, sys.argv[4]))
expected = s * (g - (g * s).sum(axis=1, keepdims=True))
grad = load(results, "grad_logits")
assert grad.shape == expected.shape, grad.shape
error = np.abs(grad - expected).max() / np.abs(expected).max()
print(f"error {'small' if error < 1e-5 else error}, norm {np.sqrt((grad * grad).sum()):.5g}")
