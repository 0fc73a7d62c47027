"""`symbptt generate`: derive, prove, plan and emit, check, and only then write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..check import check
from ..derive import derive
from ..emit import emit
from ..errors import SymbpttError
from ..model import Derivation
from ..parse import load, zoo
from ..plan import plan
from ..prove import prove
from ..show import conclusion
from ..strategy import Clip, Strategy
from .guard import status, stop
from .output import progress, put


@dataclass(frozen=True)
class Module:
    """An emitted module and the derivation it comes from."""

    text: str
    derivation: Derivation

    def report(self) -> str:
        """The planner's passes and what each one won."""
        from ..plan.report import report

        return report(self.derivation).rstrip("\n") + "\n"


def module(name: str, strategy: Strategy | None = None, clip: Clip | None = None) -> Module:
    """The proved and checked module of one model; exits with status 1 if either fails."""
    derivation = derive(load(name), strategy)
    with progress(f"proving {derivation.model.name}") as say:
        proof = prove(derivation, say)
    if not proof.ok:
        advice = f"nothing is emitted; `symbptt prove {name}` says more"
        stop(f"{conclusion(proof)}\n{advice}", status(proof))
    program = plan(derivation, clip)
    text = emit(program, proof, f"symbptt generate {shown(name)}{options(strategy, clip)}")
    numbers = check(program, text)
    if not numbers.ok:
        advice = f"nothing is emitted; `symbptt check {name}` says more"
        stop(f"{conclusion(numbers)}\n{advice}", status(numbers))
    return Module(text, derivation)


def everything(folder: Path) -> None:
    """One module per shipped model, unless its functions have no bodies."""
    if not folder.is_dir():
        raise SymbpttError(f"{folder} is not a folder", f"mkdir -p {folder}")
    for name in zoo():
        if not load(name).is_uninterpreted:
            put(module(name).text, folder / f"{name}.py")


def options(*asked: Strategy | Clip | None) -> str:
    """The options of the command line that ask for a strategy and for clipping."""
    return "".join(f" {x.option}" for x in asked if x)


def shown(name: str) -> str:
    """The model as the emitted docstring names it: never a path of one machine."""
    if Path(name).is_absolute():
        name = Path(name).name
    return name if re.fullmatch(r"[\w./+-]+", name) else "MODEL"
