# The contributor's commands. Each makes its own set-up in .venv, once, and again when
# pyproject.toml changes. PYTHON=python3.12 make test   picks another Python.

PYTHON ?= python3
BIN := .venv/bin
CODE := symbptt tests generated examples benchmarks

.PHONY: demo test generate bench lint

demo: .venv/.core  ## derive, prove, generate and check rnnlm, then train it on English text
	$(BIN)/symbptt derive rnnlm
	$(BIN)/symbptt prove rnnlm
	mkdir -p build && $(BIN)/symbptt generate rnnlm -o build/rnnlm.py --report
	$(BIN)/symbptt check rnnlm
	$(BIN)/python examples/char_model.py build/rnnlm.py

test: .venv/.dev  ## the whole suite but the slow tests
	$(BIN)/python -m pytest

generate: .venv/.core  ## rewrite generated/, the golden set
	$(BIN)/symbptt generate --all -o generated

bench: .venv/.bench  ## the emitted code against its peers
	$(BIN)/symbptt bench

lint: .venv/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

# Set-up. The stamp of each set of packages is newer than pyproject.toml when it is in place.

.venv/.core: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/.dev: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/.core

.venv/.bench: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "symbptt needs Python 3.11 or newer, and \`$(PYTHON)\` is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo 'not there');" \
	    "write instead: make PYTHON=python3.12 ..."; exit 2; } >&2
	@$(PYTHON) -m venv --clear .venv || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu:" \
	    "apt install python3-venv"; exit 2; } >&2
	@touch $@
