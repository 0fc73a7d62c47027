"""The code under check: whatever it raises is its failure, not the check's."""

from __future__ import annotations

import types
from typing import Any

import numpy as np


class CodeError(Exception):
    """The code under check raised instead of returning."""


class Guarded:
    """A module's two functions; overflow is seen in their numbers and not warned about."""

    def __init__(self, source: str, name: str):
        self.module = self._call(load_module, source, name)

    @staticmethod
    def _call(function: Any, *args: Any, **keywords: Any) -> Any:
        try:
            with np.errstate(all="ignore"):
                return function(*args, **keywords)
        except Exception as error:
            raise CodeError(f"{type(error).__name__}: {error}") from error

    def loss_and_grad(self, *args: Any, **keywords: Any) -> Any:
        return self._call(self.module.loss_and_grad, *args, **keywords)

    def forward(self, *args: Any, **keywords: Any) -> Any:
        return self._call(self.module.forward, *args, **keywords)


def load_module(source: str, name: str) -> types.ModuleType:
    """The emitted source as a module."""
    module = types.ModuleType(name)
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module
