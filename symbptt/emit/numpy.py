"""The NumPy target: one row per operation, from an instruction to the lines that do it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import sympy

from ..plan import Buffer, Instruction, Loop, Part, Ref
from ..strategy import Blocks
from .names import WIDTH, bound, code, commented, identifier, scaled
from .views import Views, shift_suffix, step_rows, together_name, together_rows


class Lines(Views):
    """Instructions as lines of Python, each with the numbers of its equations."""

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
        self.fetched = {}
        body = [line for i in loop.body for line in self.lines(i, loop)]
        if loop.together:
            return self._together(loop, body)
        names, stored, given = self._steps(loop)
        attribute = self._stored(loop, stored)
        over = f"w.{attribute}"
        target = names
        if given:
            order = "[::-1]" if loop.backward else ""
            over = f"zip(w.{attribute}, {', '.join(g + order for g in given)}, strict=True)"
            target = [f"({', '.join(names)})", *(f"{g}_t" for g in given)]
        when = "t = T, …, 1" if loop.backward else "t = 1, …, T"
        comma = "," if len(target) == 1 else ""
        head = [f"for {', '.join(target)}{comma} in {over}:  # {when}"]
        if len(head[0]) > WIDTH:
            rows = target[1:] if given else target
            inner = ["    (", *(f"        {n}," for n in names), "    ),"] if given else []
            head = ["for (", *inner, *(f"    {n}," for n in rows), f") in {over}:  # {when}"]
        return [*bound(self.fetched), *head, *("    " + line for line in body)]

    def _stored(self, loop: Loop, text: str) -> str:
        """The attribute that holds the views of every step of a loop."""
        attribute = "backward" if loop.backward else "forward"
        taken = {identifier(n) for n in self.program.buffers}
        while self.loops.get(attribute, text) != text or attribute in taken:
            attribute += "_"
        self.loops[attribute] = text
        return attribute

    def call(self, function: str, *args: str, out: str, loop: Loop | None) -> str:
        """A line that writes `out`. In a loop the function has a short name, and so has `out`."""
        if loop is None:
            return f"np.{function}({', '.join(args)}, out={out})"
        name = self.fetch(function, f"np.{function}")
        if function == "maximum":  # NumPy wants the keyword there
            return f"{name}({', '.join(args)}, out={out})"
        return f"{name}({', '.join((*args, out))})"

    def _together(self, loop: Loop, body: list[str]) -> list[str]:
        """The loop over the steps back; its views are made with the buffers."""
        strategy = self.program.derivation.strategy
        assert isinstance(strategy, Blocks)
        names: dict[str, str] = {}
        given: dict[str, str] = {}
        for i in loop.body:
            for r in (*i.args, i.out):
                if isinstance(r, Ref) and r.span in ("together", "own", "early"):
                    b = self.program.buffers[r.buffer]
                    argument = b.role in ("input", "target")
                    text = identifier(b.name) if argument else ""
                    found = given if argument else names
                    found[together_name(r, b)] = together_rows(r, b, strategy, text)
        where = "back" if loop.backward else "ahead"
        back = f"back, lo, hi, own, t, u in _steps_{where}(T)"
        views = "".join(f"        {text},\n" for text in names.values())
        over = "w." + self._stored(loop, f"[\n    (\n{views}    )\n    for {back}\n]")
        target = [f"{name}," for name in names]
        if given:
            more = [f"[{text} for {back}]" for text in given.values()]
            over = f"zip({over}, {', '.join(more)}, strict=True)"
            target = ["(", *target, "),", *(f"{name}," for name in given)]
        head = textwrap.wrap(" ".join(target), WIDTH - 4)
        steps = f"# 0, …, {strategy.back - 1} steps {where}"
        lines = ["for (", *("    " + line for line in head), f") in {over}:  {steps}"]
        return [*bound(self.fetched), *lines, *("    " + line for line in body)]

    def _steps(self, loop: Loop) -> tuple[list[str], str, list[str]]:
        """The loop's variables, the expression of their rows, and the arguments it reads."""
        names: dict[str, str] = {}
        given: dict[str, None] = {}
        for i in loop.body:
            for r in (*i.args, i.out):
                if isinstance(r, Ref) and r.span == "step":
                    b = self.program.buffers[r.buffer]
                    if b.role in ("input", "target"):
                        given[identifier(b.name)] = None
                    else:
                        names[identifier(b.name) + shift_suffix(r.shift)] = step_rows(
                            b, r.shift, loop.backward
                        )
        rows = ", ".join(names.values())
        return list(names), f"list(zip({rows}, strict=True))", list(given)

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
        first = scaled(*terms[0])
        signs = [c.could_extract_minus_sign() for c, _ in terms]
        rest = [scaled(-c if n else c, text) for n, (c, text) in zip(signs, terms, strict=True)]
        tail = "".join(
            (" - " if n else " + ") + text for n, text in zip(signs[1:], rest[1:], strict=True)
        )
        whole = commented(f"loss = {first}{tail}", part.loss_labels)
        if len(whole) <= WIDTH:
            return [whole]
        more = [
            commented(f"loss {'-' if n else '+'}= {text}", part.loss_labels)
            for n, text in zip(signs[1:], rest[1:], strict=True)
        ]
        return [commented(f"loss = {first}", part.loss_labels), *more]


Line = Callable[[Lines, Instruction, "Loop | None"], list[str]]


def _call(function: str) -> Line:
    def run(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
        args = (m.ref(a, loop) for a in i.args)
        return [m.call(function, *args, out=m.ref(i.out, loop), loop=loop)]

    return run


def _dot(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"{a}.dot({b}, {out})" if loop else f"{a}.dot({b}, out={out})"]


def _reduce(function: str, keep: bool = False) -> Line:
    def run(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
        axis = str(i.axes[0]) if len(i.axes) == 1 else str(tuple(i.axes))
        keeping = ", keepdims=True" if keep else ""
        x, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
        return [f"{function}({x}, axis={axis}, out={out}{keeping})"]

    return run


def _rowsum(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    source = i.args[0]
    assert isinstance(source, Ref)
    width = code(m.program.buffers[source.buffer].shape[-1])
    out = m.flat_all(i.out)
    return [f"{m.ref(source, loop)}.dot({m.ones(width)}, out={out})"]


def _colsum(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    source = i.args[0]
    assert isinstance(source, Ref)
    count = m.rows(m.program.buffers[source.buffer])
    return [f"{m.ones(count)}.dot({m.ref(source, loop)}, out={m.ref(i.out, loop)})"]


def _start(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    return [f'np.copyto({m.ref(i.out, loop)}, 0 if state is None else state["{i.args[0]}"])']


def _later(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    end = m.ref(i.out, loop)
    return [f'np.add({end}, later["{i.args[0]}"], out={end})']


def _final(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    return [f"{m.ref(i.out, loop)}.fill(final)"]


def _draw(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    uniform = m.constant("uniform", "np.empty(T)")
    return [f"_draw({m.ref(i.out, loop)}, {uniform}, rng, go_on)"]


def _fill(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    return [f"{m.ref(i.out, loop)}.fill({m.ref(i.args[0], loop)})"]


def _eye(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    n = code(i.args[0])
    ones = m.constant("eye_" + n.replace(" ", ""), f"np.eye({n}, dtype=dtype)")
    return [f"np.copyto({m.ref(i.out, loop)}, {ones})"]


def _copy(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    return [f"np.copyto({m.ref(i.out, loop)}, {m.ref(i.args[0], loop)})"]


def _locate(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    b = m.program.buffers[i.out.buffer]
    count = m.rows(Buffer("", (*b.shape, 1))) if b.timed else " * ".join(map(code, b.shape)) or "1"
    classes = code(i.args[1])
    bracketed = classes if classes.isidentifier() else f"({classes})"
    starts = m.constant("row_starts", f"np.arange({count}) * {bracketed}")
    return [f"np.add({starts}, {m.flat_all(i.args[0])}, out={m.flat_all(i.out)})"]


def _pick(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    rows, at = (m.flat_all(a) for a in i.args if isinstance(a, Ref))
    return [f'{rows}.take({at}, out={m.flat_all(i.out)}, mode="clip")']


def _put(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    values, at = (m.flat_all(a) for a in i.args if isinstance(a, Ref))
    return [f'{m.flat_all(i.out)}.put({at}, {values}, mode="clip")']


def _take(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    rows, index = (m.ref(a, loop) for a in i.args)
    return [f'{rows}.take({index}, axis=0, out={m.ref(i.out, loop)}, mode="clip")']


def _scatter(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    values, index = (m.ref(a, loop) for a in i.args)
    return [f"np.add.at({m.ref(i.out, loop)}, {index}, {values})"]


def _locate_columns(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    rows, columns = code(m.program.buffers[i.out.buffer].shape[-1]), code(i.args[1])
    bracketed = columns if columns.isidentifier() else f"({columns})"
    starts = m.constant("column_starts", f"np.arange({rows}) * {bracketed}")
    return [f"np.add({m.ref(i.args[0], loop)}, {starts}, out={m.ref(i.out, loop)})"]


def _scatter_flat(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    values, index = (m.flat_all(a) for a in i.args if isinstance(a, Ref))
    return [f"np.add.at({m.flat_all(i.out)}, {index}, {values})"]


def _sigmoid(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    """σ(z) = ½ + ½ tanh(z/2): no overflow for any z."""
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [
        m.call("multiply", z, "0.5", out=out, loop=loop),
        m.call("tanh", out, out=out, loop=loop),
        m.call("multiply", out, "0.5", out=out, loop=loop),
        m.call("add", out, "0.5", out=out, loop=loop),
    ]


def _against_zero(function: str) -> Line:
    def run(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
        return [m.call(function, m.ref(i.args[0], loop), "0", out=m.ref(i.out, loop), loop=loop)]

    return run


def _hardtanh(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    return [m.call("clip", m.ref(i.args[0], loop), "-1", "1", out=m.ref(i.out, loop), loop=loop)]


def _step(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    z, out = m.ref(i.args[0], loop), m.ref(i.out, loop)
    return [f'np.greater({z}, 0, out={out}, casting="unsafe")']


def _matvec(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}, {b}[..., None], out={out}[..., None])"]


def _vecmat(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}[..., None, :], {b}, out={out}[..., None, :])"]


def _rowdot(m: Lines, i: Instruction, loop: Loop | None) -> list[str]:
    a, b, out = m.ref(i.args[0], loop), m.ref(i.args[1], loop), m.ref(i.out, loop)
    return [f"np.matmul({a}[..., None, :], {b}[..., None], out={out}[..., None, None])"]


NUMPY: dict[str, Line] = {
    **{op: _call(op) for op in ("add", "subtract", "multiply", "divide", "negative")},
    **{op: _call(op) for op in ("sqrt", "power", "tanh", "exp", "log", "sin", "cos")},
    "matmul": _call("matmul"),
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
    "draw": _draw,
    "later": _later,
    "final": _final,
    "fill": _fill,
    "copy": _copy,
    "eye": _eye,
    "locate": _locate,
    "pick": _pick,
    "put": _put,
    "take": _take,
    "scatter": _scatter,
    "locate_columns": _locate_columns,
    "scatter_flat": _scatter_flat,
    "sigmoid": _sigmoid,
    "relu": _against_zero("maximum"),
    "hardtanh": _hardtanh,
    "step": _step,
    "softplus": _against_zero("logaddexp"),
}
