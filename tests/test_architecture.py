"""The order of the modules and the fences between them, on the transitive import graph.

The graph comes from `ast`, so an import inside a function counts as well; only one under
`if TYPE_CHECKING` does not, for it never runs.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The pipeline: a module imports only modules above it in this list.
ORDER = (
    "errors",
    "matrix",
    "indices",
    "rules",
    "strategy",
    "model",
    "parse",
    "show",
    "zoo",
    "derive",
    "unroll",
    "prove",
    "plan",
    "emit",
    "check",
    "verify",
    "analyze",
    "cli",
)

# The same inside the judge of hand derivations.
ROOMS = (
    "surface",
    "read",
    "write",
    "program",
    "scripted",
    "naming",
    "nearly",
    "matching",
    "world",
    "algebra",
    "forward",
    "about",
    "asides",
    "units",
    "generic",
    "meaning",
    "stacks",
    "judge",
    "proof",
    "repairs",
    "verdicts",
    "evidence",
    "explain",
    "present",
    "judging",
    "report",
)

# What never reaches what, over any number of imports.
FENCES = {
    "prove": {"rules", "derive", "plan"},
    "plan": {"prove"},
    "emit": {"prove"},
    "check": {"prove"},
    "show": {"plan", "emit"},
    "verify": {"rules", "derive", "plan", "prove"},
}

# Libraries that stay in one place.
HOMES = {
    "jinja2": "symbptt.emit",
    "typer": "symbptt.cli",
    "rich": "symbptt.cli",
    "lark": "symbptt.parse",
    "matplotlib": "symbptt.analyze",
    "torch": "benchmarks",
    "jax": "benchmarks",
    "jaxlib": "benchmarks",
    "autograd": "benchmarks",
}


# Where typer's own test runner is used.
RUNNERS = ("tests.test_cli", "tests.test_texts", "tests.test_own_cell")


def module_of(path: Path) -> str:
    """symbptt/show/__init__.py is symbptt.show."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files_of(folder: str) -> dict[str, Path]:
    return {module_of(p): p for p in sorted((ROOT / folder).rglob("*.py"))}


PACKAGE = files_of("symbptt")


def imports(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """The absolute names that a module's source imports; for `from a import b`, a and a.b."""
    for node in running(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".") if is_package else module.split(".")[:-1]
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, without what stands under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from running(other)
            continue
        yield child
        yield from running(child)


def imports_of(module: str, path: Path) -> set[str]:
    source = path.read_text(encoding="utf-8")
    return set(imports(source, module, path.name == "__init__.py"))


def edges() -> dict[str, set[str]]:
    """Module -> the modules of symbptt it imports, with the packages that hold those."""
    graph = {}
    for module, path in PACKAGE.items():
        found = imports_of(module, path) & set(PACKAGE)
        found |= {name.rpartition(".")[0] for name in found if name.count(".") > 1}
        graph[module] = found - {module, "symbptt"}
    return graph


GRAPH = edges()


def part(module: str) -> str:
    """symbptt.show.document belongs to show."""
    return module.split(".")[1] if "." in module else ""


def reached(start: str) -> dict[str, str]:
    """Every module a part reaches -> the module that imports it."""
    frontier = [m for m in GRAPH if part(m) == start]
    via: dict[str, str] = dict.fromkeys(frontier, "")
    while frontier:
        module = frontier.pop()
        for other in GRAPH[module] - set(via):
            via[other] = module
            frontier.append(other)
    return via


def road(via: dict[str, str], module: str) -> str:
    names = [module]
    while via[names[-1]]:
        names.append(via[names[-1]])
    return " -> ".join(reversed(names))


def test_every_module_has_its_place_in_the_order() -> None:
    parts = {part(m) for m in PACKAGE} - {"", "__main__", "templates"}
    assert parts <= set(ORDER)
    assert set(ORDER) <= parts | {"check"}


@pytest.mark.parametrize("module", [m for m in GRAPH if part(m) in ORDER])
def test_a_module_imports_only_modules_above_it(module: str) -> None:
    place = ORDER.index(part(module))
    below = {other for other in GRAPH[module] if ORDER.index(part(other)) > place}
    assert not below, f"{module} imports {', '.join(sorted(below))}"


def room(module: str) -> str:
    """symbptt.verify.proof.chain belongs to proof."""
    return module.split(".")[2]


def test_every_room_of_the_judge_has_its_place() -> None:
    assert {room(m) for m in GRAPH if m.startswith("symbptt.verify.")} == set(ROOMS)


@pytest.mark.parametrize("module", [m for m in GRAPH if m.startswith("symbptt.verify.")])
def test_a_room_imports_only_rooms_above_it(module: str) -> None:
    place = ROOMS.index(room(module))
    others = {m for m in GRAPH[module] if m.startswith("symbptt.verify.")}
    below = {m for m in others if ROOMS.index(room(m)) > place}
    assert not below, f"{module} imports {', '.join(sorted(below))}"


def test_no_modules_of_the_judge_import_each_other_in_a_circle() -> None:
    mine = {m for m in GRAPH if m.startswith("symbptt.verify.")}
    files = {m for m in mine if PACKAGE[m].name != "__init__.py"}
    TopologicalSorter({m: GRAPH[m] & files for m in files}).prepare()


@pytest.mark.parametrize("start", FENCES)
def test_fences_hold_over_any_number_of_imports(start: str) -> None:
    via = reached(start)
    broken = [road(via, m) for m in via if part(m) in FENCES[start]]
    assert not broken, "\n".join(broken)


def test_the_package_itself_imports_nothing() -> None:
    """Importing any module runs symbptt/__init__.py, so an import there would be everyone's."""
    assert GRAPH["symbptt"] == set()


def test_the_judge_loads_no_formula_of_the_judged() -> None:
    """The fence around prove once more, in a running interpreter."""
    code = "import sys, symbptt.prove; print(*(m for m in sys.modules if m.startswith('symbptt.')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {part(m) for m in done.stdout.split()}
    assert "prove" in loaded
    assert not loaded & FENCES["prove"]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_at_home(library: str) -> None:
    everything = {**PACKAGE, **files_of("generated"), **files_of("tests"), **files_of("examples")}
    home = HOMES[library]
    strangers = [
        module
        for module, path in everything.items()
        if any(name.split(".")[0] == library for name in imports_of(module, path))
        and not (module == home or module.startswith(home + "."))
        and module
        not in (
            "tests.test_cli",
            "tests.test_texts",
            "tests.test_own_cell",
        )  # typer's own test runner
        and not (library == "rich" and module.startswith("examples."))  # its progress bar
    ]
    assert not strangers


@pytest.mark.parametrize("module, path", files_of("generated").items())
def test_generated_code_imports_only_numpy(module: str, path: Path) -> None:
    assert imports_of(module, path) <= {"numpy"}


@pytest.mark.parametrize(
    "source, expected",
    [
        ("import a.b, c", {"a.b", "c"}),
        ("from ..rules import pullback", {"symbptt.rules", "symbptt.rules.pullback"}),
        ("from . import rules", {"symbptt.prove", "symbptt.prove.rules"}),
        ("from .. import rules", {"symbptt", "symbptt.rules"}),
        ("def f():\n    from ..plan import plan", {"symbptt.plan", "symbptt.plan.plan"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
    ],
)
def test_the_reader_of_imports(source: str, expected: set[str]) -> None:
    assert set(imports(source, "symbptt.prove.roads")) == expected


def test_a_package_counts_its_dots_from_itself() -> None:
    assert set(imports("from .x import y", "symbptt.prove", True)) == {
        "symbptt.prove.x",
        "symbptt.prove.x.y",
    }


def test_no_module_is_hidden_behind_a_folder_of_its_name() -> None:
    """Python reads the folder, so the file would be a copy that nothing runs."""
    files = (ROOT / "symbptt").rglob("*.py")
    assert not [str(f) for f in files if f.with_suffix("").is_dir()]
