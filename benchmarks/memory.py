"""Peak memory of one call, ours and PyTorch's, each in a process of its own.

A process imports its library, draws the problem and notes what it holds; then it calls twice, and
answers with the highest resident size it ever had less what it held before. The thread
pools, the code and the BLAS of a library are paid before the first note, by one product; what a
first call allocates is not.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

from .child import OURS, BenchError, load
from .resident import peak, resident

SHAPE = (1000, 32, 64, 256, 64)
PEER = "torch"


def footprint(model: str, module: str) -> list[str]:
    """A line that says what a call of each takes; none where PyTorch is not installed."""
    ours, theirs = (_measured(model, module, who) for who in (OURS, PEER))
    if ours is None or theirs is None:
        return []
    sizes = ", ".join(map(str, SHAPE))
    return [
        f"peak memory at {sizes}: {ours:.0f} MB, {PEER} {theirs:.0f} MB: {ours / theirs:.2f} of it "
        "(the highest resident size less that before the first call, a process each)"
    ]


def _measured(model: str, module: str, who: str) -> float | None:
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    command = [sys.executable, "-m", f"{__package__}.memory", model, module, who]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}, no message"]
        raise BenchError(said[-1])
    answer: float | None = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> int:
    """Inside the fresh process: the answer in MB, or null where it cannot be had."""
    from .peers import PEERS
    from .problems import PROBLEMS

    model, module, who = sys.argv[1:]
    problem = PROBLEMS[model].draw(*SHAPE)
    try:
        if who == OURS:
            emitted = load(Path(module))
            workspace: dict[str, object] = {}
            np.ones((1000, 1000), np.float32).dot(np.ones((1000, 1000), np.float32))

            def call() -> object:
                return emitted.loss_and_grad(*problem, workspace=workspace)
        else:
            call = PEERS[model][who](*problem)
            one = import_module(who).ones(1000, 1000)
            one.matmul(one)
        before = resident()
    except (ImportError, OSError):
        print("null")
        return 0
    for _ in range(2):
        call()
    print(peak() - before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
