"""Every way a verb can end, as a message and an exit status; a user never sees a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from ..errors import SymbpttError

if TYPE_CHECKING:
    from ..model import Verdict

HOLDS, REFUTED, INPUT, UNDECIDED = 0, 1, 2, 3
BROKEN_PIPE = 141  # what a shell reports for a tool whose reader has left


class Verbs(TyperGroup):
    """The group of verbs; whatever is raised inside a verb becomes a message and a status."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        return guarded(lambda: super(Verbs, self).make_context(*args, **kwargs))

    def invoke(self, ctx: Any) -> Any:
        return guarded(lambda: super(Verbs, self).invoke(ctx))


class Verb(TyperCommand):
    """One verb; its usage names an argument as MODEL, required or not."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


def guarded(verb: Callable[[], Any]) -> Any:
    """Run `verb`; input errors exit 2, a reader that left 141, a fault of our own 3."""
    try:
        result = verb()
        flush()
        return result
    except (typer.Exit, typer.Abort):
        raise
    except TyperException as error:
        error.message = error.message.replace("Value error, ", "")  # the library's, not ours
        raise
    except SymbpttError as error:
        stop(str(error))
    except BrokenPipeError:
        forget_stdout()
        raise typer.Exit(BROKEN_PIPE) from None
    except OSError as error:
        forget_stdout()
        stop(said(error))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        stop(
            f"this is not UTF-8 text: byte {byte:#04x} at {error.start}\nwrite instead: a text file"
        )
    except RecursionError:
        stop("the equations are nested too deeply to be worked on; name some of the parts")
    except MemoryError:
        stop("there is not enough memory", UNDECIDED)
    except Exception as error:
        if os.environ.get("SYMBPTT_TRACEBACK"):
            raise
        stop(
            f"symbptt itself failed, so nothing is decided: {type(error).__name__}: {error}\n"
            "this is a bug; SYMBPTT_TRACEBACK=1 shows where",
            UNDECIDED,
        )


def stop(message: str, status: int = INPUT) -> NoReturn:
    """Say `message` on standard error and exit."""
    if sys.stderr is not None:
        typer.echo(message, err=True)
    raise typer.Exit(status)


def said(error: OSError) -> str:
    """An operating system error as a person would say it: the file, then the reason."""
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else f"cannot write: {reason}"


def status(verdict: Verdict) -> int:
    """The exit status of a verdict; one that checked nothing has decided nothing."""
    return HOLDS if verdict.ok else UNDECIDED if verdict.undecided else REFUTED


def flush() -> None:
    """Write what is buffered now, while an error can still be answered."""
    if sys.stdout is not None:
        sys.stdout.flush()


def forget_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not try it again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
