"""What a process holds, in MB (10⁶ bytes)."""

import os
import resource
import sys
from pathlib import Path


def resident() -> float:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak() -> float:
    """The most that this process has ever held.

    Linux says it as VmHWM. Its ru_maxrss begins with what the process that started this one had
    held, and is the answer only where there is no other; macOS gives that one in bytes.
    """
    status = Path("/proc/self/status")
    if status.exists():
        held = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(held.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
