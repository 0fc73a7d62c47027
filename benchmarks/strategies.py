"""Every strategy against the full gradient, in one run: time and peak memory.

    python -m benchmarks.strategies               elman, H = 128, N = 1
    python -m benchmarks.strategies --json

Each row is a process of its own, so that its peak is its own; NumPy itself is in the peak, and
stands in the first row. The naive row is the double loop over losses and steps back that a window
replaces, written as texts write it. Times are CPU times on one thread, the best of several calls in
float32, with a workspace. That each computes what it should is the business of
tests/test_strategy.py.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

from .child import THREAD_VARIABLES
from .resident import peak

H, D, C = 128, 16, 16
ENOUGH = 2.0  # seconds spent on one row


@dataclass(frozen=True)
class Row:
    """What is measured: options of `symbptt generate`, the steps, and the steps of a window."""

    name: str
    options: tuple[str, ...]
    steps: int
    naive: int = 0


Found = Iterable[tuple[Row, dict[str, Any]]]

ROWS = (
    Row("NumPy and the arguments alone", ("none",), 200),
    Row("full gradient", (), 200),
    Row("window, K = 20", ("--truncate", "20"), 200),
    Row("the naive loop, K = 20", ("none",), 200, naive=20),
    Row("chunks, K = 20", ("--chunk", "20"), 200),
    Row("every 10 steps, 20 back", ("--truncate", "10,20"), 200),
    Row("random cuts, α = 0.9", ("--random-cut", "0.9"), 200),
    Row("clipped by norm", ("--clip", "norm", "1"), 200),
    Row("full gradient", (), 10),
    Row("online", ("--online",), 10),
    Row("full gradient", (), 10_000),
    Row("checkpoints", ("--checkpoint",), 10_000),
    Row("checkpoints", ("--checkpoint",), 1_000_000),
)
TITLES = ("", "T", "ms", "÷ full", "peak, MB")
WIDTHS = (max(len(row.name) for row in ROWS), 9, 9, 7, 9)


def measured(row: Row) -> dict[str, Any]:
    """Seconds, peak in megabytes and the largest error, found in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.strategies", "--row", json.dumps(asdict(row))]
    threads = dict.fromkeys(THREAD_VARIABLES, "1")  # for one sequence more of them do not help
    environment = {**os.environ, **threads}
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def emitted(options: tuple[str, ...]) -> str:
    """The source of elman's module, in a process that leaves no trace in ours."""
    if options[:1] == ("none",):
        return ""
    call = [sys.executable, "-m", "benchmarks.strategies", "--emit", json.dumps(options)]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout


def emit(options: list[str]) -> str:
    """What `symbptt generate elman OPTIONS` writes, without the proof and the check."""
    from symbptt import derive, load, plan
    from symbptt import emit as emit_
    from symbptt.cli.strategies import clip_of, strategy_of

    given = dict(zip(options[::2], options[1::2], strict=False))
    clip = ("norm", 1.0) if "--clip" in given else None
    strategy = strategy_of(
        given.get("--truncate", ""),
        int(given["--chunk"]) if "--chunk" in given else None,
        given.get("--random-cut", ""),
        "--checkpoint" in options,
        "--online" in options,
    )
    return emit_(plan(derive(load("elman"), strategy), clip_of(clip)))


def run(row: Row) -> dict[str, Any]:
    """Inside the fresh process: draw, call, and time."""
    import numpy as np

    source = emitted(row.options)
    rng = np.random.default_rng(0)
    shapes = {"W_hh": (H, H), "W_xh": (H, D), "b_h": (H,), "W_hy": (C, H), "b_y": (C,)}
    params = {k: rng.standard_normal(s, "f4") / np.float32(H**0.5) for k, s in shapes.items()}
    x, y = rng.standard_normal((row.steps, D), "f4"), rng.standard_normal((row.steps, C), "f4")
    call: Callable[[], Any] = lambda: None  # noqa: E731
    if source:
        space: dict[str, Any] = {}
        exec(compile(source, "elman", "exec"), space)
        workspace: dict[str, Any] = {}
        more = {"rng": rng} if "--random-cut" in row.options else {}
        call = lambda: space["loss_and_grad"](params, x, y, workspace=workspace, **more)  # noqa: E731
    elif row.naive:
        call = lambda: naive(np, params, x, y, row.naive)  # noqa: E731
    best, spent = float("inf"), 0.0
    while spent < ENOUGH:
        start = process_time()
        call()
        took = process_time() - start
        best, spent = min(best, took), spent + max(took, ENOUGH / 50)
    return {"seconds": best, "peak": peak()}


def naive(np: Any, params: dict[str, Any], x: Any, y: Any, reach: int) -> dict[str, Any]:
    """Every loss goes back on its own, as texts write it."""
    W, U, V = params["W_hh"], params["W_xh"], params["W_hy"]
    h = np.zeros((len(x) + 1, H), x.dtype)
    for t in range(len(x)):
        h[t + 1] = np.tanh(W.dot(h[t]) + U.dot(x[t]) + params["b_h"])
    errors = h[1:].dot(V.T) + params["b_y"] - y
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for t in range(len(x))[::-1]:
        grads["W_hy"] += np.outer(errors[t], h[t + 1])
        grads["b_y"] += errors[t]
        delta = V.T.dot(errors[t]) * (1 - h[t + 1] ** 2)
        for k in range(max(0, t - reach + 1), t + 1)[::-1]:
            grads["W_hh"] += np.outer(delta, h[k])
            grads["W_xh"] += np.outer(delta, x[k])
            grads["b_h"] += delta
            delta = W.T.dot(delta) * (1 - h[k] ** 2)
    return grads


def everything(say: Callable[[str], None] = lambda name: None) -> Found:
    """Every row, one after another, as soon as it is measured."""
    for row in ROWS:
        say(f"{row.name}, T = {row.steps}")
        yield row, measured(row)


def as_json(rows: Found) -> str:
    return json.dumps([{**asdict(row), **found} for row, found in rows], indent=2) + "\n"


def table(rows: Found) -> Iterator[str]:
    """A line per row, as soon as it is there; ratios are to the full gradient of as many steps."""
    full: dict[int, float] = {}
    yield _line(TITLES)
    for row, found in rows:
        if row.options == ():
            full[row.steps] = found["seconds"]
        timed = row.options != ("none",) or row.naive
        ms = f"{1e3 * found['seconds']:.3g}" if timed else ""
        ratio = f"{found['seconds'] / full[row.steps]:.2f}" if timed and row.steps in full else ""
        yield _line((row.name, str(row.steps), ms, ratio, f"{found['peak']:.0f}"))


def _line(cells: Sequence[str]) -> str:
    first, *rest = cells
    right = (c.rjust(w) for c, w in zip(rest, WIDTHS[1:], strict=True))
    return "  ".join([first.ljust(WIDTHS[0]), *right]).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.strategies", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--emit", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.emit:
        print(emit(json.loads(asked.emit)))
    elif asked.row:
        row = json.loads(asked.row)
        print(json.dumps(run(Row(**{**row, "options": tuple(row["options"])}))))
    else:
        rows = everything()
        for text in [as_json(rows)] if asked.json else table(rows):
            print(text, end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
