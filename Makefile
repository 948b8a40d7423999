# Two commands a newcomer needs: `make demo` and `make test`. Both install into .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= demo-store
STAMP := $(VENV)/.installed

.PHONY: demo test test-fast faults lint types check install bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "dit-ablate needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch torchvision
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)  ## Run the five ablations of a written plan on real digits, about 15 minutes on 2 cores.
	$(BIN)/dit-ablate plan examples/plans/dit-ablations.md --store $(STORE)
	$(BIN)/dit-ablate run examples/plans/dit-ablations.md --store $(STORE)

# One process after another: those that start clusters want the memory of the others. A failure does not hide the rest.
test: $(STAMP)  ## Every test.
	@failed=0; for part in "tests/dit_core tests/search_spaces" "tests/service tests/test_*.py" \
	    "tests/integration tests/faults"; do \
	    $(BIN)/python -m pytest $$part || failed=1; \
	done; exit $$failed

test-fast: $(STAMP)  ## Only what needs no cluster: seconds.
	$(BIN)/python -m pytest tests/dit_core tests/search_spaces tests/service tests/test_*.py

# Real processes killed, paused, raced and starved; prints the table of docs/reliability.md. At most 20 minutes.
faults: $(STAMP)  ## Every fault that the engine must survive.
	@failed=0; \
	$(BIN)/python tests/faults/harness/run.py $(FAULTS) || failed=1; \
	$(BIN)/python -m pytest -m faults tests/faults/ray || failed=1; \
	exit $$failed

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

check: lint types test

# Ours beside plain peers, in turns, then the hand-over of lanes; some ten minutes on 2 cores.
bench: $(STAMP)
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/lane_handover.py --workers 1

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
