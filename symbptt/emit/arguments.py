"""The emitted module's arguments: their description, unpacking and checks."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from ..errors import UnsupportedError
from ..model import Declaration, Model
from .names import CUT_KEYWORDS, WIDTH, code, identifier, keyword_argument, tuple_code


@dataclass(frozen=True)
class Arguments:
    """What `loss_and_grad` and `forward` of one model take."""

    model: Model

    def timed(self) -> list[Declaration]:
        return [*self.model.inputs, *self.model.targets]

    def given_names(self) -> list[str]:
        return [identifier(d.name) for d in self.timed()]

    def described(self) -> list[str]:
        """The docstring's list of arguments."""
        params = ", ".join(f"{d.name} {self.shape(d)}" for d in self.model.params)
        lines = textwrap.wrap(f"params: dict of {params}", WIDTH - 4, subsequent_indent="    ")
        for group, name in ((self.model.inputs, "x"), (self.model.targets, "y")):
            parts = []
            for d in group:
                values = ", 0 or 1" if d.role == "mask" else ""
                values = values if d.classes is None else f", integers in 0..{code(d.classes)}-1"
                own = "" if len(group) == 1 else f"{d.name} "
                parts.append(f"{own}{self.shape(d)}{values}")
            kind = "" if len(group) == 1 else "dict of "
            lines.append(f"{name}: {kind}{'; '.join(parts)}" if group else f"{name}: None")
        lines.append(self._starts())
        for d in self.model.hypers:
            lines.append(f"{keyword_argument(d.name)}: a number")
        return lines

    def _starts(self) -> str:
        """Where each state begins: one that runs from T to 1 begins behind the last step."""
        begins = []
        for way, where in ((False, "before the first step"), (True, "after the last")):
            states = [d for d in self.model.states if d.reversed == way]
            shapes = ", ".join(f"{d.name} {self.state_shape(d)}" for d in states)
            begins += [f"{shapes} {where}"] if states else []
        return f"state: dict of {' and '.join(begins)}; zeros if None" if begins else "state: None"

    def keywords(self) -> str:
        """The hyper-parameters, as keyword arguments; those with no default must be given."""
        if self.model.cut is not None and any(d.name in CUT_KEYWORDS for d in self.model.hypers):
            raise UnsupportedError(
                f"code that cuts at random has the keywords {' and '.join(CUT_KEYWORDS)} itself",
                "another name for the hyper-parameter",
            )
        names = ((keyword_argument(d.name), d.default) for d in self.model.hypers)
        return ", ".join(n if v is None else f"{n}={float(v)}" for n, v in names)

    def shape(self, d: Declaration) -> str:
        return tuple_code((["T"] if d.timed else []) + [code(s) for s in d.shape])

    def opening(
        self, lines: list[str], views: dict[str, str], *, training: bool, sized: bool = False
    ) -> list[str]:
        """Arguments unpacked, sizes checked unless they are given, buffers fetched."""
        out = self.checked(training=training)
        out = out[:-1] if sized else out
        fetched = "_workspace(workspace, sizes)" if training or sized else "_Buffers(*sizes)"
        out.append(f"w = {fetched}")
        text = without_comments("\n".join([*lines, *views.values()]))
        sizes = [n if self._mentions(text, n) else "_" for n in self.size_names()]
        if set(sizes) != {"_"}:
            while sizes[-1] == "_":
                sizes.pop()
            out.append(f"{', '.join(sizes)}, *_ = sizes")
        for d in self.model.hypers:
            if self._mentions(text, identifier(d.name)):
                out.append(f"{identifier(d.name)} = float({keyword_argument(d.name)})")
        for d in self.model.params:
            if self._mentions(text, identifier(d.name)):
                out.append(f'{identifier(d.name)} = params["{d.name}"]')
        return out

    def checked(self, *, training: bool) -> list[str]:
        """Arguments unpacked and their sizes checked."""
        groups = [(self.model.inputs, "x")] + ([(self.model.targets, "y")] if training else [])
        out, names, sources = [], [], []
        for group, name in groups:
            if len(group) > 1:
                keys = ", ".join(f'"{d.name}"' for d in group)
                out.append(f'_keys("{name}", {name}, ({keys}))')
            for d in group:
                source = name if len(group) == 1 else f'{name}["{d.name}"]'
                names.append(identifier(d.name))
                sources.append(f"np.asarray({source})")
        # At once: a model may call its target x and its input y.
        if names:
            out.append(f"{', '.join(names)} = {', '.join(sources)}")
        given = [identifier(d.name) for d in self.model.inputs]
        given += [identifier(d.name) if training else "None" for d in self.model.targets]
        out.append(f"sizes = _sizes({', '.join(['params', *given, 'state'])})")
        return out

    @staticmethod
    def _mentions(text: str, name: str) -> bool:
        return re.search(rf"(?<![\w.\"]){re.escape(name)}\b", text) is not None

    def checking(self) -> list[str]:
        """The body of _sizes."""
        lines = _keys([d.name for d in self.model.params])
        for size, d, axis in self.size_sources():
            names = tuple_code([f'"{n}"' for n in self._axis_names(d)])
            lines.append(f"{size} = _axis({self._title(d)}, {self._access(d)}, {axis}, {names})")
        first = self.model.params[0] if self.model.params else self.model.inputs[0]
        lines += [
            f"dtype = {self._access(first)}.dtype",
            'if dtype.kind not in "fc":',
            f"    _refuse({self._title(first)}, {self._access(first)}, {self.shape(first)}, "
            '"float32 or float64")',
        ]
        for d in (*self.model.params, *self.model.inputs):
            lines += self._check(d)
        for d in self.model.targets:
            body = self._check(d)
            lines += [f"if {identifier(d.name)} is not None:", *("    " + x for x in body)]
        return lines + self._check_state()

    def _axis_names(self, d: Declaration) -> list[str]:
        return (["T"] if d.timed else []) + [code(s) for s in d.shape]

    def _title(self, d: Declaration) -> str:
        if d.role == "param":
            return f"\"params['{d.name}']\""
        group = self.model.inputs if d.role != "target" else self.model.targets
        name = "x" if d.role != "target" else "y"
        return f'"{name}"' if len(group) == 1 else f"\"{name}['{d.name}']\""

    def _check(self, d: Declaration) -> list[str]:
        array, title, shape = self._access(d), self._title(d), self.shape(d)
        if d.classes is not None:
            return [f"_indices({title}, {array}, {shape}, {code(d.classes)})"]
        return [
            f"if {array}.shape != {shape} or {array}.dtype != dtype:",
            f"    _refuse({title}, {array}, {shape}, dtype)",
        ]

    def _check_state(self) -> list[str]:
        keys = ", ".join(f'"{d.name}"' for d in self.model.states)
        comma = "," if len(self.model.states) == 1 else ""
        if not self.model.states:
            return []
        lines = ["if state is not None:", f'    _keys("state", state, ({keys}{comma}))']
        for d in self.model.states:
            shape = self.state_shape(d)
            array = f'state["{d.name}"]'
            lines += [
                f"    if {array}.shape != {shape} or {array}.dtype != dtype:",
                f"        _refuse(\"state['{d.name}']\", {array}, {shape}, dtype)",
            ]
        return lines

    def state_shape(self, d: Declaration) -> str:
        lag = self.model.lag(d.name)
        return tuple_code(([str(lag)] if lag > 1 else []) + [code(s) for s in d.shape])

    def size_sources(self) -> list[tuple[str, Declaration, int]]:
        """(size, the argument that tells it, its axis); `forward` has no target to ask."""
        found: dict[str, tuple[Declaration, int]] = {}
        for d in (*self.model.inputs, *self.model.params):
            if d.timed:
                found.setdefault("T", (d, 0))
            for axis, n in enumerate(d.shape):
                if n.is_Symbol:
                    found.setdefault(identifier(n.name), (d, axis + d.timed))
        if "T" not in found:
            raise UnsupportedError(
                f"forward() learns the length T from an input, and {self.model.name} has none",
                "an input the step adds, which may be zeros: input x[t] : …",
            )
        missing = [n for n in self.size_names() if n not in found]
        if missing:
            raise UnsupportedError(
                f"no parameter or input has the size {missing[0]} as an axis of its own",
                f"a parameter or input with the axis {missing[0]}",
            )
        return [(n, *found[n]) for n in self.size_names()]

    def size_names(self) -> list[str]:
        return ["T", *map(identifier, self.model.sizes)]

    def _access(self, d: Declaration) -> str:
        return f'params["{d.name}"]' if d.role == "param" else identifier(d.name)


def _keys(names: list[str]) -> list[str]:
    """The check of the keys of `params`, on one line if it fits."""
    quoted = [f'"{n}"' for n in names]
    line = f'_keys("params", params, {tuple_code(quoted)})'
    if len(line) <= WIDTH:
        return [line]
    rows = [f"        {q}," for q in quoted]
    return ["_keys(", '    "params",', "    params,", "    (", *rows, "    ),", ")"]


def without_comments(text: str) -> str:
    return "\n".join(line.split("#", 1)[0] for line in text.splitlines())
