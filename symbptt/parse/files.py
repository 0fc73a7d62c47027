"""Where models come from: those that ship, and files."""

from __future__ import annotations

import difflib
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path

from ..errors import ModelError, Place, expect
from ..model import Model
from .modelfile import LINE_END, model


def zoo() -> tuple[str, ...]:
    """The names of the models that ship."""
    folder = files("symbptt.zoo")
    return tuple(sorted(f.name[:-4] for f in folder.iterdir() if f.name.endswith(".rnn")))


def load(name: str | PathLike[str]) -> Model:
    """A shipped model by name, or a model file by path."""
    name = fspath(name) if isinstance(name, PathLike) else name
    expect(name, str, "load", "load('elman'), or load('my.rnn')")
    if name in zoo():
        text = (files("symbptt.zoo") / f"{name}.rnn").read_text(encoding="utf-8")
        return model(text, file=f"{name}.rnn")
    try:
        path = Path(name)
        if not (path.suffix or "/" in name or path.is_file()):
            raise _no_such_model(name)
        return model(_decoded(path.read_bytes(), str(path)), file=str(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shipped = name.removesuffix(".rnn")
        instead = shipped if shipped in zoo() else "a path to a model file"
        raise ModelError(f"cannot read the model file {name}: {reason}", instead) from None


def _no_such_model(name: str) -> ModelError:
    close = difflib.get_close_matches(name, zoo(), 1)
    return ModelError(
        f"no model is called {name!r}; shipped: {', '.join(zoo())}",
        close[0] if close else "one of these names, or a path to a model file",
    )


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        lines = LINE_END.split(before + "\ufffd")
        place = Place(len(lines), len(lines[-1]), lines[-1], file)
        raise ModelError(
            f"the file is not UTF-8 text: byte {data[error.start]:#04x}",
            "the same file saved as UTF-8",
            place,
        ) from None
