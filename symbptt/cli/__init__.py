"""The command line: one verb per stage, thin readers of the data that the stages return.

    exit status   0 it holds     1 it is refuted     2 the input is at fault     3 undecided

Every message goes to standard error, every result to standard output or to one whole file.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script: run the verb in sys.argv and exit with its status."""
    try:
        from .verbs import app  # imported here, so that Ctrl-C is quiet from the first moment

        app(prog_name="symbptt")
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
