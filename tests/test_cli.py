"""The command line as people and scripts meet it: verbs, exit statuses, pipes, files."""

import importlib
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from symbptt import __version__, derive, load, zoo
from symbptt.cli import guard, verbs
from symbptt.cli.generating import shown
from symbptt.cli.output import write_whole
from symbptt.errors import SymbpttError
from symbptt.model import Derivation, Step, Verdict
from symbptt.show import MODES, conclusion, show
from symbptt.show.document import FORMATS

ROOT = Path(__file__).parents[1]
SMALL = """model small
size H
input x[t] : H
target y[t] : H
state h[t] : H
param W : H, H
h[t] = tanh(W @ h[t-1] + x[t])
l[t] = squared_error(h[t], y[t])
loss = sum(l[t])
"""
CLASH = SMALL.replace("param W : H, H", "size D\nparam W : D, H")

# Modules whose name the package gives to a function.
proving = importlib.import_module("symbptt.prove")
checking = importlib.import_module("symbptt.check")


def run(*args: str) -> Any:
    """A verb inside this process; `result.exit_code`, `.stdout`, `.stderr`."""
    result = CliRunner().invoke(verbs.app, list(args), prog_name="symbptt")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def process(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A verb in a process of its own."""
    command = [sys.executable, "-m", "symbptt", *args]
    options = {"env": environment(), "cwd": ROOT, **options}
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)


def shell(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which `symbptt` is the command line."""
    line = f'symbptt() {{ "{sys.executable}" -m symbptt "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", line],
        env=environment(**more),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.rnn"
    file.write_text(SMALL)
    return file


# -- every verb


def test_models_lists_what_ships() -> None:
    result = run("models")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(zoo())
    assert all(load(name).title in line for name, line in zip(zoo(), lines, strict=True))


@pytest.mark.parametrize("name", zoo())
def test_derive_prints_the_backward_recursion(name: str) -> None:
    result = run("derive", name)
    assert result.exit_code == 0
    assert "Total derivatives, backward in time" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("format", FORMATS)
def test_derive_in_every_mode_and_format(mode: str, format: str) -> None:
    result = run("derive", "elman", "--mode", mode, "--format", format)
    assert result.exit_code == 0
    assert len(result.stdout) > 200


def test_the_choices_are_those_of_show() -> None:
    assert get_args(verbs.Mode) == tuple(MODES)
    assert get_args(verbs.Format) == tuple(FORMATS)


@pytest.mark.parametrize("name", zoo())
def test_derive_json_parses(name: str) -> None:
    data = json.loads(run("derive", name, "--format", "json", "--mode", "all").stdout)
    assert data["model"] == name
    labels = [e["label"] for g in data["groups"] for e in g["equations"]]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    "ending, start",
    [(".tex", r"\documentclass"), (".md", "# elman"), (".html", "<!doctype"), (".json", "{")],
)
def test_derive_takes_the_format_from_the_file(tmp_path: Path, ending: str, start: str) -> None:
    file = tmp_path / f"elman{ending}"
    assert run("derive", "elman", "-o", str(file)).stdout == ""
    assert file.read_text(encoding="utf-8").startswith(start)


def test_derive_a_model_file(small: Path) -> None:
    assert "dL/dW" in run("derive", str(small)).stdout


def test_derive_says_when_a_form_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "none.rnn"
    file.write_text(SMALL.replace("W @ h[t-1] + ", "").replace("state h[t] : H\n", ""))
    result = run("derive", str(file), "--mode", "closed")
    assert result.exit_code == 2
    assert "no closed form: it has no states" in result.stderr
    assert run("derive", str(file)).exit_code == 0


def test_prove_prints_statements_by_stage() -> None:
    result = run("prove", "elman")
    assert result.exit_code == 0
    for words in ("Local partials", "Induction over t", "base t = T", "step t+1 → t", "✓"):
        assert words in result.stdout
    assert result.stdout.splitlines()[-1].startswith("holds: ")
    assert result.stderr == ""


def test_prove_json() -> None:
    data = json.loads(run("prove", "linear", "--json").stdout)
    assert data["ok"] is True and data["subject"] == "linear"
    assert all(step["ok"] for step in data["steps"])


def test_prove_the_lemma() -> None:
    result = run("prove", "--lemma")
    assert result.exit_code == 0
    assert "base t = 0" in result.stdout and "step t−1 → t" in result.stdout


def test_the_lemma_needs_no_model_before_it() -> None:
    done = process("prove", "--lemma")
    assert done.returncode == 0 and "holds" in done.stdout


def test_generate_writes_a_module_that_runs() -> None:
    result = run("generate", "linear_mse")
    assert result.exit_code == 0
    names: dict[str, Any] = {}
    exec(result.stdout, names)
    assert callable(names["loss_and_grad"])
    assert "symbptt generate linear_mse" in result.stdout


def test_generate_into_a_file(tmp_path: Path, small: Path) -> None:
    file = tmp_path / "small.py"
    result = run("generate", str(small), "-o", str(file))
    assert result.exit_code == 0 and result.stdout == ""
    assert file.read_text() == run("generate", str(small)).stdout
    assert str(tmp_path) not in file.read_text()


def test_generate_report() -> None:
    pytest.importorskip("symbptt.plan.report")
    result = run("generate", "linear_mse", "--report")
    assert result.exit_code == 0
    assert "import numpy" not in result.stdout and result.stdout.strip()


@pytest.mark.slow
def test_generate_all(tmp_path: Path) -> None:
    assert run("generate", "--all", "-o", str(tmp_path)).exit_code == 0
    expected = {f"{name}.py" for name in zoo() if not load(name).is_uninterpreted}
    assert {p.name for p in tmp_path.iterdir()} == expected


def test_check(small: Path) -> None:
    result = run("check", str(small))
    assert result.exit_code == 0
    assert "dL/dW" in result.stdout and "complex step" in result.stdout
    assert json.loads(run("check", str(small), "--json").stdout)["ok"] is True


def test_version() -> None:
    assert run("--version").stdout == f"symbptt {__version__}\n"


@pytest.mark.parametrize("verb", ["", "models", "derive", "prove", "generate", "check", "bench"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(verb: str, flag: str) -> None:
    result = run(*filter(None, [verb, flag]))
    assert result.exit_code == 0
    assert "Usage: symbptt" in result.stdout
    assert "completion" not in result.stdout and "{" not in result.stdout


# -- refuted, undecided


def wrong(model: Any, strategy: Any = None) -> Derivation:
    """The derivation with every gradient's sign turned."""
    d = derive(model)
    group = d.group("gradient")
    turned = replace(group, equations=tuple(replace(e, rhs=-e.rhs) for e in group.equations))
    return replace(d, groups=tuple(turned if g is group else g for g in d.groups))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("symbptt.derive", "symbptt.cli.generating"):
        monkeypatch.setattr(importlib.import_module(module), "derive", wrong)


@pytest.mark.usefixtures("planted")
def test_a_refuted_proof_exits_1(small: Path) -> None:
    result = run("prove", str(small))
    assert result.exit_code == 1
    assert "✗" in result.stdout and "REFUTED" in result.stdout.splitlines()[-1]
    assert json.loads(run("prove", str(small), "--json").stdout)["ok"] is False


@pytest.mark.usefixtures("planted")
def test_nothing_is_generated_from_a_refuted_proof(small: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.py"
    result = run("generate", str(small), "-o", str(file))
    assert result.exit_code == 1
    assert result.stdout == "" and not file.exists()
    assert "REFUTED" in result.stderr


def test_a_refuted_check_exits_1(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emit = checking.emit
    monkeypatch.setattr(checking, "emit", lambda p: emit(p).replace("return loss", "return -loss"))
    result = run("check", str(small))
    assert result.exit_code == 1
    assert "✗" in result.stdout


@pytest.mark.slow
def test_what_the_numbers_cannot_tell_exits_3(tmp_path: Path) -> None:
    mute, file = tmp_path / "mute.rnn", tmp_path / "mute.py"
    mute.write_text(SMALL.replace("tanh(W @ h[t-1] + x[t])", "log(-1 - (W @ h[t-1] + x[t])**2)"))
    result = run("check", str(mute))
    assert result.exit_code == 3
    assert "  ? " in result.stdout and result.stdout.splitlines()[-1].startswith("undecided: ")
    data = json.loads(run("check", str(mute), "--json").stdout)
    assert data["undecided"] and not data["ok"]
    result = run("generate", str(mute), "-o", str(file))
    assert result.exit_code == 3 and "undecided" in result.stderr and not file.exists()


def test_a_verdict_without_statements_is_undecided() -> None:
    assert guard.status(Verdict("m", "m", ())) == 3
    assert conclusion(Verdict("m", "m", ())).startswith("undecided")


def test_a_fault_of_our_own_is_undecided(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    def broken(*_: Any) -> Verdict:
        raise ZeroDivisionError("the reciprocal of zero")

    monkeypatch.setattr(proving, "prove", broken)
    result = run("prove", str(small))
    assert result.exit_code == 3
    assert "ZeroDivisionError" in result.stderr and "bug" in result.stderr


def test_failing_statements_carry_their_detail_and_label() -> None:
    steps = (
        Step("1", "a", True, "how", "", "first"),
        Step("2", "b", False, "how", "differs\nhere", "first"),
    )
    text = show(Verdict("m", "m: all", steps))
    assert "First: how" in text and "differs" in text
    assert text.endswith("REFUTED: 1 of 2 statements fail; see (2)\n")


# -- input at fault


def test_an_unknown_model_with_a_suggestion() -> None:
    result = run("derive", "elmann")
    assert result.exit_code == 2
    assert "elmann" in result.stderr and "write instead: elman" in result.stderr


def test_an_error_in_a_model_file_points_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "clash.rnn"
    file.write_text(CLASH)
    for verb in ("derive", "prove", "generate", "check"):
        result = run(verb, str(file))
        assert result.exit_code == 2
        place, line, caret = result.stderr.splitlines()[:3]
        assert place.startswith(f"{file}:8:")
        assert line.strip() == "h[t] = tanh(W @ h[t-1] + x[t])"
        assert set(caret.strip()) == {"^"}
        assert result.stdout == ""


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00\x01", b"", b"\x00" * 64, b"hello\n", b"model m\n", ("(" * 9000).encode()],
)
@pytest.mark.parametrize("verb", ["derive", "prove", "generate", "check"])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes, verb: str) -> None:
    file = tmp_path / "no.rnn"
    file.write_bytes(content)
    result = run(verb, str(file))
    assert result.exit_code == 2 and result.stderr.strip() and result.stdout == ""


@pytest.mark.parametrize(
    "name", ["missing.rnn", "./missing", "", ".", "..", "x" * 300, "x/" * 3000]
)
def test_a_model_that_is_not_there(name: str) -> None:
    result = run("derive", name)
    assert result.exit_code == 2 and result.stderr.strip()


def test_a_derivation_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_bytes(b"h\xa6\xff\x00")
    result = run("verify", str(file))
    assert result.exit_code == 2 and "not UTF-8" in result.stderr


def test_a_shipped_model_by_its_file_name() -> None:
    result = run("derive", "elman.rnn")
    assert result.exit_code == 2 and result.stderr.splitlines()[-1] == "write instead: elman"


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    result = run("derive", str(tmp_path))
    assert result.exit_code == 2 and "directory" in result.stderr


@pytest.mark.parametrize(
    "args, words",
    [
        (["derive"], "Missing argument 'MODEL'"),
        (["derive", "elman", "--mode", "backward"], "'backward' is not one of 'adjoint'"),
        (["derive", "elman", "--format", "pdf"], "'pdf' is not one of 'unicode'"),
        (["derive", "elman", "rnnlm"], "unexpected extra argument"),
        (["derive", "elman", "--nope"], "--nope"),
        (["prove"], "MODEL"),
        (["prove", "elman", "--lemma"], "--lemma"),
        (["generate"], "MODEL"),
        (["generate", "--all"], "--all"),
        (["generate", "--all", "-o", "/dev/null"], "not a folder"),
        (["deriv", "elman"], "Did you mean 'derive'"),
        (["publish", "x"], "No such command"),
        ([], "Usage"),
    ],
)
def test_usage_errors_exit_2(args: list[str], words: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert words in result.stderr and result.stdout == ""


def test_what_has_no_code_is_said() -> None:
    for verb in ("generate", "check"):
        result = run(verb, "generic")
        assert result.exit_code == 2 and "no body" in result.stderr


def test_bench_without_its_peers_or_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    benching = importlib.import_module("symbptt.cli.benching")
    monkeypatch.setattr(benching, "__file__", str(ROOT / "elsewhere" / "a" / "b" / "c.py"))
    result = run("bench")
    assert result.exit_code == 2 and "repository" in result.stderr
    monkeypatch.undo()
    monkeypatch.setattr(benching, "find_spec", lambda name: None)
    result = run("bench", "elman_batch")
    assert result.exit_code == 2 and "symbptt[bench]" in result.stderr


def test_bench_shows_each_row_as_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the output: the first row is there when the second is still being measured."""
    benching = importlib.import_module("symbptt.cli.benching")
    bench = importlib.import_module("benchmarks.bench")
    said: list[list[str]] = []
    monkeypatch.setattr(benching, "aside", lambda line: said[-1].append(line))
    timing = {"median": 0.002, "low": 0.002, "high": 0.002, "samples": 5}
    peers = dict.fromkeys(bench.PEERS["lstm"], "not installed")

    def measured(request: Any) -> dict[str, Any]:
        said.append([])
        missing = {n: why for n, why in peers.items() if n != "torch"}
        timings = {"ours": timing, "torch": timing | {"median": 0.003}}
        return {"timings": timings, "missing": missing, "company": 0.0}

    monkeypatch.setattr(bench, "measure", measured)
    monkeypatch.setattr(bench, "footprint", lambda name, file: ["no memory measured"])
    monkeypatch.setattr(benching, "find_spec", lambda name: object())
    result = run("bench", "lstm")
    assert result.exit_code == 0 and result.stdout.count("1.50") == len(said)
    assert all(len(lines) == 1 and "torch ÷ ours 1.50" in lines[0] for lines in said)
    assert ["N=64" in lines[0] for lines in said].count(True) == 1


# -- files


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.txt"
    file.write_text("before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = run("derive", "elman", "-o", str(file))
    assert result.exit_code == 2
    assert f"{file}: no space left on device" in result.stderr
    assert file.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    assert run("derive", "elman", "-o", str(tmp_path / "out.txt")).exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    file, link = tmp_path / "there" / "out.txt", tmp_path / "link.txt"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, "after")
    assert link.is_symlink() and file.read_text() == "after"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["", "no/such/folder/out.py", "small.rnn", "small.rnn/out.py"])
def test_an_output_that_cannot_be(tmp_path: Path, small: Path, name: str) -> None:
    result = run("generate", str(small), "-o", str(tmp_path / name))
    assert result.exit_code == 2 and result.stderr.strip()
    assert small.read_text() == SMALL


def test_a_protected_file_or_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.txt"
    file.write_text("before")
    for protected in (file, tmp_path):
        monkeypatch.setattr(os, "access", lambda p, mode, at=protected: Path(p) != at)
        with pytest.raises(SymbpttError, match="write-protected"):
            write_whole(file, "after")
    assert file.read_text() == "before"


def test_a_device_is_written_to() -> None:
    done = shell("symbptt derive elman -o /dev/stdout | head -1; symbptt derive elman -o /dev/null")
    assert done.stdout.startswith("elman: ") and done.stderr == ""
    assert Path("/dev/null").is_char_device()


def test_dash_is_standard_output() -> None:
    assert run("derive", "elman", "-o", "-").stdout == run("derive", "elman").stdout


@pytest.mark.parametrize(
    "name, expected",
    [("rnnlm", "rnnlm"), ("a/b.rnn", "a/b.rnn"), ("/home/me/b.rnn", "b.rnn"), ('"""', "MODEL")],
)
def test_an_emitted_file_names_no_path_of_this_machine(name: str, expected: str) -> None:
    assert shown(name) == expected


# -- pipes and terminals


def test_a_reader_that_leaves_is_no_error() -> None:
    done = shell("symbptt derive elman --mode all --format html | head -c 1; symbptt models | true")
    assert done.stderr == ""


def test_a_reader_that_was_never_there() -> None:
    done = shell("symbptt derive elman | (exec 0<&-; sleep 0.1); echo ${PIPESTATUS[0]}")
    assert done.stderr == "" and done.stdout.strip() in ("0", "141")


def test_a_full_disk_and_a_closed_output_are_said() -> None:
    full = shell("symbptt derive elman > /dev/full; echo $? >&2")
    assert full.stderr.splitlines()[-1] == "2" and "no space left" in full.stderr
    closed = shell("symbptt derive elman >&-; echo $? >&2")
    assert closed.stderr.splitlines()[-1] == "2" and "closed" in closed.stderr
    assert "Traceback" not in full.stderr + closed.stderr
    assert "ignored" not in full.stderr + closed.stderr


def test_an_ascii_pipe_does_not_stop_it() -> None:
    done = shell("symbptt derive elman | head -1", PYTHONIOENCODING="ascii")
    assert done.stdout == "elman: Elman network, one sequence, column vectors\n"
    assert done.stderr == ""


def test_a_pipe_is_neither_coloured_nor_wrapped() -> None:
    done = process("derive", "elman_batch", "--mode", "all", env=environment(COLUMNS="40"))
    assert done.returncode == 0 and done.stderr == ""
    assert "\x1b" not in done.stdout
    assert done.stdout == run("derive", "elman_batch", "--mode", "all").stdout
    assert max(map(len, done.stdout.splitlines())) > 80


def terminal(*args: str, **more: str) -> str:
    """What a verb writes on a terminal of 40 columns, output and progress together."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    env = environment(**{"COLUMNS": "40", "TERM": "xterm", "NO_COLOR": "", **more})
    command = [sys.executable, "-m", "symbptt", *args]
    child = subprocess.Popen(command, stdout=slave, stderr=slave, env=env, cwd=ROOT)
    os.close(slave)
    seen = b""
    try:
        while piece := os.read(master, 65536):
            seen += piece
    except OSError:  # the child has closed its end
        pass
    os.close(master)
    assert child.wait() == 0
    return seen.decode().replace("\r\n", "\n")


def test_headings_are_bold_on_a_terminal_and_equations_stay_whole() -> None:
    plain = run("derive", "elman").stdout
    seen = terminal("derive", "elman")
    assert "\x1b[1mForward\x1b[0m" in seen
    assert max(map(len, seen.splitlines())) > 80
    assert terminal("derive", "elman", NO_COLOR="1") == plain
    assert terminal("derive", "elman", TERM="dumb") == plain


def test_progress_is_shown_on_a_terminal_only() -> None:
    assert "proving linear" in terminal("prove", "linear")
    assert "\x1b[1m" not in terminal("prove", "linear", NO_COLOR="1")
    assert process("prove", "linear").stderr == ""


def test_ctrl_c_is_quiet() -> None:
    code = (  # a shell without job control starts its background with SIGINT ignored
        "import importlib, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "prove = importlib.import_module('symbptt.prove')\n"
        "prove.prove = lambda *_: (print('ready', flush=True), time.sleep(60))\n"
        "from symbptt.cli import main\n"
        "main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, "prove", "elman"],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=30)
    assert child.returncode == 130
    assert stderr.strip() == ""


# -- the public names


def test_a_public_name_is_the_function_even_after_its_submodule_is_loaded() -> None:
    code = (
        "import symbptt, symbptt.check, symbptt.model\n"
        "from symbptt import *\n"
        "assert all(map(callable, (check, derive, emit, load, model, plan, prove, show, same)))\n"
        "assert symbptt.derive is derive and symbptt.check is check\n"
        "print(emit(plan(derive(load('elman')))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert "def loss_and_grad" in done.stdout


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.derive("elman"),
        lambda s: s.derive(None),
        lambda s: s.prove(s.load("elman")),
        lambda s: s.plan(s.load("elman")),
        lambda s: s.emit(s.derive(s.load("elman"))),
        lambda s: s.check("elman"),
        lambda s: s.same("a", "b"),
        lambda s: s.same("__import__('os').getcwd()", 0),
        lambda s: s.load(3),
        lambda s: s.model(None),
        lambda s: s.show(3),
        lambda s: s.show(s.derive(s.load("elman")), "pdf"),
        lambda s: s.show(s.derive(s.load("elman")), mode="backwards"),
        lambda s: s.derive(s.load("elman"))["99"],
    ],
)
def test_a_wrong_argument_of_a_python_verb_is_answered_with_what_to_write(call: Any) -> None:
    with pytest.raises(SymbpttError) as error:
        call(importlib.import_module("symbptt"))
    assert error.value.instead


def test_every_public_name_is_there() -> None:
    package: Any = importlib.import_module("symbptt")
    names: list[str] = package.__all__
    assert all(getattr(package, name) is not None for name in names)
    assert set(names) <= set(dir(package))
    with pytest.raises(AttributeError, match="nothing"):
        _ = package.nothing


def test_deriving_loads_only_what_it_uses() -> None:
    """The budget of 1.2 s from process start rests on this."""
    code = (
        "import sys\n"
        "from symbptt.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "derive", "elman"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    unused = {"jinja2", "rich", "symbptt.prove", "symbptt.plan", "symbptt.emit", "symbptt.check"}
    assert "symbptt.derive" in loaded
    assert not loaded & unused
