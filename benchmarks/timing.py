"""Interleaved timing: several callables take turns, so that all share the machine's moods.

A turn is a pause, one untimed call, then one sample: enough calls to last `SAMPLE_SECONDS`, divided
by their number. A round gives every callable one turn, and each round starts with the next one.
What is reported is the median over the rounds, with the quartiles as its spread, and how much of
the machine other processes took meanwhile: steady company slows threads and leaves no spread.

The pause matters: the worker threads of OpenBLAS and OpenMP spin for some 30 ms after their last
product, and on a machine with few cores they slow whoever comes next, by up to a factor of four.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

PAUSE_SECONDS = 0.05
SAMPLE_SECONDS = 0.03
BUDGET_SECONDS = 15.0  # a slow callable sits out the remaining rounds once it has spent this,
FEWEST_SAMPLES = 5  # but never before it has this many samples
NOISY = 0.15  # the spread above which a time is called noisy


@dataclass(frozen=True)
class Timing:
    """Seconds per call: median and quartiles over `samples` rounds."""

    median: float
    low: float
    high: float
    samples: int

    @property
    def spread(self) -> float:
        """The distance between the quartiles, as a fraction of the median."""
        return (self.high - self.low) / self.median

    @property
    def noisy(self) -> bool:
        """Whether the spread says that something else was running."""
        return self.spread > NOISY


def interleave(
    callables: Mapping[str, Callable[[], object]], *, rounds: int = 21, pause: float = PAUSE_SECONDS
) -> dict[str, Timing]:
    """Time every callable in `rounds` rounds of rotating order; at least two rounds."""
    if rounds < 2:
        raise ValueError(f"rounds is {rounds}; quartiles need at least 2")
    names = list(callables)
    calls = {name: _calls_per_sample(callables[name]) for name in names}
    samples: dict[str, list[float]] = {name: [] for name in names}
    spent = dict.fromkeys(names, 0.0)
    for first in range(rounds):
        for turn in range(len(names)):
            name = names[(first + turn) % len(names)]
            if spent[name] > BUDGET_SECONDS and len(samples[name]) >= FEWEST_SAMPLES:
                continue
            began = time.perf_counter()
            samples[name].append(_sample(callables[name], calls[name], pause))
            spent[name] += time.perf_counter() - began
    return {name: _summary(seconds) for name, seconds in samples.items()}


class Company:
    """How much of the machine other processes have used since this object was made."""

    def __init__(self) -> None:
        self._began, self._others = time.perf_counter(), _others_seconds()

    def share(self) -> float | None:
        """Their CPU time as a fraction of all CPUs' time; None where /proc/stat does not tell."""
        now = _others_seconds()
        if now is None or self._others is None:
            return None
        elapsed = time.perf_counter() - self._began
        return max(0.0, (now - self._others) / elapsed / (os.cpu_count() or 1))


def _others_seconds() -> float | None:
    """CPU seconds, since boot, of everything but this process."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    except (OSError, ValueError):
        return None
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


def _calls_per_sample(function: Callable[[], object]) -> int:
    """How many calls fill a sample, after two of warm-up: the first one may compile."""
    function()
    function()
    return max(1, round(SAMPLE_SECONDS / max(_seconds(function, 1), 1e-9)))


def _sample(function: Callable[[], object], calls: int, pause: float) -> float:
    time.sleep(pause)
    function()  # brings its buffers back into the caches and its threads back to work
    return _seconds(function, calls)


def _seconds(function: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - began) / calls


def _summary(seconds: list[float]) -> Timing:
    low, median, high = quantiles(seconds, n=4, method="inclusive")
    return Timing(median, low, high, len(seconds))
