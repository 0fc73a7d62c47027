"""`symbptt bench`: emit each model and hand it to the benchmarks beside this checkout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..derive import derive
from ..emit import emit
from ..errors import SymbpttError
from ..parse import load
from ..plan import plan
from .guard import INPUT, REFUTED, stop
from .output import aside, progress

PEERS = ("torch", "jax", "autograd")


def measured(models: list[str], as_json: bool) -> str:
    """What was measured, as a table per model or as JSON."""
    bench = _benchmarks()
    if not any(find_spec(peer) for peer in PEERS):
        raise SymbpttError(
            f"none of the peers is installed: {', '.join(PEERS)}", "pip install 'symbptt[bench]'"
        )
    try:
        measured = {n: _run(bench, n, as_json) for n in models or sorted(bench.PROBLEMS)}
    except bench.BenchError as error:
        stop(str(error), REFUTED if isinstance(error, bench.DisagreementError) else INPUT)
    if as_json:
        every = [row.as_dict() for rows, _ in measured.values() for row in rows]
        return json.dumps(every, indent=2) + "\n"
    return "\n".join(_table(bench, name, *found) for name, found in measured.items())


def strategies(as_json: bool) -> Iterator[str]:
    """Time and peak memory of every strategy against the full gradient, row by row."""
    _benchmarks()
    found = import_module("benchmarks.strategies")
    with progress("measuring") as say:
        rows = found.everything(say)
        yield from [found.as_json(rows)] if as_json else found.table(rows)


def _benchmarks() -> Any:
    """benchmarks.bench of the checkout this package runs from."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks" / "bench.py").is_file():
        raise SymbpttError(
            "the benchmarks are part of the repository, not of the installed package",
            "make bench, in a checkout",
        )
    sys.path.insert(0, str(checkout))
    return import_module("benchmarks.bench")


def _run(bench: Any, name: str, as_json: bool) -> tuple[list[Any], list[str]]:
    """The rows of a model, and in words what memory it takes."""
    model = name
    if name in bench.PROBLEMS:
        model = bench.PROBLEMS[name].model or name
    source = emit(plan(derive(load(model))), None, f"symbptt generate {model}")
    with TemporaryDirectory() as folder, progress("measuring") as say:
        file = Path(folder) / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        rows: list[Any] = bench.run(
            name, bench.load(file), progress=say, done=lambda row: aside(bench.line(row))
        )
        more = [] if as_json else bench.footprint(name, str(file))
    return rows, more


def _table(bench: Any, name: str, rows: list[Any], more: list[str]) -> str:
    header, cells = bench.table(rows)
    lines = [header, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "".join(
        f"{line}\n" for line in [name, *_aligned(lines, widths), *bench.notes(rows), *more]
    )


def _aligned(lines: Iterable[list[str]], widths: list[int]) -> Iterable[str]:
    for line in lines:
        yield "  " + "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)).rstrip()
