"""Compares gradients that moe-run saved with gradients of a published gate (test/Golden/README.md).

usage: golden_gradient.py align CASE_DIRECTORY FORWARD_DIRECTORY GRAD.npy
       golden_gradient.py compare CASE_DIRECTORY BACKWARD_DIRECTORY ARRAY

`align` writes the case's upstream gradient of the weights in the order of slots of the route that moe-run saved, since a
published gate leaves that order open. `compare` wants the greatest difference between `grad_logits` and the case's
ARRAY within 1e-5 of the greatest expected value.
"""

import os
import sys

import numpy as np

NORM = 1e-5


def align(case, forward, target):
    golden_route = np.load(os.path.join(case, "topk_idx.npy")).astype(np.int64)
    golden = np.load(os.path.join(case, "g.npy"))
    route = np.load(os.path.join(forward, "route.npy")).astype(np.int64)
    experts = np.load(os.path.join(case, "logits.npy")).shape[1]
    rows = np.full((len(route), experts), np.nan, np.float32)
    np.put_along_axis(rows, golden_route, golden, axis=1)
    aligned = np.take_along_axis(rows, route, axis=1)
    if np.isnan(aligned).any():
        sys.exit("the routes differ: see golden.py")
    np.save(target, aligned)


def compare(case, backward, array):
    expected = np.load(os.path.join(case, array + ".npy")).astype(np.float64)
    got = np.load(os.path.join(backward, "grad_logits.npy")).astype(np.float64)
    if got.shape != expected.shape:
        sys.exit(f"grad_logits has shape {got.shape}, expected {expected.shape}")
    error = float(np.max(np.abs(got - expected)) / np.max(np.abs(expected)))
    if not error <= NORM:
        sys.exit(f"{array} differs by {error:.3g} of its greatest value, allowed {NORM:g}")
    print(f"{array} within {error:.1e} of its greatest value")


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("align", "compare"):
        sys.exit(__doc__)
    {"align": align, "compare": compare}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
