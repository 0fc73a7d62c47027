"""Measure an emitted module against its peers at every shape: rows, a table, and the command line.

`run` measures and returns rows; `line`, `table` and `notes` turn rows into text; `main` prints.
A caller with a better way to print (a progress bar, a rich table) takes those and leaves `main`.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .child import OURS, BenchError, DisagreementError, Request, load, measure
from .memory import footprint
from .peers import GEMM_LIMIT, PEERS
from .problems import PROBLEMS, Shape
from .timing import Timing

THREADS = min(2, os.cpu_count() or 1)
ROUNDS = 21
COMPANY = 0.05  # the share of the machine that others may take before a row is called noisy


@dataclass(frozen=True)
class Row:
    """One shape: our time, the peers', why a peer has none, what others took of the machine."""

    model: str
    sizes: dict[str, int]
    threads: int
    ours: Timing
    peers: dict[str, Timing]
    missing: dict[str, str]
    company: float | None

    def ratio(self, peer: str) -> float | None:
        """The peer's time over ours (above 1: ours is faster), or None if the peer is missing."""
        timing = self.peers.get(peer)
        return None if timing is None else timing.median / self.ours.median

    @property
    def noisy(self) -> bool:
        """Whether something else was running: it took CPU time, or some quartiles lie far apart."""
        timings = (self.ours, *self.peers.values())
        return (self.company or 0.0) > COMPANY or any(timing.noisy for timing in timings)

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON can hold it, with the ratios; times in seconds."""
        ratios = {peer: self.ratio(peer) for peer in self.peers if peer != GEMM_LIMIT}
        derived = {"ratios": ratios, "gemm_fraction": self.ratio(GEMM_LIMIT), "noisy": self.noisy}
        return asdict(self) | derived


def run(
    model: str,
    module: ModuleType,
    shapes: Sequence[Shape] | None = None,
    *,
    threads: int = THREADS,
    rounds: int = ROUNDS,
    progress: Callable[[str], None] = lambda message: None,
    done: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Measure `module` (emitted for `model`) at each shape, by default at those of `PROBLEMS`.

    `progress` is told which shape comes next, `done` is given each row as soon as it is there.

    Raises BenchError if there is no such benchmark, a shape does not fit the model, or a peer's
    loss or gradient differs from ours.
    """
    if model not in PROBLEMS:
        raise BenchError(f"no benchmark for {model!r}; there is one for {', '.join(PROBLEMS)}")
    if module.__file__ is None:
        raise BenchError(f"{module.__name__} has no file; save the emitted module and import that")
    if threads < 1 or rounds < 2:
        raise BenchError(f"{threads} threads, {rounds} rounds; at least 1 thread and 2 rounds")
    rows = []
    for shape in PROBLEMS[model].shapes if shapes is None else shapes:
        sizes = _sizes(model, shape)
        progress(f"{model} {_named(sizes)}")
        answer = measure(Request(model, module.__file__, tuple(shape), threads, rounds))
        timings = {name: Timing(**timing) for name, timing in answer["timings"].items()}
        ours = timings.pop(OURS)
        rows.append(Row(model, sizes, threads, ours, timings, answer["missing"], answer["company"]))
        done(rows[-1])
    return rows


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of at least one row: sizes, our time, peers' ratios, the GEMM fraction."""
    peers = [peer for peer in PEERS[rows[0].model] if peer != GEMM_LIMIT]
    header = [
        ", ".join(rows[0].sizes),
        "ours, ms",
        "quartiles",
        *(f"{peer} ÷ ours" for peer in peers),
    ]
    return [*header, "of GEMM limit", ""], [_cells(row, peers) for row in rows]


def line(row: Row) -> str:
    """One row on a line of its own, each cell under its name: what can be said before the rest."""
    header, (cells,) = table([row])
    named = [f"{name} {cell}" for name, cell in zip(header[1:-1], cells[1:-1], strict=True)]
    return f"{row.model} {_named(row.sizes)}: {'; '.join(named)}" + (" (noisy)" * row.noisy)


def notes(rows: Sequence[Row]) -> list[str]:
    """What a reader of the table must know: how it was measured, who is missing, what is noisy."""
    said = [
        f"float32, {rows[0].threads} threads, medians; a ratio above 1: the emitted code is faster"
    ]
    missing = {peer: why for row in rows for peer, why in row.missing.items()}
    said += [f"{peer}: {why}" for peer, why in missing.items()]
    if any(row.noisy for row in rows):
        said.append(f"noisy: {_why_noisy(rows)}; measure again when nothing else is running")
    return said


def _why_noisy(rows: Sequence[Row]) -> str:
    company = max(row.company or 0.0 for row in rows)
    if company > COMPANY:
        return f"other processes used up to {company:.0%} of the machine"
    return "some quartiles lie far apart"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 2 if a measurement cannot be made."""
    options = _parser().parse_args(arguments)
    path = (
        options.module or Path(__file__).parents[1] / "generated" / f"{_module(options.model)}.py"
    )
    try:
        module, shapes = load(path), options.shape
        rows = run(
            options.model,
            module,
            shapes,
            threads=options.threads,
            rounds=options.rounds,
            done=_as_it_ends,
        )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1 if isinstance(error, DisagreementError) else 2
    if options.json:
        print(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        _print(rows)
        print(*footprint(options.model, str(path)), sep="\n")
    return 0


def _module(model: str) -> str:
    return PROBLEMS[model].model or model


def _sizes(model: str, shape: Shape) -> dict[str, int]:
    names = PROBLEMS[model].sizes
    if len(shape) != len(names) or min(shape) < 1:
        raise BenchError(
            f"shape {shape} does not fit {model}: it takes ({', '.join(names)}), each ≥ 1"
        )
    return dict(zip(names, shape, strict=True))


def _named(sizes: dict[str, int]) -> str:
    return " ".join(f"{name}={size}" for name, size in sizes.items())


def _cells(row: Row, peers: Sequence[str]) -> list[str]:
    ours = row.ours
    return [
        ", ".join(str(size) for size in row.sizes.values()),
        f"{1e3 * ours.median:.3g}",
        f"{1e3 * ours.low:.3g} to {1e3 * ours.high:.3g}",
        *(_ratio(row, peer) for peer in peers),
        _ratio(row, GEMM_LIMIT),
        "noisy" if row.noisy else "",
    ]


def _ratio(row: Row, peer: str) -> str:
    ratio = row.ratio(peer)
    return row.missing[peer].partition(":")[0] if ratio is None else f"{ratio:.2f}"


def _print(rows: Sequence[Row]) -> None:
    """The table, columns aligned, and the notes under it."""
    header, cells = table(rows)
    widths = [max(len(line[i]) for line in [header, *cells]) for i in range(len(header))]
    for line in [header, *cells]:
        padded = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
    for note in notes(rows):
        print(note)


def _as_it_ends(row: Row) -> None:
    """A row beside the clean output: a run that is stopped has shown what it measured."""
    print(line(row), file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=sorted(PROBLEMS))
    parser.add_argument("--module", type=Path, help="emitted module; default generated/MODEL.py")
    parser.add_argument("--shape", type=_shape, action="append", help="T,N,D,H,C; may be repeated")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    return parser


def _shape(text: str) -> Shape:
    return tuple(int(size) for size in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
