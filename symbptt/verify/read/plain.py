"""The tokens of the plain notation: names are words, h[t-1].T, np.outer(a, b), h**2, W @ x.

dWhh += (dh * (1 - h[t]^2)) @ h[t-1].T    # remark
"""

from __future__ import annotations

import re

from .spelling import CONDITIONS, CONNECTORS, FUNCTIONS, GREEK_LETTERS, TIME_LETTERS
from .tokens import Latex, Token

_MARK = "[\u0300-\u036f\u20d0-\u20ff]*"
_SCRIPT = "\u2070-\u209c²³¹ᵀᵗᵏʲⁱˢᵢⱼᵣᵤᵥ½"
_WORD = re.compile(rf"(?:[^\W\d_{_SCRIPT}]{_MARK})(?:[^\W_{_SCRIPT}]{_MARK})*")
_MODULE = re.compile(r"(?:np|numpy|jnp|torch|tf|math|self|F|nn|cls)\.(?=[A-Za-z])")
_NAMED = re.compile(r"[^\W\d_]+(?:_[^\W\d_]+)+(?=\()")
_GLUED = re.compile(r"[-+−][0-9](?![\w.^*²])")
_BLANK = re.compile(r"[^\S\n]+")
_REMARK = re.compile(r"\((?:[^\W\d_]+[ ,;.\-]*){1,15}\)")
_TO_END = re.compile(r"(?:#|//)[^\n]*")
_SUFFIX = re.compile(r"\.(?:T\b(?!_)|transpose\(\)|t\(\))")
_METHOD = re.compile(r"\.(dot|matmul|mm|outer|sum|mean)(?=\()")
_ATTRIBUTE = re.compile(r"(?<=[\w\])])\.[A-Za-z]\w+")
_SIGNS = {
    **{
        ".+": ("plus", "+"),
        ".-": ("plus", "-"),
        ".*": ("sign", "⊙"),
        ".^": ("^", ".^"),
        "./": ("slash", "/"),
        "**": ("^", "^"),
    },
    **{"<-": ("relation", "←"), "~=": ("relation", "≈"), "..": ("range", "..")},
    **{"(.)": ("sign", "⊙"), "(*)": ("sign", "⊙")},
}
_BIG = {"sum": "sum", "prod": "prod", "Sum": "sum", "Prod": "prod", "SUM": "sum", "product": "prod"}
_DERIVED = re.compile(r"d(L|E|J|l|C)_?d([A-Za-z]\w*)")


class Plain(Latex):
    """The tokens of a line of plain text."""

    def step(self) -> None:
        text, i, end = self.text, self.i, self.end
        if match := _BLANK.match(text, i, end):
            wide = match.end() - i >= 3 or "\t" in match[0]
            inner = bool(self.out) and self.out[-1].kind != "row" and match.end() < end
            if wide and inner and text[match.end()] != "\n":
                self.add("gap", " ", match.end())
                self.space = True
            else:
                self.skip(match.end(), gap=wide)
        elif match := _TO_END.match(text, i, end):
            self.add("text", match[0].lstrip("#/ ").strip(), match.end())
        elif text[i] == "\n":
            self.add("row", "row", i + 1)
        elif match := self.remark():
            self.add("text", match[0][1:-1].strip(), match.end())
        elif not self.unicode() and not self.punctuation():
            if match := _MODULE.match(text, i, end) or _WORD.match(text, i, end):
                self.name(match)
            else:
                super().step()

    def takes_one(self) -> bool:
        return False

    def remark(self) -> re.Match[str] | None:
        """(elementwise), (for the last step): words in brackets behind a formula."""
        if not (self.space and self.out):
            return None
        match = _REMARK.match(self.text, self.i, self.end)
        words = re.findall(r"[^\W\d_]+", match[0]) if match else []
        long = [w for w in words if len(w) > 4 and w not in FUNCTIONS and w not in GREEK_LETTERS]
        return match if long or (len(words) > 1 and words[0] in CONDITIONS) else None

    def punctuation(self) -> bool:
        text, i, end = self.text, self.i, self.end
        if match := _SUFFIX.match(text, i, end):
            if self.out and self.out[-1].kind not in ("sign", "plus", "relation"):
                self.add("suffix", "⊤", match.end())
                return True
        if match := _METHOD.match(text, i, end):
            self.add("method", match[1], match.end())
            return True
        if match := _ATTRIBUTE.match(text, i, end):
            self.bad(f"cannot read {match[0]!r}", "x.T, x.dot(y)", match.end())
            return True
        for sign, (kind, value) in _SIGNS.items():
            if text.startswith(sign, i, end) and not text.startswith("...", i, end):
                self.add(kind, value, i + len(sign))
                return True
        return False

    def name(self, match: re.Match[str]) -> None:
        """A word: a function, a connector, a letter or a name of several letters."""
        text, i, end = self.text, self.i, match.end()
        start = i
        if match.re is _MODULE:
            word = _WORD.match(text, end, self.end)
            assert word is not None
            end, i = word.end(), end
        named = _NAMED.match(text, i, self.end)
        if named and named[0] in FUNCTIONS:  # squared_error(o_t, y_t)
            end = named.end()
        said = text[i:end]
        behind = text[end : self.end].lstrip(" ")[:1]
        direct = text[end : end + 1] if end < self.end else ""
        if said in _BIG and (direct == "_" or text[end : self.end].lstrip().startswith("over ")):
            self.add("big", _BIG[said], end, start=start)
        elif said == "over" or said == "of":
            self.add("word", said, end, start=start)
        elif said.lower() in CONNECTORS | CONDITIONS and direct != "_" and len(said) > 1:
            self.add("text", said, end, start=start)
        elif derived := _DERIVED.fullmatch(said) if len(said) > 3 else None:
            cut = end - len(derived[2])
            self.add("word", "d" + derived[1], cut - 1, start=start)
            self.add("slash", "/", cut - 1)
            self.add("word", "d" + derived[2], end)
        elif said in FUNCTIONS and (behind in "('^²[" or len(said) > 1) and behind != "":
            self.add("function", FUNCTIONS[said], end, start=start)
        elif re.fullmatch(r"(tanh|sin|cos|log|exp)2", said) and behind == "(":
            self.add("function", FUNCTIONS[said[:-1]], end - 1, start=start)
            self.add("number", "2", end)
        elif said in GREEK_LETTERS and (said == "tau" or not self.is_below()):
            self.add("letter", GREEK_LETTERS[said], end, start=start)
        elif len(re.sub(_MARK, "", said)) == 1 or re.fullmatch(rf"[^\W\d_]{_MARK}", said):
            self.single(said, end, start)
        else:
            glued = (
                _GLUED.match(text, end, self.end) if said[-1:] == "t" and len(said) == 2 else None
            )
            stop = glued.end() if glued else end
            self.add("word", said, stop, glued[0].replace("−", "-") if glued else None, start)

    def is_below(self) -> bool:
        """Whether this word is (in) a subscript: W_xi is no W_ξ."""
        kinds = [t.kind for t in self.out[-2:]]
        return kinds[-1:] == ["_"] or kinds == ["_", "{"]

    def single(self, said: str, end: int, start: int) -> None:
        """One letter; h_t-1, typed without spaces, is h at t − 1."""
        glued = None
        if self.out and self.out[-1].kind == "_" and said in TIME_LETTERS:
            glued = _GLUED.match(self.text, end, self.end)
        if glued:
            self.add("index", said + glued[0].replace("−", "-"), glued.end(), start=start)
        elif said in "Σ∑∏Π":
            self.add("big", "sum" if said in "Σ∑" else "prod", end, start=start)
        elif said == "∂":
            self.add("partial", "∂", end, start=start)
        else:
            self.letter(said, end)


def plain_tokens(text: str, start: int, end: int) -> list[Token]:
    return Plain(text, start, end).scan()
