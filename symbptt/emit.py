"""Program -> source text: a printer table of NumPy lines, laid out by a Jinja template.

A target is a table from operation to line, a table of views, and a template; the planner's
program knows none of them.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jinja2
import sympy

from .errors import UnsupportedError
from .model import Declaration, Verdict
from .plan import Buffer, Instruction, Loop, Part, Program, Ref
from .show import show_equation

WIDTH = 92


def emit(program: Program, proof: Verdict | None = None, command: str = "") -> str:
    """The NumPy module of a program; `proof` and `command` go into its docstring."""
    return _template("numpy.py.jinja").render(_Module(program, proof, command).context())


@lru_cache(maxsize=None)
def _template(name: str) -> jinja2.Template:
    def source(name: str) -> str:
        return (files("symbptt.templates") / name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


RESERVED = {"np", "w", "params", "state", "workspace", "grads", "loss", "T", "t", "outputs"}


def identifier(name: str) -> str:
    """A model's name as a Python name."""
    return name + "_" if keyword.iskeyword(name) or name in RESERVED else name


def code(value: Any) -> str:
    """A size or constant as Python."""
    return sympy.pycode(sympy.sympify(value)) if not isinstance(value, str) else value


def tuple_code(items: list[str]) -> str:
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


@dataclass
class _Module:
    """One emitted module: which views and constants its lines use, gathered while printing."""

    program: Program
    proof: Verdict | None
    command: str
    views: dict[str, str] = field(default_factory=dict)  # attribute -> expression
    needs: dict[str, str] = field(default_factory=dict)  # constant arrays
    locals: dict[str, str] = field(default_factory=dict)  # views of arguments, of the body
    loops: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> Any:
        return self.program.model

    # -- views

    def rows(self, b: Buffer) -> str:
        """How many rows a flattened buffer has."""
        return " * ".join(["T", *map(code, b.shape[:-1])])

    def ref(self, r: Any, loop: Loop | None) -> str:
        """The Python text of an operand."""
        if not isinstance(r, Ref):
            return str(r)
        b = self.program.buffers[r.buffer]
        text = self._base(r, b, loop)
        if r.turned:
            text += ".T" if r.span != "all" or r.flat or len(b.shape) == 1 else ".swapaxes(-1, -2)"
        if r.spread:
            text += self._spread(r, b)
        return text

    def _spread(self, r: Ref, b: Buffer) -> str:
        lead = [":"] if r.span == "all" else []
        axes = [":"] * len(b.shape)
        for position in r.spread:
            axes.insert(position, "None")
        parts = lead + axes
        if parts[-1] == "None" and parts.count("None") == 1:
            return "[..., None]"
        return f"[{', '.join(parts)}]"

    def _base(self, r: Ref, b: Buffer, loop: Loop | None) -> str:
        name = identifier(b.name)
        if b.role in ("param", "input", "target"):
            return self._argument(r, b, name)
        if r.span == "step":
            return name + _shift_suffix(r.shift)
        if r.span == "last":
            attribute = name + "_T" + (_shift_suffix(r.shift) if r.shift else "")
            self.views[attribute] = f"{_store(b)}[{r.shift - 1}]"
            return f"w.{attribute}"
        if r.span == "start":
            return f"w.{self._start(b)}"
        if not b.timed or r.span == "static":
            return f"w.{name}"
        return "w." + self._all(r, b, name)

    def _argument(self, r: Ref, b: Buffer, name: str) -> str:
        if r.span == "step":
            return name + _shift_suffix(r.shift)
        if r.span == "last":
            return f"{name}[-1]"
        if r.flat and len(b.shape) > 1:
            self.locals[f"{name}_rows"] = f"{name}.reshape({self.rows(b)}, {code(b.shape[-1])})"
            return f"{name}_rows"
        return name

    def _start(self, b: Buffer) -> str:
        name = f"{identifier(b.name)}_0"
        self.views[name] = f"{_store(b)}[0]" if b.rows == 1 else f"{_store(b)}[:{b.rows}]"
        return name

    def _all(self, r: Ref, b: Buffer, name: str) -> str:
        attribute, text = name, _store(b)
        if b.rows:
            start, stop = b.rows + r.shift, r.shift
            attribute = name + (_shift_suffix(r.shift) if r.shift else "")
            text = f"{_store(b)}[{start or ''}:{stop or ''}]"
            self.views[attribute] = text
        if r.flat and len(b.shape) > 1:
            attribute += "_rows"
            self.views[attribute] = f"{text}.reshape({self.rows(b)}, {code(b.shape[-1])})"
        return attribute

    def flat_all(self, r: Ref) -> str:
        """A one-dimensional view of everything."""
        b = self.program.buffers[r.buffer]
        base = self.ref(r, None)
        if b.role in ("input", "target"):
            return base if not b.shape else f"{base}.reshape(-1)"
        one = len(b.shape) + (r.span == "all") == 1
        if one:
            return base
        attribute = base.removeprefix("w.").replace("[-1]", "_T") + "_flat"
        self.views[attribute] = f"{self._text(r, b)}.reshape(-1)"
        return f"w.{attribute}"

    def _text(self, r: Ref, b: Buffer) -> str:
        if b.rows and r.span == "all":
            return f"{_store(b)}[{b.rows + r.shift}:{r.shift or ''}]"
        return _store(b) + ("[-1]" if r.span == "last" else "")

    def ones(self, size: str) -> str:
        name = "ones_" + re.sub(r"\W+", "", size)
        self.needs[name] = f"np.ones({size}, dtype)"
        return f"w.{name}"

    # -- lines

    def block(self, items: Any) -> list[str]:
        lines: list[str] = []
        for item in items:
            if isinstance(item, Loop):
                lines += self.loop(item)
            else:
                lines += self.lines(item, None)
        return lines

    def lines(self, i: Instruction, loop: Loop | None) -> list[str]:
        texts = NUMPY[i.op](self, i, loop)
        return [commented(text, i.labels) for text in texts]

    def loop(self, loop: Loop) -> list[str]:
        body = [line for i in loop.body for line in self.lines(i, loop)]
        names, stored, given = self._steps(loop)
        attribute = "backward" if loop.backward else "forward"
        while self.loops.get(attribute, stored) != stored:
            attribute += "_"
        self.loops[attribute] = stored
        over = f"w.{attribute}"
        target = ", ".join(names)
        if given:
            order = "[::-1]" if loop.backward else ""
            over = f"zip(w.{attribute}, {', '.join(g + order for g in given)})"
            target = f"({target}), " + ", ".join(f"{g}_t" for g in given)
        comma = "," if len(names) == 1 and not given else ""
        when = "t = T, …, 1" if loop.backward else "t = 1, …, T"
        head = f"for {target}{comma} in {over}:"
        return [f"{head}  # {when}", *("    " + line for line in body)]

    def _steps(self, loop: Loop) -> tuple[list[str], str, list[str]]:
        """The loop's variables, the expression of their rows, and the arguments it steps through."""
        names: dict[str, str] = {}
        given: dict[str, None] = {}
        for i in loop.body:
            for r in (*i.args, i.out):
                if isinstance(r, Ref) and r.span == "step":
                    b = self.program.buffers[r.buffer]
                    if b.role in ("input", "target"):
                        given[identifier(b.name)] = None
                    else:
                        names[identifier(b.name) + _shift_suffix(r.shift)] = _step_rows(
                            b, r.shift, loop.backward
                        )
        rows = ", ".join(names.values())
        return list(names), f"list(zip({rows}))", list(given)

    def loss(self, part: Part) -> list[str]:
        terms = []
        for term in part.loss:
            if term.op == "dot":
                left, right = (self.flat_all(a) for a in term.args)
                text = f"{left}.dot({right})"
            else:
                text = f"np.add.reduce({self.flat_all(term.args[0])})"
                b = self.program.buffers[term.args[0].buffer]
                if not b.shape and not b.timed:
                    text = f"{self.ref(term.args[0], None)}[()]"
            terms.append((sympy.sympify(term.coefficient), text))
        first = _scaled(*terms[0])
        rest = "".join(
            (" - " if c.could_extract_minus_sign() else " + ")
            + _scaled(-c if c.could_extract_minus_sign() else c, text)
            for c, text in terms[1:]
        )
        return [commented(f"loss = {first}{rest}", part.loss_labels)]

    # -- the module

    def context(self) -> dict[str, Any]:
        p = self.program
        forward = self.block(p.train.forward)
        loss = self.loss(p.train)
        backward, gradients = self.block(p.train.backward), self.block(p.train.gradients)
        body_locals, self.locals = self.locals, {}
        infer = self.block(p.infer.forward)
        outputs = {n: self._returned(n) for n in p.readout}
        m, final = self.model, {d.name: self._final(d) for d in self.model.states}
        train_lines = [*forward, *loss, *backward, *gradients]
        return {
            "title": f"{m.name}: {m.title}." if m.title else f"{m.name}.",
            "docstring": self.docstring(),
            "arguments": self.arguments(),
            "opening": self.opening(train_lines, body_locals, training=True),
            "forward": assigned(body_locals) + forward + loss,
            "backward": backward,
            "gradients": gradients,
            "grads": list(self.grads().items()),
            "final": dict_code(final),
            "readout": dict_doc(list(outputs)),
            "opening_infer": self.opening(infer, self.locals, training=False),
            "infer": assigned(self.locals) + infer,
            "outputs": dict_code(outputs),
            "size_names": ", ".join(self.size_names()),
            "size_arguments": ", ".join(["params", *self.given_names(), "state"]),
            "checking": self.checking(),
            "allocation": self.allocation(),
            "has_indices": any(d.classes is not None for d in self.timed()),
        }

    def timed(self) -> list[Declaration]:
        return [*self.model.inputs, *self.model.targets]

    def given_names(self) -> list[str]:
        return [identifier(d.name) for d in self.timed()]

    def arguments(self) -> list[str]:
        """The docstring's list of arguments."""
        params = ", ".join(f"{d.name} {self.shape(d)}" for d in self.model.params)
        lines = textwrap.wrap(f"params: dict of {params}", WIDTH - 4, subsequent_indent="    ")
        for group, name in ((self.model.inputs, "x"), (self.model.targets, "y")):
            parts = []
            for d in group:
                values = "" if d.classes is None else f", integers in 0..{code(d.classes)}-1"
                own = "" if len(group) == 1 else f"{d.name} "
                parts.append(f"{own}{self.shape(d)}{values}")
            kind = "" if len(group) == 1 else "dict of "
            lines.append(f"{name}: {kind}{'; '.join(parts)}" if group else f"{name}: not used, None")
        states = ", ".join(f"{d.name} {self._state_shape(d)}" for d in self.model.states)
        lines.append(f"state: dict of {states} before the first step; zeros if None")
        return lines

    def shape(self, d: Declaration) -> str:
        return tuple_code((["T"] if d.timed else []) + [code(s) for s in d.shape])

    def opening(self, lines: list[str], views: dict[str, str], *, training: bool) -> list[str]:
        """Arguments unpacked, sizes checked, buffers fetched."""
        out = []
        groups = [(self.model.inputs, "x")] + ([(self.model.targets, "y")] if training else [])
        for group, name in groups:
            if len(group) > 1:
                keys = ", ".join(f'"{d.name}"' for d in group)
                out.append(f'_keys("{name}", {name}, ({keys}))')
            for d in group:
                source = name if len(group) == 1 else f'{name}["{d.name}"]'
                out.append(f"{identifier(d.name)} = np.asarray({source})")
        given = [identifier(d.name) for d in self.model.inputs]
        given += [identifier(d.name) if training else "None" for d in self.model.targets]
        out.append(f"sizes = _sizes({', '.join(['params', *given, 'state'])})")
        fetched = "_workspace(workspace, sizes)" if training else "_Buffers(*sizes)"
        out.append(f"w = {fetched}")
        text = _without_comments("\n".join([*lines, *views.values()]))
        names = [n if self._mentions(text, n) else "_" for n in self.size_names()]
        if set(names) != {"_"}:
            while names and names[-1] == "_":
                names.pop()
            out.append(f"{', '.join(names)}, *_ = sizes")
        for d in self.model.params:
            if self._mentions(text, identifier(d.name)):
                out.append(f'{identifier(d.name)} = params["{d.name}"]')
        return out

    @staticmethod
    def _mentions(text: str, name: str) -> bool:
        return re.search(rf"(?<![\w.\"]){re.escape(name)}\b", text) is not None

    def checking(self) -> list[str]:
        """The body of _sizes."""
        keys = ", ".join(f'"{d.name}"' for d in self.model.params)
        lines = [f'_keys("params", params, ({keys}{"," if len(self.model.params) == 1 else ""}))']
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
        group = self.model.inputs if d.role == "input" else self.model.targets
        name = "x" if d.role == "input" else "y"
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
            shape = self._state_shape(d)
            array = f'state["{d.name}"]'
            lines += [
                f"    if {array}.shape != {shape} or {array}.dtype != dtype:",
                f"        _refuse(\"state['{d.name}']\", {array}, {shape}, dtype)",
            ]
        return lines

    def _state_shape(self, d: Declaration) -> str:
        lag = self.model.lag(d.name)
        return tuple_code(([str(lag)] if lag > 1 else []) + [code(s) for s in d.shape])

    def size_sources(self) -> list[tuple[str, Declaration, int]]:
        """(size, the argument that tells it, its axis); `forward` has no target to ask."""
        found: dict[str, tuple[Declaration, int]] = {}
        for d in (*self.model.inputs, *self.model.params, *self.model.targets):
            if d.timed:
                found.setdefault("T", (d, 0))
            for axis, n in enumerate(d.shape):
                if n.is_Symbol:
                    found.setdefault(n.name, (d, axis + d.timed))
        missing = [n for n in self.size_names() if n not in found]
        if missing:
            raise UnsupportedError(
                f"no parameter or input has the size {missing[0]} as an axis of its own",
                f"a parameter or input with the axis {missing[0]}",
            )
        return [(n, *found[n]) for n in self.size_names()]

    def size_names(self) -> list[str]:
        return ["T", *self.model.sizes]

    def _returned(self, name: str) -> str:
        ref = self.program.buffers[name]
        return self.ref(Ref(name, "all" if ref.timed else "static"), None)

    def _access(self, d: Declaration) -> str:
        return f'params["{d.name}"]' if d.role == "param" else identifier(d.name)

    def grads(self) -> dict[str, str]:
        out = {}
        for e in self.program.derivation.group("gradient").equations:
            d = self.model.table[e.lhs.wrt.name]
            if d.role == "state":
                out[d.name] = self._initial(d)
            else:
                name = _adjoint_buffer(d.name, self.model)
                out[d.name] = f"w.{identifier(name)}"
        return out

    def _initial(self, d: Declaration) -> str:
        name = _adjoint_buffer(d.name, self.model)
        b = self.program.buffers.get(name)
        if b is None or not b.rows:
            self.needs[f"d{d.name}_0"] = f"np.zeros({self._state_shape(d)}, dtype)"
            return f"w.d{d.name}_0"
        return f"w.{self._start(b)}"

    def _final(self, d: Declaration) -> str:
        b = self.program.buffers[d.name]
        name = f"{identifier(d.name)}_end"
        lag = b.rows or 1
        self.views[name] = f"{_store(b)}[-1]" if lag == 1 else f"{_store(b)}[-{lag}:]"
        return f"w.{name}"

    def allocation(self) -> list[str]:
        """The body of the buffer class: arrays, then the views of them that the lines use."""
        lines = []
        for b in sorted(self.program.buffers.values(), key=lambda b: bool(b.shares)):
            if b.role not in ("param", "input", "target"):
                lines += self._allocate(b)
        for name, text in self.needs.items():
            lines.append(f"self.{name} = {text}")
        for name, text in self.views.items():
            lines.append(f"self.{name} = {text}")
        for name, text in self.loops.items():
            lines.append(f"self.{name} = {text}")
        return [line for text in lines for line in wrapped(text, WIDTH - 8)]

    def _allocate(self, b: Buffer) -> list[str]:
        name, store = identifier(b.name), _store(b)
        if b.shares:
            source = self.program.buffers[b.shares]
            held = f"{store} = {_store(source)}  # {name} takes its place"
        else:
            dims = [code(s) for s in b.shape]
            if b.timed:
                dims.insert(0, f"T + {b.rows}" if b.rows else "T")
            dtype = "np.intp" if b.kind == "index" else "dtype"
            held = f"{store} = np.empty({tuple_code(dims)}, {dtype})"
        return [held] if b.rows else [held if store.startswith("self.") else f"self.{held}"]

    def docstring(self) -> list[str]:
        """Equations with their numbers, what was proved, and how to write the file again."""
        d = self.program.derivation
        wanted = ("forward", "adjoint", "boundary", "gradient")
        lines = []
        for g in d.groups:
            if g.key in wanted:
                lines += ["", g.title]
                lines += [f"  {f'({e.label})'.rjust(5)} {show_equation(e)}" for e in g.equations]
        if self.proof is not None and self.proof.ok:
            count = len(self.proof.steps)
            lines += ["", f"Proved for every T and every size: {count} statements, by",
                      f"`symbptt prove {self.model.name}`."]
        if self.command:
            lines += ["", f"Written by `{self.command}`; write it again rather than edit it."]
        return lines


def assigned(views: dict[str, str]) -> list[str]:
    return [f"{name} = {text}" for name, text in views.items()]


def dict_code(items: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{k}": {v}' for k, v in items.items()) + "}"


def dict_doc(names: list[str]) -> str:
    return f"dict of {', '.join(names)}"


def _without_comments(text: str) -> str:
    return "\n".join(line.split("#", 1)[0] for line in text.splitlines())


def _adjoint_buffer(name: str, model: Any) -> str:
    name = f"d{name}"
    while name in model.table:
        name += "_"
    return name


def _store(b: Buffer) -> str:
    """Where the whole array of a buffer is kept while the views are made."""
    name = identifier(b.name)
    return f"{name}_all" if b.rows else f"self.{name}"


def _shift_suffix(shift: int) -> str:
    return "_t" if not shift else "_prev" if shift == -1 else f"_prev{-shift}"


def _step_rows(b: Buffer, shift: int, backward: bool) -> str:
    """Rows t = 1..T of a buffer, shifted, in the loop's order."""
    rows = b.rows or 0
    start, stop = rows + shift, shift
    text = _store(b)
    if start or stop:
        text += f"[{start or ''}:{stop or ''}]"
    return text + "[::-1]" if backward else text


def _scaled(c: Any, text: str) -> str:
    if c == 1:
        return text
    if c.is_Rational and c.q == 2 and c.p == 1:
        return f"0.5 * {text}"
    top, bottom = sympy.fraction(c)
    if top == 1:
        return f"{text} / ({code(bottom)})" if not bottom.is_Symbol else f"{text} / {code(bottom)}"
    return f"{code(c)} * {text}"


def commented(text: str, labels: tuple[str, ...]) -> str:
    """A line with the numbers of its equations."""
    if not labels:
        return text
    return f"{text}  # " + ", ".join(f"({x})" for x in labels)


def wrapped(text: str, width: int) -> list[str]:
    """A statement broken inside its outermost bracket where it is too long."""
    if len(text) <= width or "(" not in text:
        return [text]
    head, _, tail = text.partition("list(zip(")
    if not tail:
        return [text]
    items = tail.removesuffix("))").split(", ")
    return [f"{head}list(", f"    zip({', '.join(items)})", ")"]


Line = Callable[[_Module, Instruction, "Loop | None"], list[str]]


def _call(function: str) -> Line:
    def run(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
        inner = ", ".join([*(m.ref(a, loop) for a in i.args), f"out={m.ref(i.out, loop)}"])
        return [f"{function}({inner})"]

    return run


def _dot(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"{a}.dot({b}, out={out})"]


def _reduce(function: str, keep: bool = False) -> Line:
    def run(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
        axis = str(i.axes[0]) if len(i.axes) == 1 else str(tuple(i.axes))
        keeping = ", keepdims=True" if keep else ""
        x, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
        return [f"{function}({x}, axis={axis}, out={out}{keeping})"]

    return run


def _rowsum(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    source = i.args[0]
    assert isinstance(source, Ref)
    width = code(m.program.buffers[source.buffer].shape[-1])
    out = m.flat_all(i.out)
    return [f"{m.ref(source, loop)}.dot({m.ones(width)}, out={out})"]


def _colsum(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    source = i.args[0]
    assert isinstance(source, Ref)
    count = m.rows(m.program.buffers[source.buffer])
    return [f"{m.ones(count)}.dot({m.ref(source, loop)}, out={m.ref(i.out, loop)})"]


def _start(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    return [f'np.copyto({m.ref(i.out, loop)}, 0 if state is None else state["{i.args[0]}"])']


def _fill(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    return [f"{m.ref(i.out, loop)}.fill({m.ref(i.args[0], loop)})"]


def _copy(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    return [f"np.copyto({m.ref(i.out, loop)}, {m.ref(i.args[0], loop)})"]


def _locate(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    b = m.program.buffers[i.out.buffer]
    count = m.rows(Buffer("", (*b.shape, 1))) if b.timed else " * ".join(map(code, b.shape)) or "1"
    name = "row_starts"
    m.needs[name] = f"np.arange(0, {count} * {i.args[1]}, {i.args[1]})"
    source = m.flat_all(i.args[0]) if isinstance(i.args[0], Ref) else ""
    return [f"np.add(w.{name}, {source}, out={m.flat_all(i.out)})"]


def _pick(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    rows, at = (m.flat_all(a) for a in i.args if isinstance(a, Ref))
    return [f'{rows}.take({at}, out={m.flat_all(i.out)}, mode="clip")']


def _put(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    values, at = (m.flat_all(a) for a in i.args if isinstance(a, Ref))
    return [f'{m.flat_all(i.out)}.put({at}, {values}, mode="clip")']


def _take(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    rows, index = (m.ref(a, loop) for a in i.args)
    return [f'{rows}.take({index}, axis=0, out={m.ref(i.out, loop)}, mode="clip")']


def _scatter(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    values, index = (m.ref(a, loop) for a in i.args)
    return [f"np.add.at({m.ref(i.out, loop)}, {index}, {values})"]


def _sigmoid(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    """σ(z) = ½ + ½ tanh(z/2): no overflow for any z."""
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [
        f"np.multiply({z}, 0.5, out={out})",
        f"np.tanh({out}, out={out})",
        f"np.multiply({out}, 0.5, out={out})",
        f"np.add({out}, 0.5, out={out})",
    ]


def _relu(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [f"np.maximum({z}, 0, out={out})"]


def _step(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [f'np.greater({z}, 0, out={out}, casting="unsafe")']


def _softplus(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [f"np.logaddexp({z}, 0, out={out})"]


def _matvec(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}, {b}[..., None], out={out}[..., None])"]


def _vecmat(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}[..., None, :], {b}, out={out}[..., None, :])"]


def _rowdot(m: _Module, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}[..., None, :], {b}[..., None], out={out}[..., None, None])"]


NUMPY: dict[str, Line] = {
    **{op: _call(f"np.{op}") for op in ("add", "subtract", "multiply", "divide", "negative")},
    **{op: _call(f"np.{op}") for op in ("sqrt", "power", "tanh", "exp", "log", "sin", "cos")},
    "matmul": _call("np.matmul"),
    "matvec": _matvec,
    "vecmat": _vecmat,
    "rowdot": _rowdot,
    "dot": _dot,
    "reduce": _reduce("np.add.reduce"),
    "reduce_keep": _reduce("np.add.reduce", keep=True),
    "rowmax": _reduce("np.maximum.reduce"),
    "rowsum": _rowsum,
    "colsum": _colsum,
    "start": _start,
    "fill": _fill,
    "copy": _copy,
    "locate": _locate,
    "pick": _pick,
    "put": _put,
    "take": _take,
    "scatter": _scatter,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "step": _step,
    "softplus": _softplus,
}

__all__ = ["NUMPY", "emit"]
