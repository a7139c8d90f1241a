#!/usr/bin/env python3
"""Makes examples/data/logits_e64.npy: the logits of a router over real text.

A trained router is not needed to see what one does to a real token stream; what matters is that tokens repeat as they do
in language, that the logits depend on a token and its context, and that some experts are popular. So:

* tokens: the bytes of text.txt (Lewis Carroll, Alice's Adventures in Wonderland, 1865, in the public domain), one each;
* hidden state of a token: a fixed embedding of 32 numbers, the sum of the embeddings of the last 1, 2 and 3 bytes,
  each a row of a seeded table at a hash of those bytes;
* router: a fixed 32 x E matrix, plus an offset per expert that falls with the logarithm of its popularity rank.

Everything up to the last multiplication by a power of two is integer arithmetic, so the file is the same, bit for bit,
on every machine.

usage: make_router_logits.py [--experts 64] [--tokens 4096] [--skew 0.6] [--text text.txt] [--output logits_e64.npy]
"""

import argparse
import os
import sys

import numpy as np

HIDDEN = 32
TABLE = 4096  # rows of each embedding table
SHIFT = 13  # the integers are multiples of 2^-SHIFT
MASK = (1 << 64) - 1


def scramble(x):
    """SplitMix64's finaliser on an array of uint64."""
    x = (x + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(MASK)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def integers(stream, rows, columns, bits):
    """A fixed table of integers, roughly normal: four uniforms of `bits` bits each, their mean taken off."""
    counter = np.arange(rows * columns, dtype=np.uint64) + np.uint64(stream << 32)
    words = scramble(counter)
    total = np.zeros(rows * columns, dtype=np.int64)
    for part in range(4):
        total += ((words >> np.uint64(16 * part)) & np.uint64((1 << bits) - 1)).astype(np.int64)
    return (total - 2 * ((1 << bits) - 1)).reshape(rows, columns)


def hidden_states(text):
    """[tokens, HIDDEN] integers: the embeddings of the last 1, 2 and 3 bytes, summed."""
    states = np.zeros((len(text), HIDDEN), dtype=np.int64)
    for length in (1, 2, 3):
        table = integers(length, TABLE, HIDDEN, 6)
        context = np.full(len(text), length, dtype=np.uint64)
        for back in range(length):
            byte = np.concatenate([np.zeros(back, dtype=np.uint64), text[: len(text) - back].astype(np.uint64)])
            context = scramble(context ^ byte)
        states += table[(context % np.uint64(TABLE)).astype(np.int64)]
    return states


def popularity(experts, skew):
    """[experts] integers: -skew * log(rank) in units of 2^-SHIFT, the ranks a fixed permutation."""
    rank = np.argsort(scramble(np.arange(experts, dtype=np.uint64) + np.uint64(9 << 32)), kind="stable")
    # Rounded to 2^-10 first: no difference between two logarithm functions survives that.
    return np.rint(-skew * np.log(1.0 + rank) * 1024).astype(np.int64) << (SHIFT - 10)


def make_logits(text, experts, skew):
    router = integers(4, HIDDEN, experts, 6)
    logits = hidden_states(text) @ router + popularity(experts, skew)
    return (logits.astype(np.float64) / (1 << SHIFT)).astype(np.float32)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--experts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--skew", type=float, default=0.6)
    parser.add_argument("--text", default=os.path.join(here, "text.txt"))
    parser.add_argument("--output", default=os.path.join(here, "logits_e64.npy"))
    options = parser.parse_args()
    with open(options.text, "rb") as file:
        text = np.frombuffer(file.read(), dtype=np.uint8)
    if len(text) < options.tokens:
        sys.exit(f"{options.text} has {len(text)} bytes; expected at least {options.tokens}, one for each token")
    np.save(options.output, make_logits(text[: options.tokens], options.experts, options.skew))


if __name__ == "__main__":
    main()
