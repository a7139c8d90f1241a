"""Compares what moe-run saved in directories: every array of the first one, bit by bit. usage: same_bits.py DIR DIR..."""

import os
import sys

import numpy as np

first, *others = sys.argv[1:]
for name in sorted(os.listdir(first)):
    expected = np.load(os.path.join(first, name))
    for other in others:
        got = np.load(os.path.join(other, name))
        same = got.shape == expected.shape and got.tobytes() == expected.tobytes()
        print(f"{name}: {'same' if same else 'differs in ' + os.path.basename(other)}")
