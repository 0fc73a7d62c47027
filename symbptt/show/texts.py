r"""The notations of six texts, as data: names for the parts of an Elman network, and symbols.

And `plain`, that of model files: one line of it can be typed as it stands, for any model. A text
that has no name for a part leaves the model's own. $of, $wrt and $when (the time of what
is differentiated) stand in a derivative; a kind that is not listed is written d or ∂ as
everywhere here. Where a text writes ∂ for total derivatives as well, ∂⁺ is the immediate one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Ways = tuple[str, str]  # in Unicode, in LaTeX

ROUND: Ways = ("∂$of/∂$wrt", r"\frac{\partial $of}{\partial $wrt}")
IMMEDIATE: Ways = ("∂⁺$of/∂$wrt", r"\frac{\partial^{+} $of}{\partial $wrt}")
ROUND_WORDS = {
    "∂ holds everything else fixed.": "By a value, or ∂⁺, a derivative holds all else fixed.",
    "d is total:": "∂ of the loss, or by a parameter, is total:",
}
ALL_ROUND = {"gradient": ROUND, "total": ROUND, "partial": ROUND, "immediate": IMMEDIATE}


@dataclass(frozen=True)
class Text:
    """One row: how a text writes an Elman network and its derivatives."""

    title: str
    names: Mapping[str, str]  # role -> name, in the spelling of model files
    derivatives: Mapping[str, Ways] = field(default_factory=dict)
    gradients: Mapping[str, str] = field(default_factory=dict)  # role -> a name for dL/d(role)
    words: Mapping[str, str] = field(default_factory=dict)  # what a sentence says instead
    prefix: str = ""  # dL/dv is this and the name of v
    horizon: str = "T"
    bold: bool = False  # arrays, in LaTeX
    superscript_time: bool = False  # h^{(t)}
    code: bool = False  # W @ h[t] rather than W h_t


TEXTS = {
    "d2l": Text(
        "Zhang et al., Dive into Deep Learning, section 9.7",
        {
            "state": "h",
            "input": "x",
            "readout": "o",
            "target": "y",
            "probabilities": "yhat",
            "recurrent weights": "W_hh",
            "input weights": "W_hx",
            "readout weights": "W_qh",
            "bias": "b_h",
            "readout bias": "b_q",
            "step loss": "l",
            "loss": "L",
        },
        ALL_ROUND,
        words=ROUND_WORDS,
        bold=True,
    ),
    "goodfellow": Text(
        "Goodfellow, Bengio and Courville, Deep Learning, section 10.2",
        {
            "pre-activation": "a",
            "state": "h",
            "input": "x",
            "readout": "o",
            "target": "y",
            "probabilities": "yhat",
            "recurrent weights": "W",
            "input weights": "U",
            "readout weights": "V",
            "bias": "b",
            "readout bias": "c",
            "step loss": "L",
            "loss": "L",
        },
        {
            "gradient": ("∇_{$wrt} $of", r"\nabla_{$wrt} $of"),
            "total": ROUND,
            "partial": ROUND,
            # The book's copy of the parameter that is used at step t only.
            "immediate": ("∂$of/∂$wrt^($when)", r"\frac{\partial $of}{\partial $wrt^{($when)}}"),
        },
        words={
            "∂ holds everything else fixed.": "By a value, or by the copy W^(t) of a "
            "parameter that step t alone uses, ∂ holds everything else fixed.",
            "d is total:": "∇ of the loss, and ∂ by a parameter, are total:",
        },
        horizon="tau",
        bold=True,
        superscript_time=True,
    ),
    "karpathy": Text(
        "Karpathy, min-char-rnn.py",
        {
            "pre-activation": "hraw",
            "state": "hs",
            "input": "xs",
            "readout": "ys",
            "target": "targets",
            "probabilities": "ps",
            "recurrent weights": "Whh",
            "input weights": "Wxh",
            "readout weights": "Why",
            "bias": "bh",
            "readout bias": "by",
            "loss": "loss",
        },
        gradients={"state": "dh", "readout": "dy"},
        prefix="d",
        code=True,
    ),
    "pascanu": Text(
        "Pascanu, Mikolov and Bengio (2013), On the difficulty of training RNNs",
        {
            "state": "x",
            "input": "u",
            "recurrent weights": "W_rec",
            "input weights": "W_in",
            "readout weights": "W_out",
            "bias": "b",
            "step loss": "E",
            "loss": "E",
        },
        ALL_ROUND,
        words=ROUND_WORDS,
    ),
    "cs231n": Text(
        "Stanford CS231n, notes on recurrent networks",
        {
            "state": "h",
            "input": "x",
            "readout": "y",
            "target": "targets",
            "probabilities": "p",
            "recurrent weights": "W_hh",
            "input weights": "W_xh",
            "readout weights": "W_hy",
            "step loss": "L",
            "loss": "L",
        },
        ALL_ROUND,
        words=ROUND_WORDS,
    ),
    "wildml": Text(
        "Britz, WildML, Recurrent Neural Networks Tutorial, part 3",
        {
            "state": "s",
            "input": "x",
            "readout": "z",
            "target": "y",
            "probabilities": "yhat",
            "recurrent weights": "W",
            "input weights": "U",
            "readout weights": "V",
            "step loss": "E",
            "loss": "E",
        },
        ALL_ROUND,
        words=ROUND_WORDS,
        gradients={"pre-activation": "delta"},
    ),
    "plain": Text("the notation of model files, with the model's own names", {}, code=True),
}
