# Two commands a newcomer needs: `make demo` and `make test`. Both install into .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= demo-store
STAMP := $(VENV)/.installed

.PHONY: demo test test-fast test-oldest coverage faults lint types docs check install bench gpu-dry clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "dit-ablate needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch torchvision
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	touch $@

# 20 network evaluations per image instead of 50 save a fifth of the time.
DEMO := examples/plans/dit-ablations.md --set sampling_steps=20 --store $(STORE)
demo: $(STAMP)  ## Run the five ablations of a written plan on real digits, a quarter of an hour on 2 cores.
	$(BIN)/dit-ablate plan $(DEMO)
	$(BIN)/dit-ablate run $(DEMO)

# What starts no cluster runs on all cores, a file at a time. Clusters come one after another: each wants the memory and
# the cores of the others. A failure does not hide the rest, but of clusters three are enough: where a cluster itself is
# broken, every later test would wait for it. Files are handed out in the order given, not those of many tests first: the
# files that score written plans have few tests and take longest, so they come early.
PARALLEL := -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
test: $(STAMP)  ## Every test.
	@failed=0; \
	$(BIN)/python -m pytest $(PARALLEL) tests/search_spaces tests/dit_core || failed=1; \
	$(BIN)/python -m pytest $(PARALLEL) tests/service tests/test_*.py || failed=1; \
	$(BIN)/python -m pytest --maxfail=3 tests/integration tests/faults || failed=1; \
	exit $$failed

test-fast: $(STAMP)  ## What needs no process beside it, of every package: under three minutes on 2 cores.
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not faults" tests/search_spaces tests/dit_core tests/service tests/test_*.py

# Of all that `make test` runs but the clusters; fails below the floor that pyproject.toml names. Not in CI.
coverage: $(STAMP)  ## Which lines the tests run.
	@failed=0; \
	$(BIN)/coverage erase; \
	$(BIN)/coverage run -m pytest $(PARALLEL) tests/search_spaces tests/dit_core tests/service tests/test_*.py || failed=1; \
	$(BIN)/coverage combine --quiet; \
	$(BIN)/coverage report || failed=1; \
	exit $$failed

# A fresh environment with the lowest version of every package that pyproject.toml names. Not in CI.
OLDEST ?= .venv-oldest
test-oldest: $(STAMP)  ## The tests of dit_core and search_spaces with the oldest packages allowed.
	$(BIN)/uv venv --quiet --clear --seed --python 3.11 $(OLDEST)
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct -e '.[dev]'
	$(OLDEST)/bin/python -m pytest $(PARALLEL) tests/search_spaces tests/dit_core

# Real processes killed, paused, raced and starved; prints the table of docs/reliability.md. At most 20 minutes.
faults: $(STAMP)  ## Every fault that the engine must survive.
	@failed=0; \
	$(BIN)/python tests/faults/harness/run.py $(FAULTS) || failed=1; \
	$(BIN)/python -m pytest -m faults -o timeout=1800 tests/faults/ray tests/integration || failed=1; \
	exit $$failed

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# Open site/index.html afterwards; the search box needs `python -m http.server -d site`. A warning is an error.
docs: $(STAMP)  ## The documentation as a site.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: lint types docs test

# Ours beside plain peers, in turns, then the hand-over of lanes; some ten minutes on 2 cores.
bench: $(STAMP)
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/lane_handover.py --workers 1

# What benchmarks/gpu.sh runs on a card, on the CPU with small shapes; under a minute.
OUT ?= gpu-dry
gpu-dry: $(STAMP)
	PYTHON=$(BIN)/python benchmarks/gpu.sh $(OUT) --dry

clean:
	rm -rf $(VENV) $(OLDEST) build dist site .mypy_cache .ruff_cache .pytest_cache .coverage*
