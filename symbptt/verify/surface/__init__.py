r"""The surface tree: a formula as its author wrote it, before anyone says what it means.

It belongs to no model. It keeps what was written and decides nothing that a reader could see
two ways: products and sums are flat lists with their signs, so that precedence and the scope of
a Σ stay open; `^T` may be a transpose or a power; a letter before a bracket may be a function or
a factor; an index may be a time, a component or a label. Where the reader has a first guess, it
is the first of several, or a `certain` flag.

    \\delta_t = W^T \\delta_{t+1} \\odot (1 - h_t^2)
    δ_t "=" Product((Power(W, T), δ_{t+1}, Group(Sum((1, Power(h_t, 2)), "+-"))), ("", "⊙"))

atoms        letters, indices and numbers
expressions  everything made of other expressions
document     claims, unread lines, prose
walk         walking and rebuilding
"""

from .atoms import RELATIONS, SIGNS, Index, Infinity, Node, Number, Shorthand, Symbol
from .document import Claim, Document, FrontMatter, Prose, Unread, changed
from .expressions import (
    Apply,
    Big,
    Bound,
    Cases,
    Derivative,
    Dots,
    Entry,
    Evaluated,
    Everything,
    Group,
    Indicator,
    Listing,
    Norm,
    Power,
    Product,
    Quotient,
    Relation,
    Root,
    Space,
    Stack,
    Sum,
    Text,
    Transpose,
    Underbrace,
    Words,
)
from .numbers import coefficient, number
from .walk import Kept, bare, children, rebuild, symbols, walk, whole

__all__ = [
    "RELATIONS",
    "SIGNS",
    "Apply",
    "Big",
    "Bound",
    "Cases",
    "Claim",
    "Derivative",
    "Document",
    "Dots",
    "Entry",
    "Evaluated",
    "Everything",
    "FrontMatter",
    "Group",
    "Index",
    "Indicator",
    "Infinity",
    "Kept",
    "Listing",
    "Node",
    "Norm",
    "Number",
    "Power",
    "Product",
    "Prose",
    "Quotient",
    "Relation",
    "Root",
    "Shorthand",
    "Space",
    "Stack",
    "Sum",
    "Symbol",
    "Text",
    "Transpose",
    "Underbrace",
    "Unread",
    "Words",
    "bare",
    "changed",
    "children",
    "coefficient",
    "number",
    "rebuild",
    "symbols",
    "walk",
    "whole",
]  # fmt: skip
