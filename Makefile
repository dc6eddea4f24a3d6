# Checks, as .ci/run runs them. `make venv` once, then any of the others.
PYTHON ?= python3
CLANG ?= clang++
BIN ?= .venv/bin

.PHONY: all venv lint types test docs native-test fuzz tidy wheel readme leaderboard suites bench bench-rules bench-sets bench-curate \
	simulate clean

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

LIBCURL = $(shell $(BIN)/python -c "from ppbench_plugins.executors.engine import libcurls; print(libcurls()[0])")

# The C++ tests, under the address and undefined-behaviour sanitizers and under the thread sanitizer, with the libcurl
# and the libssl that the package takes.
native-test: export PPBENCH_LIBCURL ?= $(LIBCURL)
native-test: export PPBENCH_LIBSSL ?= $(shell $(BIN)/python -c \
  "from ppbench_plugins.executors.engine import libssls; print(libssls()[0])")
native-test:
	for kind in address,undefined thread; do \
	  cmake -S native -B build/native-$$kind -DPPBENCH_SANITIZE=$$kind && \
	  cmake --build build/native-$$kind -j2 && \
	  ctest --test-dir build/native-$$kind --output-on-failure || exit 1; \
	done

# clang-tidy over the engine; what it looks for is in native/.clang-tidy.
tidy: FLAGS = -std=c++20 -Inative/src $(patsubst -I%,-isystem %,$(shell $(BIN)/python -m pybind11 --includes))
tidy:
	ls native/src/*.cpp | xargs -P2 -I{} $(BIN)/clang-tidy --quiet {} -- $(FLAGS)

# Looks for inputs that break the parsers, for so many seconds in all. What it finds lies in build/fuzz/found.
FUZZ_SECONDS ?= 600
FUZZ = sse request reply
fuzz: export PPBENCH_LIBCURL ?= $(LIBCURL)
fuzz:
	cmake -S native -B build/native-fuzz -DPPBENCH_FUZZ=ON -DCMAKE_CXX_COMPILER=$(CLANG)
	cmake --build build/native-fuzz -j2
	for name in $(FUZZ); do \
	  mkdir -p build/fuzz/$$name build/fuzz/found && \
	  build/native-fuzz/$${name}_fuzz build/fuzz/$$name native/fuzz/corpus/$$name \
	    -dict=native/fuzz/$$name.dict -artifact_prefix=build/fuzz/found/$$name- -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=1 -max_total_time=$$(($(FUZZ_SECONDS) / $(words $(FUZZ)))) || exit 1; \
	done

# A wheel for this machine: built, repaired, installed where no compiler can be reached, and run there.
wheel:
	PYTHON=$(PYTHON) .ci/wheel

# Put the output of each `$ command` into the README again.
# After prompts were changed: suites whose prompts are others get their next version.
suites:
	$(BIN)/python tests/suites.py

readme:
	$(BIN)/python tests/readme.py

# The tables of leaderboard/README.md, from the entries beside it.
leaderboard:
	$(BIN)/ppbench leaderboard check leaderboard/entries
	$(BIN)/ppbench leaderboard tables --into leaderboard/README.md

# Clients side by side; puts the tables into native/bench/README.md. Takes minutes, and wants the machine for itself.
BENCH ?= --write
bench:
	$(BIN)/pip install --quiet -e ".[bench]"
	PATH="$(abspath $(BIN)):$$PATH" cmake -S native -B build/native-bench -G Ninja -DPPBENCH_BENCH=ON
	PATH="$(abspath $(BIN)):$$PATH" cmake --build build/native-bench
	PYTHONPATH=native $(BIN)/python -m bench $(BENCH)

# Prompts a second that the rule extractor reads on one core; PROMPTS names a JSONL file of other prompts.
bench-rules:
	$(BIN)/python tests/rulebench.py $(if $(PROMPTS),--prompts $(PROMPTS))

# What becomes of conditions on a set of open pieces, with shards and as published, on the mock model.
bench-sets:
	$(BIN)/python tests/setbench.py

# Do the intervals cover, and how often is a false verdict given? The tables of ppbench/FIGURES.md, in some minutes.
simulate:
	$(BIN)/python tests/simulation.py

# Rows a second and peak memory of `ppbench curate` on synthetic conversations, made first where they are not there;
# WHOLE=1 curates them by rules as well.
ROWS ?= 1000000
bench-curate:
	$(BIN)/python tests/curatebench.py --rows $(ROWS) $(if $(WHOLE),--whole)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
