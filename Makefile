# EnOS OTA for MicroPython. Every target works from a fresh clone: what it needs is set up first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP     = $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps

# Where it is set, every command that a test runs, and every worker, compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check mutate soak fuzz bench lint size clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with pinned versions and fetch umqtt.simple

$(READY): requirements.lock pyproject.toml host_tools/fetch_upy.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "error: python3-venv is missing: run 'apt install python3-venv'"; exit 1; }
	@echo "setting up $(VENV) (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.lock && $(PIP) -e . || { echo "error: pip cannot get the pinned packages:" \
		"connect to PyPI, or set PIP_INDEX_URL or https_proxy, and run make again"; exit 1; }
	@$(BIN)/python -m host_tools.fetch_upy
	@touch $@

demo: $(READY) ## a board upgraded over the air, a bad release rolled back
	@$(BIN)/enos-ota demo

test: $(READY) lint ## everything: lint, types, unit, host and end-to-end tests
	@$(BIN)/python -m pytest -q -n 6 --dist worksteal tests

check: $(READY) lint ## the fast part: lint, types, unit tests, thousands of power cuts
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal tests/unit tests/powercut

mutate: $(READY) ## seeded faults in the device code, each caught by a test; ONLY=id for one
	@$(BIN)/python tests/mutate $(if $(ONLY),--only $(ONLY))

N ?= 200
SEED ?= 1
soak: $(READY) ## N upgrades through cuts, drops, stalls, bad servers; SEED=s replays
	@$(BIN)/python -m tests.soak --upgrades $(N) --seed $(SEED)

fuzz: $(READY) ## hostile bytes for every parser, on MicroPython; SEED=random, or SEED=s TARGET=t CASE=n again
	@$(BIN)/python -m tests.fuzz --seed $(SEED) $(if $(TARGET),--target $(TARGET)) $(if $(CASE),--case $(CASE))

bench: $(READY) ## a fleet of 100,000 boards after an outage; what a signature costs
	@$(BIN)/python -m host_tools.bench

lint: $(READY) ## ruff and mypy, host and device
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy & host=$$!; $(BIN)/mypy --config-file device/mypy.ini && wait $$host

size: $(READY) ## .mpy bytes of the device package against its budget
	@$(BIN)/python -m host_tools.size

clean: ## remove build results (the environment stays; remove .venv by hand)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
