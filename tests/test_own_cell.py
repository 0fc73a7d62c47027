"""A cell of the user's own: the file that `new` writes, and one that stands in no textbook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import symbptt
from symbptt import check, derive, load, model, plan, prove
from symbptt.cli import verbs
from symbptt.cli.starting import TEXT, begin
from symbptt.errors import SymbpttError

MY_CELL = str(Path(__file__).parents[1] / "examples" / "my_cell.rnn")


def run(*args: str) -> Any:
    return CliRunner().invoke(verbs.app, list(args), prog_name="symbptt")


# -- symbptt new


def test_a_new_file_derives_proves_generates_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("new", "my_first")
    assert done.exit_code == 0 and not done.stdout
    assert "symbptt derive my_first.rnn" in done.stderr
    assert load("my_first.rnn").name == "my_first"
    assert run("derive", "my_first.rnn").exit_code == 0
    done = run("generate", "my_first.rnn")  # proves and checks before it writes
    assert done.exit_code == 0 and "def loss_and_grad" in done.stdout


def test_every_section_of_the_new_file_is_explained() -> None:
    paragraphs = TEXT.strip().split("\n\n")
    assert all(re.match(r"#|model", p) for p in paragraphs)
    assert max(map(len, TEXT.splitlines())) <= 100


def test_an_existing_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "mine.rnn"
    file.write_text("my work", encoding="utf-8")
    done = run("new", str(tmp_path / "mine"))
    assert done.exit_code == 2 and "is there already" in done.stderr
    assert file.read_text(encoding="utf-8") == "my work"
    assert run("new", str(tmp_path / "mine.rnn"), "--force").exit_code == 0
    assert load(str(file)).name == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.rnn"]


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link.rnn").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SymbpttError, match="is there already"):
        begin(str(tmp_path / "link"), force=False)


@pytest.mark.parametrize("name", ["", "2nd", "a-b", "a b", "cell.py", "ünder"])
def test_a_bad_name_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("new", name)
    assert done.exit_code == 2 and "is no name of a model" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = run("new", str(tmp_path / "no" / "cell"))
    assert done.exit_code == 2 and "there is no folder" in done.stderr


# -- examples/my_cell.rnn, through every verb


@pytest.mark.parametrize("format", ["unicode", "latex", "markdown", "html", "json"])
def test_my_cell_derives(format: str) -> None:
    done = run("derive", MY_CELL, "--mode", "all", "--format", format)
    assert done.exit_code == 0 and done.stdout


def test_my_cell_reads_well() -> None:
    adjoint = derive(load(MY_CELL)).adjoint
    shown = {name: symbptt.show(e) for name, e in adjoint.items()}
    assert shown["u"] == "dL/du_t = dL/ds_t ∘ (v_t − s_{t−1})"
    assert shown["s"] == (
        "dL/ds_t = dL/dh_t ∘ m_t ∘ (1 − tanh(s_t)²) + dL/da_m_{t+1} U_mᵀ "
        "+ dL/ds_{t+1} ∘ (1 − u_{t+1})"
    )
    assert adjoint["s"].note == (
        "s_t reaches the loss through h_t now and through a_m_{t+1} and s_{t+1} later"
    )


def test_my_cell_is_proved() -> None:
    done = run("prove", MY_CELL, "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["ok"]


def test_my_cell_is_generated_and_checked(tmp_path: Path) -> None:
    assert run("generate", MY_CELL, "-o", str(tmp_path / "my_cell.py")).exit_code == 0
    assert "swish" in (tmp_path / "my_cell.py").read_text(encoding="utf-8")
    assert run("check", MY_CELL).exit_code == 0


def test_my_cell_is_analyzed() -> None:
    assert run("analyze", MY_CELL, "-T", "5").exit_code == 0


def test_my_cell_is_verified_by_hand(tmp_path: Path) -> None:
    text = tmp_path / "mine.md"
    text.write_text(r"$$\frac{dL}{du_t} = \frac{dL}{ds_t} \odot (v_t - s_{t-1})$$" + "\n")
    done = run("verify", str(text), "--model", MY_CELL)
    assert done.exit_code == 0, done.stdout + done.stderr


# -- from Python


def test_a_model_from_a_string() -> None:
    m = model(TEXT.format(name="mine"))
    d = derive(m)
    assert prove(d).ok and check(plan(d)).ok
    for item in (m, d, d["1"]):
        assert item._repr_latex_().startswith("$$")


def test_jupyter_shows_the_message_and_no_traceback() -> None:
    with pytest.raises(SymbpttError) as caught:
        model(TEXT.format(name="mine").replace("U_z", "U_q", 1))
    (shown,) = caught.value._render_traceback_()
    assert shown.startswith("ParseError: ") and "^" in shown and "write instead" in shown
