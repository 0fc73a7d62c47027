"""Models, derivations and verdicts as Unicode, Markdown, LaTeX, HTML or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError, kind
from ..matrix.layout import LAYOUTS
from ..model import LOSS, Derivation, Equation, Formal, Group, Model, Verdict
from ..strategy import Blocks, Checkpoint, RandomCut
from .expression import PRINTERS, show_expression
from .markup import displayed, html_page, latex_page, markdown_page
from .page import Page
from .style import PLAIN, in_layout
from .symbols import in_the_notation_of
from .terminal import unicode_page
from .verdict import displayed_verdict, verdict_json, verdict_text

# What each --mode of `derive` prints.
MODES: dict[str, tuple[str, ...] | None] = {
    "adjoint": ("forward", "local", "adjoint", "boundary", "gradient"),
    "sensitivity": ("forward", "jacobian", "sensitivity"),
    "closed": ("forward", "jacobian", "closed"),
    "all": None,
}
# And of a strategy, in every mode: what is computed, and what is left out.
CUT: dict[type, tuple[str, ...]] = {
    Blocks: ("forward", "cut", "jacobian", "kept", "bias"),
    RandomCut: ("forward", "adjoint", "boundary", "gradient", "jacobian", "kept"),
    Checkpoint: ("forward", "adjoint", "boundary", "gradient", "segments"),
}


def show_equation(e: Equation, notation: str = "unicode") -> str:
    """lhs = rhs, without its number."""
    return PLAIN.equation(e, notation)


def show(
    item: Any,
    format: str = "unicode",
    mode: str = "all",
    notation: str = "",
    layout: str = "numerator",
) -> str:
    """An expression, equation, model, derivation or verdict in one of its formats.

    Expressions and equations: text, unicode, latex. Models and derivations: unicode, latex,
    markdown, html, json, with a mode of `derive`, in the symbols of a text (`TEXTS`),
    and with Jacobians in numerator or denominator layout. Verdicts: unicode, json. Another
    format, mode, layout, notation or kind of item raises UnsupportedError.
    """
    if isinstance(item, mx.Node):
        return show_expression(item, known(format, PRINTERS))
    if isinstance(item, Equation):
        return show_equation(item, known(format, PRINTERS))
    if isinstance(item, Verdict):
        return VERDICTS[known(format, VERDICTS)](item)
    if isinstance(item, Model):
        item = _as_derivation(item)
    if isinstance(item, Derivation):
        known(layout, LAYOUTS, "layout")
        style = in_the_notation_of(item, notation, layout) if notation else in_layout(layout)
        groups = CUT.get(type(item.strategy), MODES[known(mode, MODES, "mode")])
        return FORMATS[known(format, FORMATS)](Page.of(item, groups, style))
    raise UnsupportedError(
        f"show takes a result of symbptt, not {kind(item)}", "show(derive(load('elman')))"
    )


def known(name: str, names: Iterable[str], what: str = "format") -> str:
    """`name`, where it is one of `names`."""
    if name not in names:
        raise UnsupportedError(f"there is no {what} {name!r} here", " or ".join(names))
    return name


def _as_derivation(model: Model) -> Derivation:
    loss = Equation(str(len(model.equations) + 1), LOSS, model.loss.expression())
    group = Group("forward", "Forward", "", (*model.equations, loss))
    return Derivation(model, (group,), ())


def _json(page: Page) -> str:
    """The text is always that of model files, in the model's own names."""
    style = page.style

    def row(e: Equation) -> dict[str, Any]:
        return {
            "label": e.label,
            "text": show_equation(e, "text"),
            "unicode": style.equation(e),
            "latex": style.equation(e, "latex"),
            "shape": [str(s) for s in e.lhs.shape],
            "when": style.prose(e.when),
            "note": style.prose(e.note),
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
                "text": style.prose(g.text),
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


VERDICTS: dict[str, Callable[[Verdict], str]] = {
    "unicode": verdict_text,
    "text": verdict_text,
    "json": verdict_json,
}


def latex_of(item: Any) -> str:
    """For Jupyter: the whole thing as displayed LaTeX."""
    if isinstance(item, Verdict):
        return displayed_verdict(item)
    if isinstance(item, Equation):
        return f"$${show_equation(item, 'latex')}$$"
    derivation = _as_derivation(item) if isinstance(item, Model) else item
    return displayed(Page.of(derivation, None))


mx.notation["document"] = latex_of
