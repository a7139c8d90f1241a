"""Writes .npy files for the tests of moe-run into a directory: good ones for small.moe, and each wrong in one way."""

import os
import sys

import numpy as np

directory = sys.argv[1]
os.makedirs(directory, exist_ok=True)


def save(name, array, **options):
    np.save(os.path.join(directory, name + ".npy"), array, **options)


# Token t prefers expert t % 8, then the next.
tokens = np.arange(16)
logits = -((np.arange(8)[None, :] - tokens[:, None]) % 8).astype(np.float32)
save("logits", logits)
save("bias", np.zeros(8, dtype=np.float32))
save("logits_bf16", (logits.view(np.uint32) >> 16).astype(np.uint16))
# As ml_dtypes' bfloat16 is stored.
save("logits_v2", (logits.view(np.uint32) >> 16).astype(np.uint16).view("V2"))
save("logits_f16", logits.astype(np.float16))
save("logits_f64", logits.astype(np.float64))
save("logits_big_endian", logits.astype(">f4"))
save("logits_fortran", np.asfortranarray(logits))
save("logits_wide", np.zeros((16, 12), dtype=np.float32))
save("logits_flat", logits.ravel())
save("logits_object", np.array([None, 1]), allow_pickle=True)
save("logits_empty", logits[:0])
save("logits_uneven", logits / 2 + np.float32(0.6) * np.arange(8, dtype=np.float32))
grad_weight = np.sin(np.arange(32, dtype=np.float32)).reshape(16, 2)
save("grad_weight", grad_weight)
save("grad_weight_f16", grad_weight.astype(np.float16))
save("grad_weight_wide", np.zeros((16, 3), dtype=np.float32))
save("grad_weight_short", grad_weight[:15])
save("bias_i32", np.zeros(8, dtype=np.int32))
with open(os.path.join(directory, "logits.npy"), "rb") as file:
    good = file.read()
for name, content in {"truncated": good[:-5], "cut_header": good[:40], "text": b"0.5 0.25\n", "nothing": b"",
                      "version": good[:6] + b"\x09" + good[7:]}.items():
    with open(os.path.join(directory, name + ".npy"), "wb") as file:
        file.write(content)
