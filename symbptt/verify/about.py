"""The systems a text may be about: a given model, its own forward equations, or a usual form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ..errors import SymbpttError, UnsupportedError
from ..model import Model
from ..show.roles import roles_of
from ..show.texts import TEXTS
from . import surface as s
from .forward.claims import losses_of
from .forward.document import from_document
from .forward.drafts import IncompleteError
from .forward.given import arguments_named, from_model
from .forward.settled import settled, trees_of
from .forward.system import System
from .matching import Matching, match
from .naming import Naming
from .read import formula

CELL = (
    r"f_t=\sigma(\cdot),\ i_t=\sigma(\cdot),\ o_t=\sigma(\cdot),\ g_t=\tanh(\cdot)",
    r"c_t=f_t\odot c_{t-1}+i_t\odot g_t",
    r"h_t=o_t\odot\tanh(c_t)",
)
PLAIN = (r"h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)",)


def systems(
    claims: list[s.Claim],
    naming: Naming,
    document: s.Document,
    model: Model | None,
) -> Iterable[System]:
    """What the text may be about, the likeliest first."""
    shapes = _shapes(document)
    if document.front.notation and model is None:
        raise UnsupportedError(
            f"notation: {document.front.notation} names the parts of a model, and none is given",
            "model: elman",
        )
    if model is not None:
        matching = _matching(claims, naming, model, shapes, _renamed(document, naming, model))
        known = {*matching.names, *model.table}
        yield from_model(model, matching, losses_of(trees_of(claims), naming, known))
        return
    made = 0
    for variant in range(3):
        try:
            yield from_document(claims, naming, shapes, variant)
            made += 1
        except IncompleteError:
            break
    letters = {letter for letter, _ in naming.timed}
    wanted: list[tuple[str, ...]] = [CELL] if {"c", "f"} <= letters else []
    if not made:
        wanted.append(PLAIN)
    for texts in wanted:
        standard = [c for t in texts for c in formula(t) if isinstance(c, s.Claim)]
        every, conventions = settled([*standard, *claims])
        try:
            yield from_document(every, conventions, shapes)
        except SymbpttError:  # a usual form that does not fit what the text has of its own
            continue


def _matching(
    claims: list[s.Claim],
    naming: Naming,
    model: Model,
    shapes: dict[str, tuple[str, ...]],
    renamed: Iterable[tuple[str, str]],
) -> Matching:
    """The author's letters and the names of the given model."""
    nodes = [n for c in claims for t in trees_of([c]) for n in s.walk(t)]
    heads = {n.head.letter for n in nodes if isinstance(n, s.Apply)} | naming.names
    letters = Counter(n for n in nodes if isinstance(n, s.Symbol))
    below = Counter(n.of for n in nodes if isinstance(n, s.Shorthand))
    symbols: dict[str, bool] = {}
    for x in (*(letters - below), *below):  # dy names a quantity where nothing is called y
        q = naming.parts(x)
        if q.letter not in heads and not q.letter.startswith(("δ", "L", "E", "λ")):
            symbols[q.name] = symbols.get(q.name, False) or q.time is not None
    listed = {n for n in symbols if f"{n}s" in symbols} - {
        naming.parts(x).name for x in letters - below
    }
    symbols = {n: timed for n, timed in symbols.items() if n not in listed}
    sampled = bool(model.states) and all(len(d.shape) == 2 for d in model.states)
    try:
        own = from_document(claims, naming, shapes, sampled=sampled)
    except SymbpttError:  # what it is about is given; its own equations would only help to match
        return match(symbols, model, renamed)
    split = arguments_named(own.model)[0]
    found = match(symbols, arguments_named(model)[0], renamed, own.model, split)
    label = own.label or next((n for n in found.unmatched if n.endswith("hat") and symbols[n]), "")
    kept = [
        replace(m, name=label) if m.name == "target~" else m
        for m in found.matches
        if not m.name.endswith("~") or (m.name == "target~" and label)
    ]
    return Matching(tuple(kept), tuple(n for n in found.unmatched if n != label))


def _of_text(key: str, model: Model) -> dict[str, str]:
    """The names of a text, as of `derive --notation`, and the model's for the same parts."""
    if key not in TEXTS:
        raise UnsupportedError(f"there is no notation {key!r}", " or ".join(TEXTS))
    names = TEXTS[key].names
    try:
        roles = roles_of(model) if names else {}
    except UnsupportedError as error:
        raise UnsupportedError(f"notation: {key}: {error.message}", "rename: {U: W_xh}") from error
    return {names[r]: own for r, own in roles.items() if r in names and r != "step loss"}


def _shapes(document: s.Document) -> dict[str, tuple[str, ...]]:
    out = {}
    for name, shape in document.front.shapes:
        sizes = tuple(x.strip() for x in shape.strip().strip("()").split(",") if x.strip())
        out[name.replace("{", "").replace("}", "")] = sizes
    return out


def _renamed(document: s.Document, naming: Naming, model: Model) -> list[tuple[str, str]]:
    """The renamings of the front matter, the author's side as the text spells it."""
    out = []
    stated = dict(document.front.rename)
    told = _of_text(document.front.notation, model) if document.front.notation else {}
    told = {n: m for n, m in told.items() if n not in stated and m not in stated.values()}
    for written, target in (*stated.items(), *told.items()):
        claims = formula(written, "" if written in stated else "plain")
        left = claims[0].left if claims and isinstance(claims[0], s.Claim) else None
        name = naming.parts(left).name if isinstance(left, s.Symbol) else written
        out.append((name, target))
    return out
