"""Models, derivations and verdicts as Unicode, Markdown, LaTeX, HTML or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError
from ..model import LOSS, Derivation, Equation, Formal, Group, Model, Verdict
from .expression import show_expression
from .markup import displayed, html_page, latex_page, markdown_page
from .page import Page
from .terminal import unicode_page

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
    """Anything of symbptt as unicode, text, latex, markdown, html or json."""
    if isinstance(item, mx.Node):
        return show_expression(item, format)
    if isinstance(item, Equation):
        return show_equation(item, format)
    if isinstance(item, Model):
        item = _as_derivation(item)
    if isinstance(item, Derivation):
        return FORMATS[format](Page.of(item, MODES[mode]))
    if isinstance(item, Verdict):
        return show_verdict(item, format)
    raise UnsupportedError(f"show does not know a {type(item).__name__}")


def _as_derivation(model: Model) -> Derivation:
    loss = Equation(str(len(model.equations) + 1), LOSS, model.loss.expression())
    group = Group("forward", "Forward", "", (*model.equations, loss))
    return Derivation(model, (group,), ())


def _json(page: Page) -> str:
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

    def formal(f: Formal) -> dict[str, Any]:
        return {
            **row(f.equation),
            "shape": [str(s) for s in f.shape],
            "nonzero": str(f.nonzero),
            "total": str(f.total),
        }

    data: dict[str, Any] = {
        "model": page.model.name,
        "title": page.model.title,
        "groups": [
            {
                "key": g.key,
                "title": g.title,
                "text": g.text,
                "equations": list(map(row, g.equations)),
            }
            for g in page.groups
        ],
    }
    if page.formal:
        data["formal"] = list(map(formal, page.formal))
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Page], str]] = {
    "unicode": unicode_page,
    "latex": latex_page,
    "markdown": markdown_page,
    "html": html_page,
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
    derivation = _as_derivation(item) if isinstance(item, Model) else item
    return displayed(Page.of(derivation, None))


mx.notation["document"] = latex_of
