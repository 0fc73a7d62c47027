"""What each macro, character and word of a derivation stands for.

A macro that is in no table here makes its line unread. To read a further spelling, add its row:
macro or character -> (kind of token, its one spelling). The font and letter tables are those of
the strict LaTeX reader.
"""

from __future__ import annotations

from ...parse.macros import BOLD, DELIMITER_SIZES, FRACTIONS, SPACES, UPRIGHT
from ...parse.names import GREEK

MACROS: dict[str, tuple[str, str]] = {}
CHARACTERS: dict[str, tuple[str, str]] = {}


def _row(kind: str, value: str, macros: str = "", characters: str = "") -> None:
    """One meaning, with the macros and the characters that are written for it."""
    MACROS.update((m, (kind, value)) for m in macros.split())
    CHARACTERS.update((c, (kind, value)) for c in characters)


_row("sign", "·", "cdot cdotp bullet", "·•⋅∙")
_row("sign", "*", "ast star", "*∗")
_row("sign", "⊙", "odot circ hadamard circledcirc bigodot bigcirc", "⊙∘◦⊚")
_row("sign", "×", "times", "×")
_row("sign", "⊗", "otimes bigotimes", "⊗")
_row("sign", "@", "", "@")
_row("plus", "+", "", "+")
_row("plus", "-", "", "-−–")
_row("plus", "±", "pm", "±")
_row("slash", "/", "slash", "/∕÷")
_row("relation", "=", "equiv", "=≡")
_row("relation", ":=", "triangleq coloneqq coloneq defeq doteq", "≜≔≝")
_row("relation", "←", "leftarrow gets longleftarrow", "←")
_row("relation", "→", "to rightarrow longrightarrow mapsto", "→↦")
_row("relation", "≈", "approx simeq cong thickapprox", "≈≃≅")
_row("relation", "∝", "propto varpropto", "∝")
_row("relation", "~", "sim", "∼")
_row("relation", "≠", "ne neq", "≠")
_row("relation", "≤", "le leq leqslant lesssim", "≤⩽")
_row("relation", "<", "lt", "<")
_row("relation", "≥", "ge geq geqslant gtrsim", "≥⩾")
_row("relation", ">", "gt", ">")
_row("relation", "≪", "ll", "≪")
_row("relation", "≫", "gg", "≫")
_row("relation", "∈", "in", "∈")
_row("relation", "⇒", "Rightarrow implies Longrightarrow", "⇒⟹")
_row("relation", "⇔", "Leftrightarrow iff Longleftrightarrow", "⇔⟺")
_row("(", "(", "lparen", "(（")
_row(")", ")", "rparen", ")）")
_row("[", "[", "lbrack", "[")
_row("]", "]", "rbrack", "]")
_row("(", "{", "{ lbrace", "")
_row(")", "}", "} rbrace", "")
_row("⟨", "⟨", "langle", "⟨〈")
_row("⟩", "⟩", "rangle", "⟩〉")
_row("bar", "|", "vert lvert rvert mid", "|∣")
_row("bar", "‖", "| Vert lVert rVert parallel", "‖∥")
_row("^", "^", "", "^")
_row("_", "_", "", "_")
_row("prime", "'", "prime", "'′’")
_row("comma", ",", "", ",，、")
_row("semicolon", ";", "", ";；")
_row("colon", ":", "colon", ":：")
_row("partial", "∂", "partial", "∂")
_row("nabla", "∇", "nabla", "∇")
_row("big", "sum", "sum", "∑Σ")
_row("big", "prod", "prod", "∏Π")
_row("big", "max", "max sup", "")
_row("big", "min", "min inf", "")
_row("big", "lim", "lim", "")
_row("dots", "…", "dots ldots cdots dotsc dotsb dotsm dotsi vdots ddots hdots", "…⋯⋮")
_row("infinity", "∞", "infty", "∞")
_row("root", "√", "sqrt", "√")
_row("top", "⊤", "top intercal transpose", "⊤")
_row("letter", "ℓ", "ell", "ℓ")
_row("letter", "ℏ", "hbar", "")
_row("number", "1", "", "𝟙𝟏")
_row("letter", "∅", "emptyset varnothing", "∅")
_row("text", "for all", "forall", "∀")
_row("text", "therefore", "therefore", "∴")
_row("text", "because", "because", "∵")
_row("over", "over", "over", "")
_row("null", "", "mathord mathbin mathrel mathop mathopen mathclose mathinner ensuremath", "")
_row("group", "", "boxed fbox hbox", "")

GREEK_LETTERS = {**GREEK, "lambda": "λ", "Lambda": "Λ", "varepsilon": "ε", "vartheta": "θ"} | {
    "varphi": "φ",
    "varrho": "ρ",
    "varsigma": "σ",
    "varpi": "π",
    "varkappa": "κ",
    "epsilon": "ε",
    "omicron": "ο",
}
MACROS |= {word: ("letter", letter) for word, letter in GREEK_LETTERS.items()}
_row("frac", "frac", " ".join(FRACTIONS) + " nicefrac sfrac")
_row("font", "bold", " ".join(BOLD - {"mathcal", "mathscr", "mathbb"}) + " bf")
_row("font", "cal", "mathcal mathscr mathfrak cal")
_row("font", "bb", "mathbb mathds Bbb")
_row("mark", "hat", "hat widehat")
_row("mark", "tilde", "tilde widetilde")
_row("mark", "bar", "bar overline")
_row("mark", "ring", "mathring")
for _mark in "overleftarrow overrightarrow vec dot ddot check breve underline".split():
    _row("mark", _mark, _mark)
for _brace in "underbrace overbrace underset overset stackrel".split():
    _row("brace", _brace, _brace)
_row("d", "d", "dd differentialD")

# Macros whose argument is raw text, and what it becomes.
RAW = dict.fromkeys(UPRIGHT - {"rm"}, "word") | {
    **dict.fromkeys(("text", "textrm", "textnormal", "mbox", "textit", "textbf", "textsf"), "text"),
    **dict.fromkeys(("operatorname", "operatorname*", "mathop"), "word"),
    **{"tag": "tag", "tag*": "tag", "label": "label", "eqref": "text", "ref": "text"},
    **dict.fromkeys(("hspace", "hspace*", "vspace", "vspace*", "phantom", "hphantom"), "drop"),
    **dict.fromkeys(("vphantom", "color", "mathstrut*", "hskip", "kern"), "drop"),
}
# The first argument goes: \textcolor{red}{x}, \colorbox{…}{…}.
COLOURS = frozenset(["textcolor", "colorbox", "class", "style"])
GAPS = frozenset(["quad", "qquad", "enspace", "hfill", "hfil"])
SILENT = (SPACES - GAPS) | DELIMITER_SIZES | {"scriptstyle", "scriptscriptstyle", "strut", "rm"}
SILENT |= {"mathstrut", "nobreak", "hline", "noindent", "centering", "small", "large", "normalsize"}

# Functions as authors spell them -> one spelling.
FUNCTIONS = {name: name for name in """tanh sigmoid softmax log exp diag relu sin cos sinh cosh sech
    sign trace det vec outer mean norm softplus abs argmax argmin onehot rank transpose zeros ones
    eye hstack vstack concat square sqrt swish gelu elu selu logit Var Cov Pr dim arcsin arctanh
    erf dot matmul multiply sum prod max min arg cross_entropy squared_error mse column detach clip
    dropout""".split()} | {
    **dict.fromkeys(("ReLU", "Relu"), "relu"),
    **dict.fromkeys(("Softmax", "SoftMax"), "softmax"),
    **dict.fromkeys(("Sigmoid", "sigm", "logistic"), "sigmoid"),
    **dict.fromkeys(("tr", "Tr"), "trace"),
    **dict.fromkeys(("concatenate", "Concat"), "concat"),
    **dict.fromkeys(("CE", "CrossEntropy", "crossentropy", "cross-entropy"), "cross_entropy"),
    **{"Tanh": "tanh", "Diag": "diag", "ln": "log", "sgn": "sign", "one_hot": "onehot"},
    **{"MSE": "mse", "LayerNorm": "layernorm", "squared-error": "squared_error"},
}  # fmt: skip

# Letters that are nearly always functions when a bracket follows.
FUNCTION_LETTERS = frozenset("σφψfgℓ")
# Letters that count steps, and so make a lone superscript a time rather than a power.
TIME_LETTERS = frozenset("tτTkijsn")
# Scalars, of which a lone superscript is a power.
SCALAR_LETTERS = frozenset("λαβγρμε")

# Environments that only lay out rows, and those that are one value.
LAYOUTS = frozenset("""equation align aligned alignat alignedat gather gathered split multline
    eqnarray flalign displaymath math multlined subequations dmath""".split())  # fmt: skip
MATRICES = frozenset("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array".split())
CASES = frozenset(["cases", "dcases", "rcases"])

# Words between formulas, which separate them.
CONNECTORS = frozenset("""and or where with so then thus hence therefore also since because i.e.
    e.g. resp respectively here let using note now und ou et y 和 及 且 或 其中 即 故 则 所以 因此
    这里 因为 由于""".split())  # fmt: skip
CONDITIONS = frozenset("for if when at as otherwise via unless given".split()) | {"for all"}
