# Each target sets up what it needs in .venv, and is quick about it when that was done before.

MAKEFLAGS += --no-print-directory
PYTHON ?= python3.11
BIN := .venv/bin
PIP_INSTALL := PIP_CONSTRAINT=.ci/constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check
# Two builds of one commit are the same byte for byte; this is the date that they carry.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Material announces MkDocs 2, which is pinned away, on every start.
export NO_MKDOCS_2_WARNING := 1

.PHONY: serve build test check accept bench

serve: .venv/ready
	$(BIN)/mkdocs serve --no-strict --livereload

build: .venv/ready
	$(BIN)/mkdocs build --strict

test: .venv/ready
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest
	@# What a process that a test has killed leaves behind is half a file, which combine complains of.
	@$(BIN)/coverage combine --quiet >/dev/null 2>&1; rm -f .coverage.*
	@report=$$($(BIN)/coverage report) || { echo "$$report"; exit 1; }

check: .venv/ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(MAKE) build
	$(MAKE) test

accept: .venv/ready
	$(BIN)/pytest --accept docs README.md CONTRIBUTING.md

bench: .venv/bench-ready
	$(BIN)/python tests/bench

# What only the benchmark compares with is installed by it alone.
.venv/bench-ready: .venv/ready
	$(PIP_INSTALL) --editable ".[bench]"
	@touch $@

.venv/ready: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --editable ".[site,test]"
	@touch $@
