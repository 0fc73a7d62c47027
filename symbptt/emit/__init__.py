"""Program -> source text: a printer table of NumPy lines, laid out by a Jinja template.

A target is a table from operation to lines, a template, and the views it writes; the
planner's program knows none of them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2

from ..errors import expect
from ..model import Verdict
from ..plan import Program
from .module import context
from .numpy import NUMPY


def emit(program: Program, proof: Verdict | None = None, command: str = "") -> str:
    """The NumPy module of a program; `proof` and `command` go into its docstring."""
    expect(program, Program, "emit", "emit(plan(derive(load('elman'))))")
    return _template("numpy.py.jinja").render(context(program, proof, command))


@cache
def _template(name: str) -> jinja2.Template:
    def source(name: str) -> str:
        return (files("symbptt.templates") / name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


__all__ = ["NUMPY", "emit"]
