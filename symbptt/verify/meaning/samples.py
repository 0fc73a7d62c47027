r"""Sums over the samples of a batch: \sum_{batch}, \sum_{i=1}^N (dZ_t)_i.

Where the text gives its values no axis of samples, the batch is one sample: the sum is that
sample's term, and the index of the sample says nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ... import matrix as mx
from .. import surface as s
from ..algebra.tensor import Tensor
from .arrays import summed
from .frame import Frame

_WORDS = frozenset(["batch", "minibatch", "samples", "examples"])
_COUNTS = frozenset("NmBMn")


def is_over_samples(m: Frame, bound: s.Bound, body: s.Node) -> bool:
    """Σ_batch, or Σ_{i=1}^N of terms that carry i beside their time, N no size of the model."""
    if bound.variable.letter in _WORDS:
        return True
    upper = s.bare(bound.upper) if bound.upper is not None else None
    if not isinstance(upper, s.Symbol) or upper.indices or upper.letter not in _COUNTS:
        return False
    if upper.letter == m.naming.horizon or upper.letter in m.model.sizes:
        return False
    return _of_one(body, bound.variable.letter) != body


def one_sample(m: Frame, body: Tensor) -> Tensor:
    """The sum of one step over its samples: over the rows, where samples are rows."""
    if "N" in m.model.sizes and body.rank == 2 and body.shape[0] == m.alg.size(mx.size("N")):
        return summed(m, body, 0, False)
    return body


def of_one(bound: s.Bound, body: s.Node) -> s.Node:
    return _of_one(body, bound.variable.letter)


def _of_one(node: s.Node, i: str) -> s.Node:
    """The tree without the index of the sample."""
    node = s.rebuild(node, lambda x: _of_one(x, i))
    if isinstance(node, s.Symbol):
        kept = [tuple(x for x in indices if x.text != i) for indices in (node.sub, node.sup)]
        return replace(node, sub=kept[0], sup=kept[1])
    if isinstance(node, s.Entry) and [_letter(x) for x in node.items] == [i]:
        return node.of
    return node


def _letter(node: s.Node) -> str:
    node = s.bare(node)
    return node.letter if isinstance(node, s.Symbol) and not node.indices else ""
