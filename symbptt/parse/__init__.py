"""Text to equations: model files, the plain and Unicode notation, and LaTeX.

load(name)              a shipped model, or a model file by path
model(text)             a model from its text
expression(text, m)     one expression in the names of model m
equation(text, m)       one equation
latex(text, m)          one equation written in LaTeX
"""

from .files import load, zoo
from .latex import latex, latex_expression
from .modelfile import model
from .scope import Scope
from .text import equation, expression

__all__ = [
    "Scope",
    "equation",
    "expression",
    "latex",
    "latex_expression",
    "load",
    "model",
    "zoo",
]
