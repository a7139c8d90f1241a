"""The published load_balancing_loss_func (test/Golden/README.md) as a gate over an axis of layers.

usage: golden_layers.py pack CASE_DIRECTORY LOGITS.npy VALID.npy
       golden_layers.py compare CASE_DIRECTORY RESULT_DIRECTORY

`pack` writes the logits of all layers as one array, and the attention mask (all ones where the case has none). `compare` wants the loss within 1e-5 of its value, and the gradients of all layers within 1e-5 of their
greatest; exactly 0 in the padding.
"""

import os
import sys

import numpy as np

TOLERANCE = 1e-5


def layers(case, name):
    """The arrays NAME0, NAME1, … of a case, stacked."""
    arrays = []
    while os.path.exists(os.path.join(case, f"{name}{len(arrays)}.npy")):
        arrays.append(np.load(os.path.join(case, f"{name}{len(arrays)}.npy")))
    return np.stack(arrays)


def valid_tokens(case):
    path = os.path.join(case, "attention_mask.npy")
    if not os.path.exists(path):
        return np.ones(layers(case, "gate_logits_layer").shape[1], dtype=bool)
    return np.load(path).reshape(-1) != 0


def pack(case, logits, valid):
    np.save(logits, layers(case, "gate_logits_layer"))
    np.save(valid, valid_tokens(case))


def compare(case, result):
    loss, expected = float(np.load(os.path.join(result, "balance.npy"))), float(np.load(os.path.join(case, "loss.npy")))
    error = abs(loss - expected) / expected
    if not error <= TOLERANCE:
        sys.exit(f"loss {loss:.9g}, expected {expected:.9g}")
    gradient = np.load(os.path.join(result, "grad_logits.npy")).astype(np.float64)
    golden = layers(case, "grad_logits_layer").astype(np.float64)
    if np.any(gradient[:, ~valid_tokens(case)] != 0):
        sys.exit("the gradient of padding is not 0")
    gradient_error = np.max(np.abs(gradient - golden)) / np.max(np.abs(golden))
    if not gradient_error <= TOLERANCE:
        sys.exit(f"gradients differ by {gradient_error:.3g} of the greatest")
    print(f"loss within {error:.1e}, gradients within {gradient_error:.1e} of the greatest")


def main():
    if len(sys.argv) < 2 or (sys.argv[1], len(sys.argv)) not in (("pack", 5), ("compare", 4)):
        sys.exit(__doc__)
    {"pack": pack, "compare": compare}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
