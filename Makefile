# Checks, as .ci/run runs them. `make venv` once, then any of the others.
PYTHON ?= python3
BIN ?= .venv/bin

.PHONY: all venv lint types test docs native-test readme clean

all: lint types test docs native-test

venv:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e ".[dev]"

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

test:
	$(BIN)/pytest

docs:
	$(BIN)/pytest tests/test_docs.py

# The C++ tests, under the address and undefined-behaviour sanitizers and under the thread sanitizer, with the libcurl
# and the libssl that the package takes.
native-test: export PPBENCH_LIBCURL ?= $(shell $(BIN)/python -c \
  "from ppbench_plugins.executors.engine import libcurls; print(libcurls()[0])")
native-test: export PPBENCH_LIBSSL ?= $(shell $(BIN)/python -c \
  "from ppbench_plugins.executors.engine import libssls; print(libssls()[0])")
native-test:
	for kind in address,undefined thread; do \
	  cmake -S native -B build/native-$$kind -DPPBENCH_SANITIZE=$$kind && \
	  cmake --build build/native-$$kind -j2 && \
	  ctest --test-dir build/native-$$kind --output-on-failure || exit 1; \
	done

# Put the output of each `$ command` into the README again.
readme:
	$(BIN)/python tests/readme.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
