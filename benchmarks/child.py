"""One shape, measured in a process of its own: request and answer are JSON.

A process of its own because a thread count can only be fixed before the libraries load: OpenBLAS,
OpenMP and PyTorch read the environment once, and XLA counts the CPUs it is allowed to use.
`measure` starts such a process; `main` is what runs inside it. The last line it prints is the
answer.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
TOLERANCE = 1e-3  # relative, float32: a wrong formula is off by far more
OURS = "ours"


class BenchError(Exception):
    """A measurement that cannot be made, with the reason."""


class DisagreementError(BenchError):
    """A peer's loss or gradients are not the emitted ones: a finding, not a fault of the input."""


DISAGREED = 4  # exit status of the child


@dataclass(frozen=True)
class Request:
    """What to measure: a model's module (a file) at one shape."""

    model: str
    module: str
    shape: tuple[int, ...]
    threads: int
    rounds: int


def measure(request: Request) -> dict[str, Any]:
    """What a fresh process finds: a JSON object of `timings`, `missing` and `company`.

    `timings` has a Timing as a dict for ours and each peer, `missing` a reason for each peer
    without one, `company` the share of the machine that other processes used, or null.
    """
    environment = dict(os.environ) | dict.fromkeys(THREAD_VARIABLES, str(request.threads))
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    environment["JAX_PLATFORMS"] = "cpu"
    command = [sys.executable, "-m", f"{__package__}.child", json.dumps(asdict(request))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}, no message"]
        raise (DisagreementError if done.returncode == DISAGREED else BenchError)(said[-1])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> int:
    """Inside the fresh process: answer on standard output, or a reason on standard error."""
    request = Request(**json.loads(sys.argv[1]))
    _keep_to_cpus(request.threads)
    # Only now, with the CPUs settled: these import NumPy, which starts its threads as it loads.
    from .timing import Company, interleave

    try:
        callables, missing = _callables(request)
    except (BenchError, ValueError) as error:
        print(error, file=sys.stderr)
        return DISAGREED if isinstance(error, DisagreementError) else 1
    company = Company()
    timings = interleave(callables, rounds=request.rounds)
    answer = {
        "timings": {name: asdict(timing) for name, timing in timings.items()},
        "missing": missing,
        "company": company.share(),
    }
    print(json.dumps(answer))
    return 0


def _keep_to_cpus(threads: int) -> None:
    """Let this process use `threads` CPUs, where the system can: XLA takes all that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _callables(request: Request) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Ours and every peer that can be built, all in agreement; and why the others are missing."""
    from .peers import PEERS, disagreement
    from .problems import PROBLEMS

    problem = PROBLEMS[request.model].draw(*request.shape)
    module = load(Path(request.module))
    workspace: dict[Any, Any] = {}

    def ours() -> Any:
        return module.loss_and_grad(*problem, workspace=workspace)[:2]

    callables: dict[str, Any] = {OURS: ours}
    missing: dict[str, str] = {}
    for name, build in PEERS[request.model].items():
        try:
            peer = build(*problem)
        except ModuleNotFoundError:
            missing[name] = "not installed"
            continue
        except ImportError as broken:
            missing[name] = f"cannot be imported: {broken}"
            continue
        where, error = disagreement(ours(), peer())
        if error > TOLERANCE:
            raise DisagreementError(
                f"{request.model} at {tuple(request.shape)}: {name} and {request.module} disagree "
                f"on {where}, relative error {error:.1e}; nothing was timed"
            )
        callables[name] = peer
    return callables, missing


def load(path: Path) -> ModuleType:
    """Import an emitted module from its file, whatever package it belongs to."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BenchError(
            f"{path} is not a Python file; pass the emitted module with --module FILE.py"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
