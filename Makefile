# memsh: two commands matter, `make run` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help run test lint demo fuzz bench latency sessions clean

help:  ## what can be made here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/ok: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

run: $(VENV)/ok  ## set up .venv and open the prompt (without a terminal: play the demo)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/memsh; else $(BIN)/memsh -x scripts/demo.memsh; fi

test: $(VENV)/ok lint  ## set up, lint, type-check, run every test
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/ok  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

demo: $(VENV)/ok  ## play the scripted demo session
	$(BIN)/memsh -x scripts/demo.memsh

fuzz: $(VENV)/ok  ## play made-up lines (ARGS='--lines N --seed S')
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(VENV)/ok  ## measure speed (ARGS="--compare DIR NAME ...", ARGS=--growth)
	$(BIN)/python scripts/bench.py $(ARGS)

latency: $(VENV)/ok  ## measure the prompt: keys, start, undo
	$(BIN)/python scripts/latency.py $(ARGS)

sessions: $(VENV)/ok  ## rewrite the recorded output of the literate sessions
	$(BIN)/python -m tests.sessions --rewrite

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
