# Every target sets up .venv by itself. PYTHON may be any CPython from 3.11 on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests, one more than cores: some tests wait. Each process imports all tests.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Tests start hundreds of processes: what one of them has compiled is there for the others.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage check check-long endurance bench bench-check example-certs fixtures docs schema-diff build clean

demo: $(VENV)/.cli
	$(BIN)/passwright demo --out demo

PYTEST := $(BIN)/pytest -n $(JOBS)
THOROUGH := --hypothesis-profile=thorough

# The tiers are explained in docs/testing.md.
test: $(VENV)/.test
	$(PYTEST) --dist loadfile -m "not ci and not long and not endurance"

# All of `make test` again, traced, with more examples, and the tests marked `ci`.
coverage: $(VENV)/.test
	$(PYTEST) --dist worksteal -m "not long and not endurance" $(THOROUGH) --cov --cov-report=term

check: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python fixtures/make.py --check

# Every bit of a pass, public vectors, readers of others, fuzzing: at most an hour.
check-long: $(VENV)/.long
	$(PYTEST) -m long $(THOROUGH)

# A million passes, hundreds of thousands through three kills: as long as it takes.
endurance: $(VENV)/.long
	$(PYTEST) -m endurance $(THOROUGH)

bench: $(VENV)/.test
	$(BIN)/python benchmarks/contest.py
	$(BIN)/python benchmarks/side_by_side.py
	$(BIN)/python benchmarks/verification.py
	$(BIN)/python benchmarks/start.py

# Ratios inside one process, with a slack above the noise of a busy machine.
bench-check: $(VENV)/.test
	$(BIN)/python benchmarks/contest.py --check
	$(BIN)/python benchmarks/side_by_side.py --check
	$(BIN)/python benchmarks/verification.py --check

example-certs: $(VENV)/.cli
	rm -rf certs.example
	$(BIN)/passwright certs example certs.example

fixtures: $(VENV)/.test
	$(BIN)/python fixtures/make.py

# Compares the schema of the package with Google's discovery document; DISCOVERY=FILE names another one.
DISCOVERY ?= $(wildcard $(VENV)/lib/python3*/site-packages/googleapiclient/discovery_cache/documents/walletobjects.v1.json)
schema-diff: $(VENV)/.test
	$(BIN)/python -m passwright.google.schema --diff $(DISCOVERY)

docs: $(VENV)/.test
	$(BIN)/python docs/reference.py

build: $(VENV)/.test
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) dist demo .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.cli: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.cli

$(VENV)/.long: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,vectors,fuzz]'
	@touch $@ $(VENV)/.test $(VENV)/.cli
