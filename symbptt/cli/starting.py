"""`symbptt new`: a commented model file to start from."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import SymbpttError
from .output import write_whole

TEXT = """\
model {name} "A gated cell to start from"
# Sizes are symbols: what is derived holds for all of them. N rows are a batch of N sequences.
size   N, D, H, C

# What comes in at each step, and what should come out: here a class, 0 to C-1, per row.
input  x[t] : N, D
target y[t] : N in C

# What is carried from step to step. It starts from h[0].
state  h[t] : N, H

# What is learned.
param  W_z  : D, H
param  U_z  : H, H
param  b_z  : H
param  W_n  : D, H
param  U_n  : H, H
param  b_n  : H
param  V    : H, C
param  c    : C

# An elementwise function of your own.
function swish(z) = z*sigmoid(z)

# One step, in order. @ is the matrix product, * is elementwise, .T the transpose. A state is
# read at t-1, or further back, h[t-2]; everything else at t.
z[t] = sigmoid(x[t] @ W_z + h[t-1] @ U_z + b_z)
n[t] = swish(x[t] @ W_n + h[t-1] @ U_n + b_n)
h[t] = (1 - z[t]) * h[t-1] + z[t] * n[t]
o[t] = h[t] @ V + c

# The loss of one step, a number; then how the steps add up: sum(l[t]), mean(l[t]), or l[T].
l[t] = sum(cross_entropy(o[t], y[t]))
loss = sum(l[t])
"""


def begin(name: str, force: bool) -> Path:
    """Write NAME.rnn, whole or not at all; a file that is there stays unless `force`."""
    folder, last = os.path.split(name)
    stem = last.removesuffix(".rnn")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", stem):
        raise SymbpttError(f"{last!r} is no name of a model", "letters, digits and _: my_cell")
    file = Path(folder) / f"{stem}.rnn"
    if not force and os.path.lexists(file):
        raise SymbpttError(
            f"{file} is there already", f"symbptt new {name} --force, or another name"
        )
    write_whole(file, TEXT.format(name=stem))
    return file
