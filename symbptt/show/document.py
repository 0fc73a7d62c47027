"""Models, derivations and verdicts as Unicode, Markdown, LaTeX, HTML or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError
from ..model import Derivation, Equation, Formal, Group, Model, Verdict
from .expression import show_expression

# What each --mode of `derive` prints.
MODES = {
    "adjoint": ("forward", "local", "adjoint", "boundary", "gradient"),
    "sensitivity": ("forward", "jacobian", "sensitivity"),
    "closed": ("forward", "jacobian", "closed"),
    "all": None,
}


def show_equation(e: Equation, notation: str = "unicode") -> str:
    """lhs = rhs, without its number."""
    return f"{show_expression(e.lhs, notation)} = {show_expression(e.rhs, notation)}"


def show(item: Any, format: str = "unicode", mode: str = "all") -> str:
    """Anything of symbptt as text in the given format: unicode, text, latex, markdown, html, json."""
    if isinstance(item, mx.Node):
        return show_expression(item, format)
    if isinstance(item, Equation):
        return show_equation(item, format)
    if isinstance(item, Model):
        item = _as_derivation(item)
    if isinstance(item, Derivation):
        return FORMATS[format](item, selected(item, mode))
    raise UnsupportedError(f"show does not know a {type(item).__name__}")


def _as_derivation(model: Model) -> Derivation:
    from ..model import LOSS

    loss = Equation(str(len(model.equations) + 1), LOSS, model.loss.expression())
    group = Group("forward", "Forward", "", (*model.equations, loss))
    return Derivation(model, (group,), ())


def selected(d: Derivation, mode: str) -> tuple[Group, ...]:
    keys = MODES[mode]
    return tuple(g for g in d.groups if keys is None or g.key in keys)


def title(d: Derivation) -> str:
    return f"{d.model.name}: {d.model.title}" if d.model.title else d.model.name


def shapes(model: Model) -> str:
    """One line of shapes: x_t (N, D), W_h (H, H)."""
    parts = []
    for d in model.declarations:
        if d.role == "size":
            continue
        inner = ", ".join(map(str, d.shape))
        comma = "," if len(d.shape) == 1 else ""
        values = f" in {d.classes}" if d.classes is not None else ""
        var = d.var(mx.t) if d.timed else d.var()
        parts.append(f"{show_expression(var)} ({inner}{comma}){values}")
    return "   ".join(parts)


def wants_formal(groups: Iterable[Group]) -> bool:
    return any(g.key == "local" for g in groups)


def formal_lines(f: Formal) -> tuple[str, str]:
    shape = "(" + ", ".join(map(str, f.shape)) + ")"
    return (
        f"{f.entries} = {show_expression(f.equation.rhs)}",
        f"{len(f.shape)} indices {shape}, {f.nonzero} of {f.total} entries not zero",
    )


def _unicode(d: Derivation, groups: tuple[Group, ...]) -> str:
    lines = [title(d), f"shapes: {shapes(d.model)}"]
    everything = [e for g in groups for e in g.equations]
    number = max((len(e.label) for e in everything), default=1) + 2
    for g in groups:
        lines += ["", g.title] + ([f"  {g.text}"] if g.text else [])
        width = max(len(show_expression(e.lhs)) for e in g.equations)
        for e in g.equations:
            left = show_expression(e.lhs).rjust(width)
            body = f"{left} = {show_expression(e.rhs)}"
            when = f"      {e.when}" if e.when else ""
            lines.append(f"  {f'({e.label})'.rjust(number)}  {body}{when}")
            if e.note:
                lines.append(" " * (number + 4 + width + 3) + e.note)
    if d.formal and wants_formal(groups):
        lines += ["", "Full-index Jacobians (the formal road)"]
        for f in d.formal:
            first, second = formal_lines(f)
            lines += [f"  {f'({f.equation.label})'.rjust(number)}  {first}"]
            lines += [" " * (number + 4) + second]
    return "\n".join(lines) + "\n"


def _markdown(d: Derivation, groups: tuple[Group, ...]) -> str:
    lines = [f"# {title(d)}", "", f"Shapes: `{shapes(d.model)}`"]
    for g in groups:
        lines += ["", f"## {g.title}", ""] + ([g.text, ""] if g.text else [])
        for e in g.equations:
            tail = rf" \qquad {_words(e.when)}" if e.when else ""
            lines += [f"$${show_equation(e, 'latex')}{tail} \\tag{{{e.label}}}$$", ""]
            if e.note:
                lines += [e.note, ""]
    if d.formal and wants_formal(groups):
        lines += ["", "## Full-index Jacobians (the formal road)", ""]
        lines += [f"- `({f.equation.label})` `{a}`: {b}" for f in d.formal for a, b in [formal_lines(f)]]
    return "\n".join(lines).rstrip() + "\n"


def _words(when: str) -> str:
    return when.replace("…", r"\dots")


def latex_block(groups: Iterable[Group]) -> str:
    """One `align` per group, for a document that loads amsmath."""
    blocks = []
    for g in groups:
        rows = []
        for e in g.equations:
            left, right = (show_expression(x, "latex") for x in (e.lhs, e.rhs))
            tail = rf" && {_words(e.when)}" if e.when else ""
            rows.append(rf"  {left} &= {right}{tail} \tag{{{e.label}}}")
        blocks.append("\\begin{align}\n" + " \\\\\n".join(rows) + "\n\\end{align}")
    return "\n".join(blocks)


def _latex(d: Derivation, groups: tuple[Group, ...]) -> str:
    body = []
    for g in groups:
        body += [rf"\section*{{{g.title}}}", _escape(g.text), latex_block([g])]
    if d.formal and wants_formal(groups):
        body += [r"\section*{Full-index Jacobians}"]
        body += ["\\begin{verbatim}"]
        body += [f"({f.equation.label}) {a}\n    {b}" for f in d.formal for a, b in [formal_lines(f)]]
        body += ["\\end{verbatim}"]
    head = [
        r"\documentclass{article}",
        r"\usepackage{amsmath,amssymb}",
        r"\usepackage[utf8]{inputenc}",
        r"\allowdisplaybreaks",
        r"\begin{document}",
        rf"\title{{{_escape(title(d))}}}\author{{}}\date{{}}\maketitle",
    ]
    return "\n".join([*head, *body, r"\end{document}"]) + "\n"


def _escape(text: str) -> str:
    for raw, tex in (("_", r"\_"), ("λ", r"$\lambda$"), ("∂", r"$\partial$"), ("∏", r"$\prod$")):
        text = text.replace(raw, tex)
    return text


def _html(d: Derivation, groups: tuple[Group, ...]) -> str:
    from latex2mathml.converter import convert

    rows = []
    for g in groups:
        rows.append(f"<h2>{_html_text(g.title)}</h2>")
        if g.text:
            rows.append(f"<p>{_html_text(g.text)}</p>")
        for e in g.equations:
            maths = convert(show_equation(e, "latex"), display="block")
            note = f" <small>{_html_text(' '.join((e.when, e.note)))}</small>"
            rows.append(f'<div id="eq{e.label}">({e.label}) {maths}{note}</div>')
    page = "\n".join(rows)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{_html_text(title(d))}</title>\n<h1>{_html_text(title(d))}</h1>\n{page}\n</html>\n"
    )


def _html_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(d: Derivation, groups: tuple[Group, ...]) -> str:
    def row(e: Equation) -> dict[str, Any]:
        return {
            "label": e.label,
            "text": show_equation(e, "text"),
            "unicode": show_equation(e),
            "latex": show_equation(e, "latex"),
            "shape": [str(s) for s in e.lhs.shape],
            "when": e.when,
            "note": e.note,
        }

    data: dict[str, Any] = {
        "model": d.model.name,
        "title": d.model.title,
        "groups": [
            {"key": g.key, "title": g.title, "text": g.text, "equations": list(map(row, g.equations))}
            for g in groups
        ],
    }
    if d.formal and wants_formal(groups):
        data["formal"] = [
            {
                "label": f.equation.label,
                "entries": f.entries,
                "text": show_expression(f.equation.rhs, "text"),
                "shape": [str(s) for s in f.shape],
                "nonzero": f.nonzero,
                "total": f.total,
            }
            for f in d.formal
        ]
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Derivation, tuple[Group, ...]], str]] = {
    "unicode": _unicode,
    "latex": _latex,
    "markdown": _markdown,
    "html": _html,
    "json": _json,
}


def show_verdict(v: Verdict, format: str = "unicode") -> str:
    """A proof, check report or verdict: one line per step, then the conclusion."""
    if format == "json":
        steps = [
            {"label": s.label, "claim": s.claim, "ok": s.ok, "how": s.how, "detail": s.detail}
            for s in v.steps
        ]
        data = {"subject": v.subject, "title": v.title, "ok": v.ok, "steps": steps}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    lines = [v.title]
    for s in v.steps:
        label = f"({s.label})" if s.label else ""
        lines.append(f"  {'✓' if s.ok else '✗'} {label:>5} {s.claim}")
        if s.how:
            lines.append(f"          {s.how}")
        if s.detail and not s.ok:
            lines += [f"          {line}" for line in s.detail.splitlines()]
    done = sum(s.ok for s in v.steps)
    lines.append(f"{'holds' if v.ok else 'REFUTED'}: {done} of {len(v.steps)} statements")
    return "\n".join(lines) + "\n"


def latex_of(item: Any) -> str:
    """For Jupyter: the whole thing as displayed LaTeX."""
    if isinstance(item, Model):
        item = _as_derivation(item)
    return "$$\n" + latex_block(item.groups).replace("align", "aligned").replace(
        "\\tag", "\\quad "
    ) + "\n$$"


mx.notation["document"] = latex_of
