"""The options that say how far back a gradient goes, as one strategy."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import typer

from ..errors import SymbpttError
from ..strategy import Blocks, Checkpoint, Clip, Online, RandomCut, Strategy, chunk, window

Truncate = Annotated[
    str,
    typer.Option(
        "--truncate",
        metavar="K",
        help="Every loss reaches back K steps; K1,K2: every K1 steps a pass K2 steps back.",
    ),
]
Chunk = Annotated[
    int | None,
    typer.Option("--chunk", metavar="K", help="Cut at every K steps; the state is carried on."),
]
RandomlyCut = Annotated[
    str,
    typer.Option(
        "--random-cut",
        metavar="ALPHA",
        help="Cut at random, go on with probability ALPHA; unbiased.",
    ),
]


IsCheckpointed = Annotated[
    bool, typer.Option("--checkpoint", help="Recompute between √T kept states: less memory.")
]
IsOnline = Annotated[
    bool, typer.Option("--online", help="Carry the gradient forward, one step at a time.")
]
Clipped = Annotated[
    tuple[str, float] | None,
    typer.Option("--clip", metavar="value|norm C", help="Clip the summed gradients at C."),
]


def clip_of(clip: tuple[str, float] | None) -> Clip | None:
    return Clip(*clip) if clip else None


def strategy_of(
    truncate: str = "",
    chunk_: int | None = None,
    random_cut: str = "",
    checkpoint: bool = False,
    online: bool = False,
) -> Strategy | None:
    """The one strategy that was asked for, or None."""
    found: list[Strategy] = []
    if truncate:
        found.append(_blocks(truncate))
    if chunk_ is not None:
        found.append(chunk(chunk_))
    if random_cut:
        found.append(RandomCut(_fraction(random_cut)))
    found += [Checkpoint()] if checkpoint else []
    found += [Online()] if online else []
    if len(found) > 1:
        raise SymbpttError(
            f"{' and '.join(map(str, found))} are two different gradients", "one of the options"
        )
    return found[0] if found else None


def _blocks(text: str) -> Blocks:
    numbers = text.split(",")
    if not all(n.strip().isdigit() for n in numbers) or len(numbers) > 2:
        raise SymbpttError(f"--truncate {text} is no number of steps", "--truncate 20 or 10,20")
    steps = [int(n) for n in numbers]
    return window(*steps) if len(steps) == 1 else Blocks(*steps)


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise SymbpttError(f"--random-cut {text} is no probability", "--random-cut 0.9") from None
