"""The wheel, installed without a network, works from another directory."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "symbptt", "templates")
OWN_FILES = {
    "symbptt/parse/text.lark",
    "symbptt/parse/latex.lark",
    "symbptt/zoo/rnnlm.rnn",
    "symbptt/templates/numpy.py.jinja",
}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, so that nothing is left behind in the checkout."""
    setuptools = pytest.importorskip("setuptools", minversion="70.1")
    assert setuptools
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, symlinks=True, ignore=ignore)
        elif path.exists():
            shutil.copy(path, source)
    pip = ("-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps")
    run(*pip, "--no-index", "--no-build-isolation", "-w", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index")
    run(*pip, "--target", target, wheel, cwd=target)
    return target


def symbptt(installed: Path, cwd: Path, *args: str) -> str:
    return run("-m", "symbptt", *args, cwd=cwd, PYTHONPATH=str(installed))


def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "symbptt").rglob("*.py")}
    models = {str(p.relative_to(ROOT)) for p in (ROOT / "symbptt").rglob("*.rnn")}
    assert sources | models | OWN_FILES <= names
    assert {n.split("/")[0] for n in names if "dist-info" not in n} == {"symbptt"}


def test_it_runs_from_another_directory(installed: Path, tmp_path: Path) -> None:
    where = "import symbptt.templates as t; print(t.__file__)"
    assert run("-c", where, cwd=tmp_path, PYTHONPATH=str(installed)).startswith(str(installed))
    assert "rnnlm" in symbptt(installed, tmp_path, "models")
    assert "dL/dW_hh" in symbptt(installed, tmp_path, "derive", "elman")
    symbptt(installed, tmp_path, "generate", "linear_mse", "-o", "module.py")
    run("-c", "import module; module.loss_and_grad", cwd=tmp_path)


def test_a_plain_checkout_finds_its_templates(tmp_path: Path) -> None:
    """Without an install, symbptt/templates is a link to the folder at the top."""
    code = "from symbptt import *; print(emit(plan(derive(load('elman')))))"
    isolated = run("-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert "def loss_and_grad" in isolated
