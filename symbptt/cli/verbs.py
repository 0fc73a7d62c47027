"""The verbs. Heavy modules are imported inside them, so that each pays only for what it uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .. import __version__
from .guard import Verb, Verbs, status, stop
from .output import progress, put, writable
from .strategies import (
    Chunk,
    Clipped,
    IsCheckpointed,
    IsOnline,
    RandomlyCut,
    Truncate,
    clip_of,
    strategy_of,
)

if TYPE_CHECKING:
    from ..model import Derivation, Verdict
    from ..strategy import Strategy

EXIT = "Exit status: 0 it holds, 1 it is refuted, 2 the input is at fault, 3 undecided."

app = typer.Typer(
    name="symbptt",
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"""\b
Examples:
  symbptt derive elman                     the recursions, on the terminal
  symbptt derive my.rnn -o my.tex          a model of your own, as LaTeX
  symbptt prove rnnlm                      for every T and every size
  symbptt generate rnnlm -o rnnlm.py       NumPy code, once it is proved
  symbptt check rnnlm                      that code, in numbers

{EXIT}""",
)


Notation = Literal["d2l", "goodfellow", "karpathy", "pascanu", "cs231n", "wildml", "plain"]
Layout = Literal["numerator", "denominator"]
Mode = Literal["adjoint", "sensitivity", "closed", "all"]
Format = Literal["unicode", "latex", "markdown", "html", "json"]

SUFFIXES: dict[str, Format] = {
    ".tex": "latex",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}

MODEL = "A shipped name, or a path to a model file."
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL)]
MaybeModelName = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL, show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write to this file, whole or not at all."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        put(f"symbptt {__version__}\n")
        raise typer.Exit


@app.callback()
def symbptt(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Backpropagation through time, derived, proved and compiled.

    From the forward equations of a recurrent model to the recursions of its gradients for every
    length and every size, a proof of them, and NumPy code for them.
    """


@app.command()
def models() -> None:
    """List the models that ship."""
    from ..parse import load, zoo

    width = max(map(len, zoo()))
    put("".join(f"{name:<{width}}  {load(name).title}\n" for name in zoo()))


@app.command(
    epilog="""\b
Examples:
  symbptt new my_cell                      then: symbptt derive my_cell.rnn"""
)
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the model is called.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write NAME.rnn, a commented model to start from.

    It derives, proves and generates as it is. Change a line, and ask again.
    """
    from .starting import begin

    file = begin(name, force)
    typer.echo(f"{file} is written; next: symbptt derive {file}", err=True)


@app.command(
    epilog="""\b
Examples:
  symbptt derive elman --mode all
  symbptt derive elman_batch --mode closed --format latex
  symbptt derive elman --truncate 20       what truncation computes and leaves out
  symbptt derive elman --notation goodfellow --layout denominator
  symbptt derive my.rnn -o my.md           the format follows from the ending"""
)
def derive(
    model: ModelName,
    mode: Annotated[
        Mode, typer.Option(help="Backward in time, forward in time, the closed form, or all.")
    ] = "adjoint",
    format: Annotated[
        Format | None, typer.Option(help="Default: what FILE ends in, else unicode.")
    ] = None,
    notation: Annotated[
        Notation | None,
        typer.Option(
            help="An Elman network in the symbols of a known text; plain: as in model files."
        ),
    ] = None,
    layout: Annotated[Layout, typer.Option(help="Of Jacobians: rows of u or of v in ∂u/∂v.")] = (
        "numerator"
    ),
    output: Output = None,
    truncate: Truncate = "",
    chunk: Chunk = None,
    random_cut: RandomlyCut = "",
    checkpoint: IsCheckpointed = False,
    online: IsOnline = False,
) -> None:
    """Derive the recursions, every equation numbered.

    Of a gradient that is cut: what is computed, its closed form, and what it leaves out.
    """
    from ..show import show

    writable(output, keep=model)
    chosen = format or SUFFIXES.get(output.suffix if output else "", "unicode")
    strategy = strategy_of(truncate, chunk, random_cut, checkpoint, online)
    mode = "sensitivity" if online else mode
    derivation = _derivation(model, strategy)
    if (strategy is None or online) and mode != "all" and not _has(derivation, mode):
        why = "its states run both ways in time and read each other"
        why = why if derivation.model.states else "it has no states"
        stop(f"{derivation.model.name} has no {mode} form: {why}\nwrite instead: --mode adjoint")
    put(show(derivation, chosen, mode, notation or "", layout), output)


@app.command(
    epilog=f"""\b
Examples:
  symbptt prove elman
  symbptt prove my.rnn --json
  symbptt prove --lemma

{EXIT}"""
)
def prove(
    ctx: typer.Context,
    model: MaybeModelName = "",
    lemma: Annotated[
        bool, typer.Option("--lemma", help="Prove the linear recurrence's lemma instead.")
    ] = False,
    json: Json = False,
    truncate: Truncate = "",
    chunk: Chunk = None,
    random_cut: RandomlyCut = "",
    checkpoint: IsCheckpointed = False,
    online: IsOnline = False,
) -> None:
    """Prove a derivation, for every T and every size."""
    if lemma and model:
        ctx.fail("--lemma stands alone: it is not about one model.")
    if not lemma and not model:
        ctx.fail("Missing argument 'MODEL', or --lemma.")
    strategy = strategy_of(truncate, chunk, random_cut, checkpoint, online)
    if lemma and strategy:
        ctx.fail("--lemma stands alone: it is not about one gradient.")
    verdict = _lemma() if lemma else _proof(_derivation(model, strategy))
    _answer(verdict, json)


@app.command(
    epilog="""\b
Examples:
  symbptt generate rnnlm > rnnlm.py
  symbptt generate my.rnn -o my.py --report
  symbptt generate elman --chunk 50 -o elman_chunk.py
  symbptt generate --all -o generated      one module per model that ships

Exit status: 0 written. Nothing is written at 1 proof or check failed, 2 the input is at fault,
3 undecided."""
)
def generate(
    ctx: typer.Context,
    model: MaybeModelName = "",
    output: Output = None,
    report: Annotated[
        bool, typer.Option("--report", help="Print the passes and what each one won.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every shipped model, into the folder after -o.")
    ] = False,
    truncate: Truncate = "",
    chunk: Chunk = None,
    random_cut: RandomlyCut = "",
    checkpoint: IsCheckpointed = False,
    online: IsOnline = False,
    clip: Clipped = None,
) -> None:
    """Write proved NumPy code for the gradients.

    The module holds the loss and all gradients, and is written once the derivation is proved.
    With --report and no FILE, standard output holds the report instead of the code.
    """
    from . import generating

    strategy = strategy_of(truncate, chunk, random_cut, checkpoint, online)
    if every:
        if model or report or output is None or strategy or clip:
            ctx.fail("--all takes -o FOLDER and nothing else.")
        generating.everything(output)
        return
    if not model:
        ctx.fail("Missing argument 'MODEL', or --all.")
    writable(output, keep=model)
    code = generating.module(model, strategy, clip_of(clip))
    if not report or output is not None:
        put(code.text, output)
    if report:
        put(code.report())


@app.command(
    epilog=f"""\b
Examples:
  symbptt check rnnlm
  symbptt check my.rnn --json

{EXIT}"""
)
def check(
    model: ModelName,
    json: Json = False,
    truncate: Truncate = "",
    chunk: Chunk = None,
    random_cut: RandomlyCut = "",
    checkpoint: IsCheckpointed = False,
    online: IsOnline = False,
    clip: Clipped = None,
) -> None:
    """Check the emitted code in numbers.

    Against 50-digit arithmetic, against complex step, and against its own contract; a gradient
    that is cut against its own definition.
    """
    from ..check import check as check_
    from ..plan import plan

    strategy = strategy_of(truncate, chunk, random_cut, checkpoint, online)
    with progress(f"checking {model}"):
        verdict = check_(plan(_derivation(model, strategy), clip_of(clip)))
    _answer(verdict, json)


@app.command(
    epilog="""\b
Examples:
  symbptt analyze elman
  symbptt analyze elman --gain 1.5 --size H=64 -T 100 -o elman.svg
  symbptt analyze my.rnn --weights my.npz --json
  symbptt analyze elman --random-cut 0.9 -T 60 -o cuts.svg
  symbptt analyze --counterexamples"""
)
def analyze(
    ctx: typer.Context,
    model: MaybeModelName = "",
    steps: Annotated[int, typer.Option("-T", "--steps", help="Length of the sequence.")] = 50,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE.npz", help="Parameters by name; else a draw."),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option("--size", metavar="NAME=N", help="A size; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights, inputs and targets.")] = 0,
    gain: Annotated[float, typer.Option(help="Drawn matrices have deviation gain / √H.")] = 1.0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PLOT.svg", help="Draw it: .svg, .png or .pdf."),
    ] = None,
    random_cut: Annotated[
        str,
        typer.Option(
            "--random-cut",
            metavar="ALPHA",
            help="Instead: the scatter of a randomly cut gradient, and three ways to cut, drawn.",
        ),
    ] = "",
    examples: Annotated[
        bool, typer.Option("--counterexamples", help="Worked examples of the conditions instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure how the gradients of a model vanish or explode.

    Norms of the products of the step's Jacobians with their bound, spectra of the recurrent
    weights and of the mean Jacobian, and the gradient that arrives at each step.
    """
    from . import analyzing

    if examples == bool(model):
        ctx.fail("one of MODEL and --counterexamples.")
    if examples:
        put(analyzing.counterexample_text())
        return
    if random_cut:
        options = (weights, steps, size or [], seed, gain, random_cut, output)
        put(analyzing.cut_text(model, *options))
        return
    found = analyzing.measured(model, weights, steps, size or [], seed, gain, output)
    put(analyzing.analysis_json(found) if json else analyzing.analysis_text(found))


@app.command(
    epilog="""\b
Examples:
  symbptt verify notes.md
  symbptt verify notes.tex --model elman --json
  symbptt verify notes.md --assume layout=numerator --explain 7
  symbptt verify notes.md --script 7 -o line7.py

--assume fixes what is inferred: layout=numerator|denominator, gradients=columns|rows,
partial=total|immediate, loss=sum|mean|last, and what a gradient letter is the gradient by:
δ=a, dh=h:step (of whole, step, own, future, share), δ=h:1/T.
--json follows symbptt/verify/report.schema.json.

Exit status: 0 nothing refuted and nothing unread, 1 something is refuted, 2 the input is at fault,
3 something is unread or only tested."""
)
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A derivation: .md, .tex or .txt.")],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="What it is about. Default: what the text says.")
    ] = "",
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Fix one reading: layout=numerator, δ=a, …"),
    ] = None,
    explain: Annotated[
        str, typer.Option(metavar="LINE", help="Explain why this line holds, or where it breaks.")
    ] = "",
    script: Annotated[
        str,
        typer.Option(
            metavar="LINE",
            help="Print a NumPy script with both sides of this line; `first`: the first wrong one.",
        ),
    ] = "",
    output: Output = None,
    json: Json = False,
) -> None:
    """Verify a hand derivation, line by line.

    Every equation gets a verdict; a wrong one its class, a counterexample and the right equation.
    """
    from . import verifying

    writable(output, keep=str(file))
    with progress(f"verifying {file}"):
        report = verifying.judged(file, model, assume or [])
    put(verifying.shown(report, explain, script, json), output)
    raise typer.Exit(report.status)


@app.command(
    epilog="""\b
Examples:
  symbptt bench elman_batch
  symbptt bench --json > bench.json        every model that has a benchmark
  symbptt bench --strategies               time and peak memory against the full gradient"""
)
def bench(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Default: all there are.")
    ] = None,
    json: Json = False,
    strategies: Annotated[
        bool,
        typer.Option("--strategies", help="Truncated, random, online … against the full gradient."),
    ] = False,
) -> None:
    """Time the emitted code against its peers.

    The peers are PyTorch, JAX, autograd, and the bare matrix products.
    """
    from . import benching

    if strategies and models:
        ctx.fail("--strategies stands alone: it measures elman.")
    if not strategies:
        put(benching.measured(models or [], json))
        return
    for text in benching.strategies(json):
        put(text)


def _derivation(model: str, strategy: Strategy | None = None) -> Derivation:
    from ..derive import derive
    from ..parse import load

    return derive(load(model), strategy)


def _has(derivation: Derivation, mode: Mode) -> bool:
    """Whether the derivation has the group of this mode."""
    return any(g.key == mode for g in derivation.groups)


def _proof(derivation: Derivation) -> Verdict:
    from ..prove import prove

    with progress(f"proving {derivation.model.name}") as say:
        return prove(derivation, say)


def _lemma() -> Verdict:
    import symbptt.show  # noqa: F401 - how the statements are written down

    from ..prove import lemma

    return lemma()


def _answer(verdict: Verdict, json: bool) -> None:
    """Print a verdict and exit with its status."""
    from ..show import show

    put(show(verdict, "json" if json else "unicode"))
    raise typer.Exit(status(verdict))


for _verb in app.registered_commands:
    _verb.cls = Verb
