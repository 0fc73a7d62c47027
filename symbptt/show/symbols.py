r"""A derivation in the symbols of a text, printed and read back.

    W_hhᵀ dL/dh_{t+1}    Wᵀ ∇_{h^(t+1)} L    \mathbf{W}^{\top} \nabla_{\mathbf{h}^{(t+1)}} L

The text's symbols stand one to one for the model's own, so reading is a substitution: each
symbol gives way to the one it stands for, and `parse` reads the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Template

from ..errors import UnsupportedError
from ..model import LOSS, Derivation, Equation
from ..parse import Scope, equation, latex
from .expression import printers
from .notation import LATEX, TEXT, UNICODE, Latex, Notation
from .roles import roles_of
from .style import Style
from .texts import TEXTS, Text

_BASES = {"text": TEXT, "unicode": UNICODE, "latex": LATEX}


def in_the_notation_of(d: Derivation, key: str, layout: str = "numerator") -> Style:
    """How a page is written in a text's symbols; UnsupportedError if the model does not fit."""
    return Symbols.of(d, key).style(layout)


def read(line: str, d: Derivation, key: str, format: str, layout: str = "numerator") -> Equation:
    """The equation that was printed in a text's notation, in the model's own names."""
    return Symbols.of(d, key).read(line, format, layout)


@dataclass(frozen=True)
class Symbols:
    """The symbols of one text for one derivation: own name -> the text's."""

    text: Text
    derivation: Derivation
    names: dict[str, str]
    gradients: dict[str, str]

    @staticmethod
    def of(d: Derivation, key: str) -> Symbols:
        if key not in TEXTS:
            raise UnsupportedError(f"there is no notation {key!r}", " or ".join(TEXTS))
        text, roles = TEXTS[key], {"loss": LOSS.name}
        roles |= roles_of(d.model) if text.names else {}
        names = {roles[r]: name for r, name in text.names.items() if r in roles}
        own = {v: names.get(v, v) for v in (LOSS.name, *d.model.table)}
        by_role = {roles[r]: name for r, name in text.gradients.items() if r in roles}
        if text.prefix:
            by_role = {v: text.prefix + shown for v, shown in own.items()} | by_role
        symbols = Symbols(text, d, own, by_role)
        symbols._check(key)
        return symbols

    def _check(self, key: str) -> None:
        """Two names of the model must not meet in one symbol of the text."""
        timed = {d.name: d.timed for d in self.derivation.model.declarations}
        shown = list(self.names.items())
        shown += [(f"the gradient of {v}", s) for v, s in self.gradients.items()]
        seen = {(self.text.horizon, False): "T"}
        for own, symbol in shown:
            other = seen.setdefault((symbol, timed.get(own.split()[-1], False)), own)
            if other != own:
                raise UnsupportedError(
                    f"{symbol!r} would stand for both {other} and {own} in the notation {key}",
                    f"a model in which {other if other == symbol else own} has another name",
                )

    @cached_property
    def times(self) -> dict[str, str]:
        """T as the text has it, and bound times that the text needs for something else."""
        shown, own = {*self.names.values()}, self.derivation.model.table
        free = [n for n in "ijkrmnpqsu" if n not in shown and n not in own]
        taken = [n for n in "kjsi" if n in shown and n not in own]
        return {"T": self.text.horizon} | dict(zip(taken, reversed(free), strict=False))

    # -- printing

    @cached_property
    def notations(self) -> dict[str, Notation]:
        line = TEXT if self.text.code else UNICODE
        return {"text": TEXT, "unicode": _shown(self, line), "latex": _shown(self, LATEX)}

    def style(self, layout: str) -> Style:
        return Style(printers(self.notations, layout), layout, self.prose)

    def prose(self, sentence: str) -> str:
        """The names in a sentence, and dL/d…, in the text's symbols."""
        shown = self.notations["unicode"]
        for ours, theirs in self.text.words.items():
            sentence = sentence.replace(ours, theirs)

        def any_gradient(match: re.Match[str]) -> str:
            return shown.derivative(shown.variable(LOSS.name, ()), match[1], "gradient")

        sentence = re.sub(r"\bdL/d(v|\(.*?\))(?!\w)", any_gradient, sentence)
        scanner, rules = self._of_prose
        return re.sub(r"\bT\b", shown.name("T"), scanner.scan(sentence, rules))

    @cached_property
    def _of_prose(self) -> tuple[Scanner, Rules]:
        """Only names with their time: a parameter `a` is a word, too."""
        shown = self.notations["unicode"]

        def named(name: str, times: Sequence[str]) -> str:
            return shown.variable(name, [x.replace("−", shown.minus) for x in times])

        timed = [d.name for d in self.derivation.model.declarations if d.timed]
        scanner = Scanner(self.derivation, UNICODE, timed, named)
        return scanner, _derivatives(UNICODE, shown, scanner)

    # -- reading

    def read(self, line: str, format: str, layout: str) -> Equation:
        if format == "text":
            return equation(line, Scope.of(self.derivation, layout))
        shown, own = self.notations[format], self._own(format)
        line = re.sub(re.escape(shown.name("T")) + r"(?![A-Za-z])", own.name("T"), line)
        scanner, rules = self._of_latex if format == "latex" else self._of_unicode
        reader = latex if format == "latex" else equation
        return reader(scanner.scan(line, rules), Scope.of(self.derivation, layout))

    def _own(self, format: str) -> Notation:
        return _BASES["text" if self.text.code and format == "unicode" else format]

    @cached_property
    def _of_unicode(self) -> tuple[Scanner, Rules]:
        return self._reading("unicode")

    @cached_property
    def _of_latex(self) -> tuple[Scanner, Rules]:
        return self._reading("latex")

    def _reading(self, format: str) -> tuple[Scanner, Rules]:
        shown, own = self.notations[format], self._own(format)
        scanner = Scanner(self.derivation, shown, list(self.names), own.variable)
        return scanner, _derivatives(shown, own, scanner)


Write = Callable[[str, Sequence[str]], str]
Handler = Callable[[re.Match[str]], str | None]
Rules = Sequence[tuple[re.Pattern[str], Handler]]
_AFTER_NAME = re.compile(r"[A-Za-z0-9_\\]")


@dataclass(frozen=True)
class Scanner:
    """Finds the variables that `notation` writes, and has `named` write them anew."""

    derivation: Derivation
    notation: Notation
    names: list[str]
    named: Write

    def arrays(self) -> list[str]:
        """What a derivative may be taken by."""
        table = self.derivation.model.table
        return [n for n in self.names if n in table and table[n].role not in ("size", "hyper")]

    @cached_property
    def variables(self) -> list[tuple[re.Pattern[str], str]]:
        """(how a variable is written, its own name), the longest first."""
        loss = [n for n in self.names if n == LOSS.name]
        ways = [(p, n) for n in (*loss, *self.arrays()) for p in self.patterns(n)]
        return [(re.compile(p), n) for p, n in sorted(ways, key=lambda f: -len(f[0]))]

    def patterns(self, name: str, write: Write | None = None) -> set[str]:
        """How `write` writes a variable; a time of one letter may look unlike one of several."""
        write = write or self.notation.variable
        table = self.derivation.model.table
        if name not in table or not table[name].timed:
            return {re.escape(write(name, ()))}
        long, short = (re.escape(write(name, (mark,))) for mark in ("\0\0", "\0"))
        return {
            long.replace("\0\0", r"(?P<time>[^{}()\[\],]{2,}?)"),
            short.replace("\0", r"(?P<time>\w)"),
        }

    @staticmethod
    def time(match: re.Match[str]) -> list[str]:
        return [match["time"]] if "time" in match.re.groupindex else []

    def any_variable(self) -> str:
        """A variable, or one entry of it, as a part of a larger pattern."""
        ways = "|".join(p.pattern.replace("?P<time>", "?:") for p, _ in self.variables)
        return rf"(?:\\left)?\[?(?:{ways})(?:\\right)?\]?(?:_\{{[a-z,]+\}}|\[[a-z,]+\])?"

    def scan(self, text: str, others: Rules = ()) -> str:
        """The text with every symbol replaced; `others` are tried first."""
        out, i = "", 0
        while i < len(text):
            piece, end = self._at(text, i, others)
            out, i = out + piece, end
        return out

    def _at(self, text: str, i: int, others: Rules) -> tuple[str, int]:
        if i == 0 or not _AFTER_NAME.match(text[i - 1]):
            for pattern, handler in others:
                match = pattern.match(text, i)
                if match and _ends(text, match.end()) and (new := handler(match)) is not None:
                    return new, match.end()
            for pattern, name in self.variables:
                match = pattern.match(text, i)
                if match and _ends(text, match.end()):
                    return self.named(name, self.time(match)), match.end()
        return text[i], i + 1

    def first(self, text: str) -> str:
        """The own name of the variable that a piece of text begins with, past a bracket."""
        bare = re.sub(r"^(\\left)?\[", "", text)
        return next(name for p, name in self.variables if p.match(bare))


def _ends(text: str, end: int) -> bool:
    """Whether a name ends here, and no longer name goes on."""
    return end == len(text) or not re.match(r"[A-Za-z0-9_]", text[end]) or text[end - 1] in "})]"


def _derivatives(written: Notation, own: Notation, scanner: Scanner) -> Rules:
    """Patterns for every derivative that `written` writes, and what `own` writes for it."""
    found: list[tuple[re.Pattern[str], Handler]] = []
    any_ = scanner.any_variable()
    for name in scanner.arrays():
        for pattern in scanner.patterns(name, lambda n, times: gradient(written, n, times)):
            found.append((re.compile(pattern), _gradient(own, scanner, name)))
    found.sort(key=lambda f: -len(f[0].pattern))
    for kind in ("immediate", "partial", "total", "carried"):
        shown = re.escape(written.derivative("\1", "\2", kind, "\3"))
        shown = shown.replace("\1", f"(?P<of>{any_})").replace("\2", f"(?P<wrt>{any_})")
        found.append((re.compile(shown.replace("\3", r"[^()]+?")), _ratio(kind, own, scanner)))
    return found


def gradient(n: Notation, name: str, times: Sequence[str]) -> str:
    """dL/d(name) in a notation."""
    loss = n.variable(LOSS.name, ())
    return n.gradient_name(name, times) or n.derivative(loss, n.variable(name, times), "gradient")


def _gradient(own: Notation, scanner: Scanner, name: str) -> Handler:
    def write(match: re.Match[str]) -> str:
        return gradient(own, name, [x.replace("−", own.minus) for x in scanner.time(match)])

    return write


def _ratio(kind: str, own: Notation, scanner: Scanner) -> Handler:
    """A derivative that is no gradient; None where the two names do not make one of this kind."""

    def write(match: re.Match[str]) -> str | None:
        table = scanner.derivation.model.table
        of, wrt = scanner.first(match["of"]), scanner.first(match["wrt"])
        if of == LOSS.name or wrt not in table:
            return None
        if table[wrt].timed != (kind in ("partial", "carried")):
            return None
        when = match["of"]
        return own.derivative(
            scanner.scan(match["of"]), scanner.scan(match["wrt"]), kind, _time(when)
        )

    return write


def _time(shown: str) -> str:
    """The time that a printed variable stands at."""
    match = re.search(r"[_^]?[({\[]*([^(){}\[\],]+)[)}\]]*$", shown)
    return match[1].lstrip("_") if match else ""


def _class(base: type[Notation]) -> type[Notation]:
    """`base` with the names and derivatives of a text."""

    class Shown(base):  # type: ignore[valid-type, misc]
        def __init__(self, symbols: Symbols):
            self.symbols, self.text = symbols, symbols.text
            self.superscript_time = self.text.superscript_time
            self.prefix_gradient = self.text.derivatives.get("gradient", ("",))[0].endswith("$of")

        def name(self, name: str) -> str:
            return str(super().name(self.symbols.times.get(name, name)))

        def variable(self, name: str, times: Sequence[str]) -> str:
            return self._written(self.symbols.names.get(name, name), times, self._bold(name))

        def gradient_name(self, name: str, times: Sequence[str]) -> str:
            own = self.symbols.gradients.get(name)
            return self._written(own, times, self._bold(name)) if own else ""

        def _bold(self, name: str) -> dict[str, bool]:
            table = self.symbols.derivation.model.table
            array = name in table and bool(table[name].shape)
            return {"bold": True} if array and self.text.bold and issubclass(base, Latex) else {}

        def _written(self, shown: str, times: Sequence[str], bold: dict[str, bool]) -> str:
            if not (times and self.superscript_time):
                return str(super().variable(shown, times, **bold))
            left, right = ("{(", ")}") if issubclass(base, Latex) else ("(", ")")
            return f"{super().variable(shown, (), **bold)}^{left}{','.join(times)}{right}"

        def derivative(self, of: str, wrt: str, kind: str, when: str = "") -> str:
            ways = self.text.derivatives.get(kind)
            if ways is None:
                return str(super().derivative(of, wrt, kind, when))
            return Template(ways[issubclass(base, Latex)]).substitute(of=of, wrt=wrt, when=when)

    return Shown


def _shown(symbols: Symbols, base: Notation) -> Notation:
    return _class(type(base))(symbols)  # type: ignore[call-arg]
