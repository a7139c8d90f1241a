#!/usr/bin/env python3
"""Fits the polynomials of ExpandMath.cpp and InverseNormal.h and prints their coefficients and errors.

Each fit is minimax on Chebyshev nodes (least squares, reweighted by Lawson's rule until the greatest weighted error
stops falling), with mpmath for the function values. Coefficients are rounded to f32 one after the other, lowest degree
first, and the rest is refitted after each rounding, so that later coefficients make up for the rounding of earlier
ones. Needs numpy and mpmath; the build does not run it.
"""
import mpmath as mp
import numpy as np

mp.mp.dps = 40


def lawson(basis, target, weight, rounds=400):
    """Coefficients c that minimise max |weight * (basis @ c - target)|."""
    if basis.shape[1] == 0:
        return np.zeros(0)
    lam = np.full(len(target), 1.0 / len(target))
    best, best_error = None, np.inf
    for _ in range(rounds):
        scale = np.sqrt(lam) * weight
        c = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)[0]
        residual = np.abs(weight * (basis @ c - target))
        if residual.max() < best_error:
            best, best_error = c, residual.max()
        lam = lam * residual
        lam /= lam.sum()
    return best


def fit(name, function, weight, low, high, degree, nodes=600):
    """Polynomial of `degree` for `function` on [low, high]; the error that counts is weight(x) * (p(x) - function(x))."""
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    target = np.array([float(function(mp.mpf(v))) for v in x])
    w = np.array([float(weight(mp.mpf(v))) for v in x])
    rounded, rest = [], target.copy()
    for d in range(degree + 1):
        basis = np.stack([x**k for k in range(d, degree + 1)], axis=1)
        c = lawson(basis, rest, w)
        rounded.append(np.float32(c[0]))
        rest = rest - float(rounded[-1]) * x**d
    error = np.abs(w * rest).max()
    print(f"// {name}: degree {degree} on [{low:.6g}, {high:.6g}], error {error:.2e} = 2^{np.log2(error):.1f}")
    print("{" + ", ".join(f"{float(c).hex().replace('0000000p', 'p')}" for c in reversed(rounded)) + "}")


half_ln2 = float(mp.log(2) / 2) * 1.0001
small = mp.mpf(10) ** -8


def quotient(f, series, at=0.0):
    """f, with its value near a removable singularity at 0 taken from `series`."""
    return lambda x: f(x) if abs(x) > mp.mpf(10) ** -10 else mp.mpf(series)


# exp(r) = 1 + r + r^2 q(r); the weight is the error of expm1 relative to itself.
fit("ExpCore", quotient(lambda r: (mp.expm1(r) - r) / r**2, 0.5), lambda r: r**2 / mp.expm1(r) if r else 0, -half_ln2, half_ln2, 4)
# 2^r = 1 + r q(r).
fit("Exp2Core", quotient(lambda r: (mp.mpf(2) ** r - 1) / r, mp.log(2)), lambda r: r, -0.5001, 0.5001, 5)
# log1p(f) = f - f^2 / 2 + f^3 q(f); relative error.
fit("LogCore", quotient(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, mp.mpf(1) / 3), lambda f: f**3 / mp.log1p(f) if f else 0, -0.25, 0.5, 8)
# tanh(x) = x + x^3 q(x^2).
fit("TanhCore", quotient(lambda s: (mp.tanh(mp.sqrt(s)) / mp.sqrt(s) - 1) / s, -mp.mpf(1) / 3), lambda s: s, 0.0, 0.6**2, 5)
# erf(x) = x + x q(x^2).
fit("ErfSmall", quotient(lambda s: mp.erf(mp.sqrt(s)) / mp.sqrt(s) - 1, 2 / mp.sqrt(mp.pi) - 1), lambda s: 1, 0.0, 0.93**2, 6)
# erf(x) = 1 - exp(-q(x)), x > 0.92.
fit("ErfLarge", lambda x: -mp.log(mp.erfc(x)), lambda x: mp.erfc(x) / mp.erf(x), 0.92, 4.0, 7)
# erfc(x) = exp(-x^2) q((x - 4) / (x + 4)) / (1 + 2 x), x > 1/2.
def scaled_erfc(t):
    a = 4 * (1 + t) / (1 - t)
    return (1 + 2 * a) * mp.exp(a * a) * mp.erfc(a)
fit("ErfcCore", scaled_erfc, lambda t: 1 / scaled_erfc(t), (0.49 - 4) / (0.49 + 4), (10.3 - 4) / (10.3 + 4), 9)
# atanh(s) = s + s^3 q(s^2), for pow.
edge = (1 - 181 / 256) / (1 + 181 / 256)
fit("AtanhCore", quotient(lambda u: (mp.atanh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, mp.mpf(1) / 3), lambda u: u, 0.0, edge**2 * 1.001, 3)
# x(w) / (2 p - 1) of the standard normal, w = -log(4 p (1 - p)) (InverseNormal.h).
def normal_ratio(w):
    x = mp.sqrt(-mp.expm1(-w))
    return mp.sqrt(2) * mp.erfinv(x) / x if x > 0 else mp.sqrt(mp.pi / 2)
fit("NormalCore", lambda t: normal_ratio(t + 2.5), lambda t: 1 / normal_ratio(t + 2.5), -2.5, 2.5, 9, nodes=300)
fit("NormalTail", lambda t: normal_ratio((t + 3)**2), lambda t: 1 / normal_ratio((t + 3)**2), 5**0.5 - 3, 3.91 - 3, 8, nodes=300)
print("ln2 = hi + lo:", float(mp.mpf(float.fromhex("0x1.62e4p-1"))).hex(), float(np.float32(mp.log(2) - mp.mpf(float.fromhex("0x1.62e4p-1")))).hex(), "; ln2 - f32(ln2) =", float(np.float32(mp.log(2) - mp.mpf(float.fromhex("0x1.62e430p-1")))).hex())
