"""The LaTeX, Markdown and HTML pages, and the displayed LaTeX of Jupyter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .. import matrix as mx
from ..model import Declaration, Equation
from ..parse.names import GREEK, MARKS
from .breaking import breadth, broken_latex
from .expression import show_expression
from .page import FORMAL_TITLE, Page, shape
from .style import PLAIN, Style

ROW = 66  # about as many letters as a row of a page has beside its number
Part = tuple[str, str, list[Equation]]  # title, text, equations


def parts(page: Page) -> list[Part]:
    """The groups, and the full-index Jacobians as one more."""
    say = page.style.prose
    found: list[Part] = [(say(g.title), say(g.text), list(g.equations)) for g in page.groups]
    if page.formal:
        found.append((FORMAL_TITLE, "", [f.equation for f in page.formal]))
    return found


def _times(when: str) -> str:
    """t = T, …, 1 in LaTeX."""
    return (
        when.replace("τ", r"\tau")
        .replace("…", r"\dots")
        .replace(", ", r",\ ")
        .replace(r"\ \dots,\ ", r" \dots, ")
    )


# -- LaTeX

_HEAD = r"""\documentclass[fleqn]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb}
\setlength{\mathindent}{1.5em}
\setlength{\parindent}{0pt}
\addtolength{\jot}{3pt}
\allowdisplaybreaks
\begin{document}"""


def latex_block(equations: Iterable[Equation], style: Style = PLAIN) -> str:
    """One `align*` for a document that loads amsmath; the times stand to the right.

    A long right side goes on in rows of its own, which have no number.
    """
    rows = []
    for e in equations:
        left, right = style.sides(e, "latex")
        when = _times(style.prose(e.when))
        first, *rest = broken_latex(right, _room(left, when))
        tail = rf" & & {when}" if when else ""
        rows += [rf"  {left} &= {first}{tail} \tag{{{e.label}}}"]
        rows += [rf"  &\quad {row}" for row in rest]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _room(left: str, when: str) -> int:
    """How many letters a row has for its right side."""
    return max(ROW - breadth(left) - breadth(when), ROW // 3)


def latex_page(page: Page) -> str:
    lines = [_HEAD, rf"\section*{{{prose(page.title)}}}"]
    lines += [r"\begin{tabular}{@{}lp{.8\textwidth}@{}}"]
    lines += [rf"{word} & {_declarations(page, names)} \\" for word, names in page.roles()]
    lines += [r"\end{tabular}"]
    for title, text, equations in parts(page):
        lines += [rf"\subsection*{{{prose(title)}}}", *([prose(text)] if text else [])]
        lines += [latex_block(equations, page.style)]
    if page.formal:
        lines += [r"\begin{itemize}"]
        lines += [rf"\item[({f.equation.label})] {prose(page.entries(f))}" for f in page.formal]
        lines += [r"\end{itemize}"]
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def _declarations(page: Page, names: Iterable[Declaration]) -> str:
    return ",\n  ".join(f"${_space(page, d)}$" for d in names)


def _variable(d: Declaration) -> mx.Node:
    return d.var(mx.t) if d.timed else d.var()


def _space(page: Page, d: Declaration) -> str:
    r"""x_t \in \mathbb{R}^{N \times D}, and whole numbers for a class index."""
    values = r"\mathbb{R}"
    if d.classes is not None:
        values = rf"\{{0, \dots, {show_expression(d.classes - 1, 'latex')}\}}"
    dims = r" \times ".join(show_expression(n, "latex") for n in d.shape)
    power = f"^{{{dims}}}" if dims else ""
    return rf"{page.style.expression(_variable(d), 'latex')} \in {values}{power}"


_SIGNS = {letter: rf"\{word} " for word, letter in GREEK.items()} | {
    "λ": r"\lambda ",
    "∂": r"\partial ",
    "∇": r"\nabla ",
    "∏": r"\prod ",
    "·": r"\cdot ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
    "√": r"\surd ",
    "∞": r"\infty ",
    "⁺": "^{+}",
    "²": "^2",
    "³": "^3",
}
_SIGN = "".join((*_SIGNS, *MARKS.values()))
_MATHS = re.compile(rf"[^\s(]*(?:\^\(|[_^{_SIGN}]|\bd[A-Z]/d)(?:\^?\([^\s()]*\)|[^\s(])*")
_MACROS = {**_SIGNS, "−": "-"}
_MARKED = {mark: rf"\\{name}{{\1}}" for name, mark in MARKS.items()}


def prose(text: str) -> str:
    """Text with the mathematics in it set as such: h_{t−1}, dL/dv, ∂."""

    def maths(match: re.Match[str]) -> str:
        word = match[0]
        if re.search(r"[^\W\d_]{2,}_[^\W\d_]{2,}", word):  # a name such as elman_batch
            return word.replace("_", r"\_")
        body = word.rstrip(",.;:")
        while body.endswith(")") and body.count(")") > body.count("("):
            body = body[:-1].rstrip(",.;:")
        return _inline(body) + word[len(body) :]

    return (
        _MATHS.sub(maths, re.sub(r"([#$%&])", r"\\\1", text))
        .replace("…", r"\dots{}")
        .replace(" − ", " $-$ ")
    )


def _inline(body: str) -> str:
    body = re.sub(r"\^?(\([^()]*\))", r"^{\1}", body) if "^(" in body else body
    for mark, macro in _MARKED.items():
        body = re.sub(rf"(\w){mark}", macro, unicodedata.normalize("NFD", body))
    for raw, macro in _MACROS.items():
        body = body.replace(raw, macro)
    body = re.sub(r"\bd(?=[A-Za-z]|$)", r"\\mathrm{d}", body)
    return f"${body.replace(' _', '_').rstrip()}$"


def displayed(page: Page) -> str:
    """For MathJax: `aligned` may not hold a tag, so that the numbers are a column of their own."""
    rows = []
    for _, _, equations in parts(page):
        for e in equations:
            rows += _aligned(page.style, e, rf"\text{{({e.label})}} & \quad & ", " & & ")
    return _display(rows)


def _aligned(style: Style, e: Equation, number: str, none: str) -> list[str]:
    left, right = style.sides(e, "latex")
    when = _times(style.prose(e.when))
    first, *rest = broken_latex(right, _room(left, when))
    tail = rf" & & \quad {when}" if when else ""
    return [f"{number}{left} &= {first}{tail}", *(rf"{none}& \quad {row}" for row in rest)]


def _display(rows: Iterable[str]) -> str:
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


# -- Markdown


def markdown_page(page: Page) -> str:
    lines = [f"# {page.title}", "", "| | |", "|---|---|"]
    lines += [
        f"| {word} | {', '.join(_code(page, d) for d in names)} |" for word, names in page.roles()
    ]
    for title, text, equations in parts(page):
        lines += ["", f"## {title}", "", *([text, ""] if text else [])]
        for e in equations:
            lines += [_markdown(page.style, e), ""]
            lines += [page.style.prose(e.note), ""] if e.note else []
    lines += [f"- ({f.equation.label}) {page.entries(f)}" for f in page.formal]
    return "\n".join(lines).rstrip() + "\n"


def _code(page: Page, d: Declaration) -> str:
    name = page.style.expression(_variable(d)) if page.style.renamed is not str else d.name
    return f"`{name}` {shape(d)}".strip()


def _markdown(style: Style, e: Equation) -> str:
    """One display; `aligned` holds the rows of a long one."""
    left, right = style.sides(e, "latex")
    when = _times(style.prose(e.when))
    tail = rf" \qquad {when}" if when else ""
    first, *rest = broken_latex(right, _room(left, when))
    body = f"{left} = {right}"
    if rest:
        rows = [f"{left} &= {first}", *(rf"&\quad {row}" for row in rest)]
        body = r"\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}"
    return f"$${body}{tail} \\tag{{{e.label}}}$$"


# -- HTML

_STYLE = """<style>
body { max-width: 60em; margin: 2em auto; font-family: serif; }
.eq { display: flex; align-items: baseline; gap: 1.5em; margin: .4em 0; }
.eq > span:first-child { min-width: 3em; text-align: right; }
.eq > span:last-child { margin-left: auto; white-space: nowrap; }
small { display: block; margin-left: 4.5em; color: #555; }
</style>"""


def html_page(page: Page) -> str:
    rows = ["<table>"]
    for word, names in page.roles():
        shown = ", ".join(f"{mathml(_variable(d), page.style)} {shape(d)}" for d in names)
        rows.append(f"<tr><td>{word}</td><td>{shown}</td></tr>")
    rows.append("</table>")
    for title, text, equations in parts(page):
        rows.append(f"<h2>{escaped(title)}</h2>")
        rows += [f"<p>{escaped(text)}</p>"] if text else []
        rows += [_html_equation(page.style, e) for e in equations]
    rows += [f"<p>({f.equation.label}) {escaped(page.entries(f))}</p>" for f in page.formal]
    title = escaped(page.title)
    head = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>'
    return "\n".join([head, _STYLE, f"<h1>{title}</h1>", *rows, "</html>"]) + "\n"


def _html_equation(style: Style, e: Equation) -> str:
    left, right = style.sides(e, "latex")
    note = f"<small>{escaped(style.prose(e.note))}</small>" if e.note else ""
    return (
        f'<div class="eq" id="eq{e.label}"><span>({e.label})</span>'
        f"{_converted(f'{left} = {right}')}<span>{escaped(style.prose(e.when))}</span></div>{note}"
    )


def mathml(e: mx.Node, style: Style = PLAIN) -> str:
    """An expression as MathML."""
    return _converted(style.expression(e, "latex"))


def _converted(latex: str) -> str:
    from latex2mathml.converter import convert

    # The converter sets \operatorname and \mathrm letter by letter; \text keeps a word whole.
    words = re.sub(
        r"\\(?:operatorname|mathrm)\{((?:[\w-]|\\_){2,})\}",
        lambda m: rf"\text{{{m[1]}}}".replace(r"\_", "_"),
        latex,
    )
    return convert(words, display="inline")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
