"""Where text goes: standard output, clean for pipes, or a file, whole or not at all.

Headings are bold and ticks are green on a terminal that allows it, and nowhere else.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import SymbpttError

Say = Callable[[str], None]


def put(text: str, file: Path | None = None) -> None:
    """Write `text` to a file, or to standard output when `file` is None or "-"."""
    if file is not None and str(file) != "-":
        write_whole(file, text)
        return
    stream = sys.stdout
    if stream is None:
        raise SymbpttError("standard output is closed", "-o FILE")
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")  # an ASCII locale is no reason to stop
    if coloured(stream):
        _put_styled(text)
    else:
        stream.write(text)
    stream.flush()


def coloured(stream: object) -> bool:
    """Whether the stream is a terminal, and neither NO_COLOR nor TERM=dumb speaks against it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and bool(getattr(stream, "isatty", bool)())


def _put_styled(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    previous = ""
    for line in text.splitlines():
        styled = Text(line, style="bold" if _is_heading(line, previous) else "")
        styled.highlight_regex("^ *✓", "green")
        styled.highlight_regex("^ *✗|^REFUTED", "bold red")
        styled.highlight_regex("^ *[?] |^undecided", "yellow")
        console.print(styled, soft_wrap=True)
        previous = line


def _is_heading(line: str, previous: str) -> bool:
    """An unindented line after an empty one, or the first line."""
    return bool(line) and not line[0].isspace() and not previous


@contextmanager
def progress(task: str) -> Iterator[Say]:
    """A line on standard error that says what is being done, when it is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda what: None
        return
    from rich.console import Console
    from rich.text import Text

    def line(what: str) -> Text:
        return Text(f"{task}: {what}" if what else task)

    with Console(stderr=True).status(line("")) as status:
        yield lambda what: status.update(line(what))


def aside(line: str) -> None:
    """A result of long work as soon as it is there, on standard error: the output stays whole."""
    if sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


def writable(file: Path | None, keep: str = "") -> None:
    """Fail now, before any work, if `file` cannot be written or is the input `keep`."""
    if file is None or str(file) == "-":
        return
    if _is_device(file):
        return
    target = _target(file)
    if keep and os.path.exists(keep) and target.exists() and os.path.samefile(keep, target):
        raise SymbpttError(f"{file} is the model itself", "another file after -o")
    if target.is_dir():
        raise SymbpttError(f"{file} is a folder", f"-o {file}/NAME")
    if target.exists() and not os.access(target, os.W_OK):
        raise SymbpttError(f"{file} is write-protected", "another file after -o")
    if not target.parent.is_dir():
        raise SymbpttError(f"there is no folder {file.parent}", f"mkdir -p {file.parent}")
    if not os.access(target.parent, os.W_OK):
        raise SymbpttError(f"the folder {file.parent} is write-protected", "another folder")


def write_whole(file: Path, text: str) -> None:
    """Put `text` into `file`: a new file takes its place at once, or the old one stays.

    A symbolic link stays a link, a file keeps its permissions, a device or pipe is written to.
    """
    writable(file)
    target, data = _target(file), text.encode("utf-8", "backslashreplace")
    if _is_device(file):
        file.write_bytes(data)
        return
    new = target.parent / f".symbptt-{secrets.token_hex(6)}.tmp"
    try:
        _create(new, data)
        if target.exists():
            os.chmod(new, stat.S_IMODE(target.stat().st_mode))
        os.replace(new, target)
    except BaseException as error:
        with suppress(OSError):
            new.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(file)) from None
        raise


def _create(path: Path, data: bytes) -> None:
    """A new file with the permissions that the user's umask gives."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb") as stream:
        stream.write(data)


def _target(file: Path) -> Path:
    return Path(os.path.realpath(file))


def _is_device(file: Path) -> bool:
    """Something like /dev/stdout, whose link may lead to no path at all."""
    return file.exists() and not file.is_file() and not file.is_dir()
