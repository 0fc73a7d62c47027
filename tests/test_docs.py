"""The README runs: every block, every command, path and option it names, and its size.

A ```console block is `$ command` lines, each followed by the command's output: a line `…` stands
for one or more lines left out, everything else is there line by line. A ```python block is an
interactive session, compared as doctest does. Docstrings with examples run as well.
"""

import doctest
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import symbptt

from .test_architecture import ORDER

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 150
LEFT_OUT = "…"
OPTION = re.compile(r"--[a-z][\w-]*")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
NOT_LISTED = {"build", "dist", "__pycache__", "symbptt.egg-info"}


def blocks(language: str) -> list[str]:
    return [body for word, body in BLOCK.findall(README) if word == language]


def prose() -> str:
    return BLOCK.sub("", README)


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def sessions(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines shown under it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield command, shown


CONSOLE = [pytest.param(*s, id=s[0]) for b in blocks("console") for s in sessions(b)]


def output_of(command: str) -> list[str]:
    """Standard output of `symbptt …` or `cat FILE`, run in the checkout; it must succeed."""
    program, *arguments = shlex.split(command)
    if program == "cat":
        return (ROOT / arguments[0]).read_text(encoding="utf-8").splitlines()
    assert program == "symbptt", f"the tests do not know how to run {program!r}"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "symbptt", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def mismatch(shown: list[str], real: list[str]) -> str:
    """What a transcript shows that is not so; empty if it is an honest excerpt.

    It accounts for the whole output, first line to last: a `…` for one or more lines, and every
    other line for itself.
    """
    pattern = "".join(
        "(?:.*\n)+" if line.strip() == LEFT_OUT else f"{re.escape(line)}\n" for line in shown
    )
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in real)):
        return ""
    unseen = [line for line in shown if line.strip() != LEFT_OUT and line not in real]
    return "\n".join(["not in the output:", *unseen] if unseen else ["not as … says:", *shown])


@pytest.mark.parametrize("command, shown", CONSOLE)
def test_a_transcript_is_what_the_command_prints(command: str, shown: list[str]) -> None:
    assert not (said := mismatch(shown, output_of(command))), said


@pytest.mark.parametrize("block", blocks("python"))
def test_a_python_session_says_what_it_shows(block: str) -> None:
    session = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
    assert session.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(session, out=report.append)
    assert not report, "".join(report)


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {word for word, _ in BLOCK.findall(README)} == {"console", "python", "text"}
    assert len(blocks("text")) == 1, "the folder listing"
    assert README.count("```") == 2 * len(BLOCK.findall(README))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "shown, honest",
    [
        ("a b c d", True),
        ("… b c …", True),
        ("a … d", True),
        ("… d", True),
        ("a …", True),
        ("a … c …", True),
        ("a b c", False),
        ("b c d", False),
        ("… c b …", False),
        ("… b d", False),
        ("a … b c d", False),
        ("a b c d …", False),
        ("… a b c d", False),
        ("… x …", False),
        ("", False),
    ],
)
def test_the_rule_for_what_is_left_out(shown: str, honest: bool) -> None:
    assert (mismatch(shown.split(), list("abcd")) == "") is honest


def test_the_last_run_is_the_end_even_where_it_also_stands_earlier() -> None:
    assert mismatch(["…", "b"], ["a", "b", "c", "b"]) == ""


# The folder listing.


def listed() -> list[tuple[str, bool]]:
    """Each path of the listing, and whether it is a folder."""
    found, parent = [], ""
    for line in blocks("text")[0].splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            parent = ""
        found.append((parent + name.rstrip("/"), name.endswith("/")))
        if name == "symbptt/":
            parent = name
    return found


def test_the_folder_listing_is_true() -> None:
    def is_there(path: Path, is_folder: bool) -> bool:
        return path.is_dir() if is_folder else path.is_file()

    assert not [path for path, is_folder in listed() if not is_there(ROOT / path, is_folder)]


def test_the_folder_listing_is_complete() -> None:
    names = {path for path, _ in listed()}
    top = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    modules = {
        f"symbptt/{p.name}"
        for p in (ROOT / "symbptt").iterdir()
        if not p.name.startswith(("__", ".")) and p.name != "templates"
    }
    assert names == (top - NOT_LISTED) | modules


def test_the_folder_listing_is_the_order_of_the_imports() -> None:
    inside = [Path(p).stem for p, _ in listed() if p.startswith("symbptt/")]
    assert tuple(inside) == ORDER


# What the text names: commands, options, targets, paths.


@cache
def verbs() -> dict[str, set[str]]:
    """Verb -> its options, as --help has them."""
    commands = "\n".join(output_of("symbptt --help")).split("Commands:\n")[1].split("\n\n")[0]
    names = re.findall(r"^  (\w+)", commands, re.M)
    return {n: {*OPTION.findall("\n".join(output_of(f"symbptt {n} --help")))} for n in names}


def spoken() -> list[list[str]]:
    """Every command that begins with symbptt, in a block or between backticks, as its words."""
    inline = re.findall(r"`(symbptt [^`\n]+)`", prose())
    shown = [c for b in blocks("console") for c, _ in sessions(b) if c.startswith("symbptt ")]
    return [shlex.split(c)[1:] for c in inline + shown]


def test_every_command_named_exists_with_its_options() -> None:
    known = verbs()
    for verb, *arguments in spoken():
        assert verb in known
        assert {a for a in arguments if a.startswith("-")} <= known[verb], verb
    assert {*OPTION.findall(prose())} <= set().union(*known.values())


def test_every_command_is_named() -> None:
    assert {verb for verb, *_ in spoken()} == set(verbs())


def test_what_is_said_not_to_exist_does_not() -> None:
    """The section on limits names verbs to come; once one is there, the section is wrong."""
    named = set(re.findall(r"\(`(\w+)`\)", section("What it does not do")))
    assert not named & set(verbs())


def test_every_model_named_ships() -> None:
    models = {words[1] for words in spoken() if len(words) > 1 and words[0] != "new"}
    assert {m for m in models if not (ROOT / m).is_file()} <= set(symbptt.zoo())


def test_the_make_targets_are_all_of_them() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert targets is not None
    assert set(re.findall(r"`make (\w+)`", README)) == set(targets[1].split())


def test_every_path_and_link_leads_somewhere() -> None:
    links = [x for x in re.findall(r"\]\(([^)\s]+)\)", prose()) if "://" not in x]
    paths = [x for x in re.findall(r"`([\w.-]+/[\w./-]*)`", prose())]
    found = [x.partition("#")[0] for x in links] + paths
    assert found
    assert not [x for x in found if not (ROOT / x).exists()]


def test_the_numbers_are_those_of_the_benchmark() -> None:
    """Rows of the table: the benchmark's shapes in its order; cells measured or empty."""
    problem = importlib.import_module("benchmarks.problems").PROBLEMS["elman_batch"]
    table = README.split("<!-- bench -->\n")[1].split("<!-- /bench -->")[0]
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    assert header[0] == ", ".join(problem.sizes)
    assert [row[0] for row in rows] == [", ".join(map(str, s)) for s in problem.shapes]
    assert all(len(row) == len(header) for row in rows)
    cells = [cell for row in rows for cell in row[1:]]
    assert all(re.fullmatch(r"(\d+(\.\d+)?( to \d+(\.\d+)?)?)?", cell) for cell in cells)
    assert len({bool(cell) for cell in cells}) == 1, "measured in one run, or not at all"


# Docstrings.


def test_examples_in_docstrings_hold() -> None:
    found = [m.name for m in pkgutil.walk_packages(symbptt.__path__, "symbptt.")]
    names = ["symbptt", *(name for name in found if not name.endswith("__main__"))]
    failed = {name: doctest.testmod(importlib.import_module(name)).failed for name in names}
    assert not [name for name, count in failed.items() if count]


def test_the_example_of_the_package_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The indented lines of symbptt's own docstring."""
    assert symbptt.__doc__ is not None
    lines = [x for x in symbptt.__doc__.splitlines() if x.startswith("    ")]
    exec(textwrap.dedent("\n".join(lines)), {})
    assert "def loss_and_grad" in capsys.readouterr().out
