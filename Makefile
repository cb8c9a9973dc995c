# `make help` lists the commands. Each sets up what it needs in .venv, which takes time only once.

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# The first of these that is between 3.11 and 3.14, and can make a .venv, makes it.
PYTHON ?= python3.14 python3.13 python3.12 python3.11 python3 python
VERSION := import ensurepip, platform, sys; print(platform.python_version()); \
	sys.exit(not (3, 11) <= sys.version_info < (3, 15))
NO_PYTHON = PYTHON must be a Python from 3.11 to 3.14 with venv, and none of these is: $(PYTHON). Install one \
	(Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), or say where one is: \
	make PYTHON=/path/to/python3
# On a terminal pip shows its progress. Python compiles what it imports, which is a part of all that is there.
INSTALL := [ -t 1 ] || quiet=--quiet; \
	PIP_CONSTRAINT=.ci/constraints.txt PIP_BUILD_CONSTRAINT=.ci/constraints.txt $(BIN)/pip install $$quiet --no-compile --disable-pip-version-check
# Two workers; whole files on one of them, so that a lesson runs once.
PYTEST := pytest --numprocesses 2 --dist loadfile
# `make check` sets others.
TEST = $(PYTEST) -m "not slow"
# Two builds of one commit are the same byte for byte; this is the date that they carry.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Where Python keeps no bytecode, each process compiles torch and MkDocs anew.
unexport PYTHONDONTWRITEBYTECODE
# Material announces MkDocs 2, which is pinned away, on every start.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help serve build notebooks offline test check types format accept bench clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s%s\n", $$1, $$2 }' Makefile

serve: .venv/ready  ## show the site at http://127.0.0.1:8000, and each lesson anew when it is saved
	$(BIN)/mkdocs serve --dirty --no-strict --livereload

build: .venv/ready  ## build the site into the folder site
	$(BIN)/mkdocs build --strict

offline: .venv/ready  ## build pages that need no server, and pack them as site/how-pytorch-learns.zip
	OFFLINE=true $(BIN)/mkdocs build --strict

notebooks: build  ## build the site, and in it the zip of all notebooks for a class without internet
	@echo "Now they are in site/notebooks/notebooks.zip."

test: .venv/ready  ## run the lessons, the docstrings and all quick tests
	$(BIN)/$(TEST)

check: .venv/ready  ## run all that CI runs: format, lint, types, the strict build, every test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	@# Each has one core busy for most of its time.
	$(MAKE) -j 2 types build
	@rm -f .coverage .coverage.*
	@# Coverage makes tests slower, and the quick ones of the code reach every line. Their summary ends the log.
	$(MAKE) test TEST='$(PYTEST) -m "slow or lesson"'
	$(MAKE) test TEST='coverage run -m $(PYTEST) -m "not slow and not lesson"'
	@# What a process that a test has killed leaves behind is half a file, which combine complains of.
	@$(BIN)/coverage combine --quiet >/dev/null 2>&1; rm -f .coverage.*
	@report=$$($(BIN)/coverage report) || { echo "$$report"; exit 1; }

types: .venv/ready
	$(BIN)/mypy

format: .venv/ready  ## format the code, and mend what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

accept: .venv/ready  ## store what every lesson shows now in place of its stored outputs
	$(BIN)/pytest --accept docs README.md CONTRIBUTING.md

bench: .venv/bench-ready  ## measure the time that builds, graphs and fits take
	$(BIN)/python tests/bench

clean:  ## delete the site and all caches, so that everything runs anew
	rm -rf site .cache .mypy_cache .pytest_cache .ruff_cache .coverage*

# What only the benchmark compares with is installed by it alone.
.venv/bench-ready: .venv/ready
	@$(INSTALL) --editable ".[bench]"
	@touch $@

# Two that begin at once, `make serve` and `make test`, do not make one .venv together: one waits.
ifndef LOCKED
.venv/ready: pyproject.toml .ci/constraints.txt
	@for python in $(PYTHON) ""; do $$python -c '$(VERSION)' >/dev/null 2>&1 && break; done; \
	if [ -z "$$python" ]; then echo "$(NO_PYTHON)"; exit 1; fi; \
	$$python .ci/one_at_a_time.py $(MAKE) --silent LOCKED=yes PYTHON=$$python $@
else
.venv/ready: pyproject.toml .ci/constraints.txt | $(BIN)/python
	@echo "Installing what the lessons need into .venv. This takes one to four minutes, the first time."
	@# The pip that comes with Python may need half a minute more to find what fits together.
	@$(INSTALL) pip
	@$(INSTALL) --editable ".[site,test]"
	@touch $@

# A link, which is missing where the Python that it leads to is gone.
$(BIN)/python:
	@echo "Found Python $$($(PYTHON) -c '$(VERSION)') as $(PYTHON)."
	@$(PYTHON) -m venv --clear .venv
endif
