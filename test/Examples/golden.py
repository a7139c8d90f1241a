"""Compares what moe-run saved with arrays that a published gate computed (test/Golden/README.md).

usage: golden.py CASE_DIRECTORY RESULT_DIRECTORY --weight NAME [--loss NAME]

Routes must be the same sets. Weights, aligned by expert, and the loss must agree within 1e-5 of each expected value.
"""

import argparse
import os
import sys

import numpy as np

RTOL = 1e-5


def dense(route, weight, experts):
    result = np.full((len(route), experts), np.nan)
    np.put_along_axis(result, route.astype(np.int64), weight.astype(np.float64), axis=1)
    return result


def worst(got, expected):
    """The greatest |got - expected| / |expected|."""
    return float(np.max(np.abs(got - expected) / np.abs(expected)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("result")
    parser.add_argument("--weight", required=True)
    parser.add_argument("--loss")
    options = parser.parse_args()

    def expected(name):
        return np.load(os.path.join(options.case, name + ".npy"))

    def got(name):
        return np.load(os.path.join(options.result, name + ".npy"))

    route, golden_route = got("route"), expected("topk_idx")
    if route.shape != golden_route.shape:
        sys.exit(f"route has shape {route.shape}, expected {golden_route.shape}")
    different = np.nonzero((np.sort(route, axis=1) != np.sort(golden_route, axis=1)).any(axis=1))[0]
    if len(different):
        t = different[0]
        sys.exit(f"{len(different)} of {len(route)} tokens have another route; token {t}: got {sorted(route[t])}, "
                 f"expected {sorted(golden_route[t])}")
    experts = expected("logits").shape[1]
    weights = dense(route, got(options.weight), experts)
    golden_weights = dense(golden_route, expected("topk_weight"), experts)
    chosen = ~np.isnan(golden_weights)
    error = worst(weights[chosen], golden_weights[chosen])
    if not error <= RTOL:
        sys.exit(f"weights differ by up to {error:.3g} of the expected value, allowed {RTOL:g}")
    report = f"same routes of {len(route)} tokens, weights within {error:.1e}"
    if options.loss:
        error = worst(got(options.loss), expected("aux_loss"))
        if not error <= RTOL:
            sys.exit(f"loss {got(options.loss)!r}, expected {expected('aux_loss')!r}: differs by {error:.3g}")
        report += f", loss within {error:.1e}"
    print(report)


if __name__ == "__main__":
    main()
