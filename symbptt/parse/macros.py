"""What each LaTeX macro stands for. A macro that is in no table here is an error, never dropped.

To read a further spelling, add its row; `tokens` knows only the kinds of rows, `latex.lark`
only the terminals named here.
"""

from __future__ import annotations

from .names import GREEK

# Macros that mean nothing to the mathematics.
SPACES = frozenset(
    """, ; : ! > quad qquad enspace thinspace limits nolimits displaystyle textstyle nonumber
    notag mathstrut allowbreak""".split()
) | {" ", "\n"}
# The same with one argument, which goes too: \tag{7}.
SILENT = frozenset(["tag", "tag*", "label", "phantom", "hphantom", "vphantom"])

# Only the size of the delimiter that follows.
DELIMITER_SIZES = frozenset(
    ["left", "right", "middle"]
    + [size + side for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")]
)

# \mathbf W is W. An upright or text font makes its letters one name: \mathrm{diag}.
UPRIGHT = frozenset(
    """mathrm mathit mathsf mathtt text textrm textit textsf textnormal operatorname
    operatorname* rm""".split()
)
BOLD = frozenset("mathbf boldsymbol bm pmb mathcal mathscr mathbb textbf".split())
FONTS = UPRIGHT | BOLD

# \hat y is the name `yhat`.
DECORATIONS = {
    "hat": "hat",
    "widehat": "hat",
    "tilde": "tilde",
    "widetilde": "tilde",
    "bar": "bar",
    "overline": "bar",
}

LETTERS = {word: word for word in GREEK} | {
    "lambda": "λ",
    "varepsilon": "epsilon",
    "vartheta": "theta",
    "varphi": "phi",
    "varrho": "rho",
    "varsigma": "sigma",
    "ell": "ell",
}

FUNCTIONS = frozenset(["tanh", "exp", "log", "ln", "sin", "cos"])

FRACTIONS = frozenset(["frac", "tfrac", "dfrac", "cfrac"])

# Macro -> (terminal of latex.lark, the text of the token).
TERMINALS = {
    "odot": ("STAR", "∘"),
    "circ": ("STAR", "∘"),
    "ast": ("STAR", "*"),
    "cdot": ("DOT", "·"),
    "sum": ("SUM", "sum"),
    "prod": ("PROD", "prod"),
    "partial": ("PARTIAL", "∂"),
    "top": ("_TOP", "ᵀ"),
    "intercal": ("_TOP", "ᵀ"),
    "lVert": ("_NORM", "‖"),
    "rVert": ("_ENDNORM", "‖"),
    "lbrack": ("_LBRACK", "["),
    "rbrack": ("_RBRACK", "]"),
    "sqrt": ("_SQRT", "√"),
}

# Single characters.
CHARACTERS = {
    "+": "_PLUS",
    "-": "MINUS",
    "−": "MINUS",
    "*": "STAR",
    "∘": "STAR",
    "⊙": "STAR",
    "·": "DOT",
    "/": "SLASH",
    "=": "_EQ",
    "(": "_LPAR",
    ")": "_RPAR",
    "[": "_LBRACK",
    "]": "_RBRACK",
    ",": "_COMMA",
    ";": "_SEMICOLON",
    ":": "_COLON",
    "∂": "PARTIAL",
    "∑": "SUM",
    "∏": "PROD",
}
