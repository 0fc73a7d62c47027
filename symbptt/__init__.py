"""symbptt: the forward equations of a recurrent model in; proven BPTT and NumPy gradients out.

    from symbptt import derive, emit, load, plan
    print(emit(plan(derive(load("elman")))))

A name is imported when it is first used. Some names are those of submodules; the attribute is
always the function, and `from symbptt.derive import …` reads the submodule.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import check as check
    from .derive import derive as derive
    from .emit import emit as emit
    from .errors import SymbpttError as SymbpttError
    from .indices import same as same
    from .parse import load as load
    from .parse import model as model
    from .parse import zoo as zoo
    from .plan import plan as plan
    from .prove import lemma as lemma
    from .prove import prove as prove
    from .show import show as show
    from .verify import verify as verify

__version__ = "0.1.0"

_HOME = {
    "SymbpttError": "errors",
    "check": "check",
    "derive": "derive",
    "emit": "emit",
    "lemma": "prove",
    "load": "parse",
    "model": "parse",
    "plan": "plan",
    "prove": "prove",
    "same": "indices",
    "show": "show",
    "verify": "verify",
    "zoo": "parse",
}

__all__ = [  # noqa: RUF022 - the pipeline's order
    "load", "model", "zoo", "derive", "prove", "lemma", "plan", "emit", "check", "verify", "show",
    "same",
    "SymbpttError", "__version__",
]  # fmt: skip


class _Package(ModuleType):
    """The package: public names are looked up lazily, and no submodule takes their place."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_HOME})


sys.modules[__name__].__class__ = _Package
