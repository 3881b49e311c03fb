# `make demo` and `make test` each do all of the set-up on a fresh machine.  `make help` lists the rest.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.gan2hls-installed
MODEL  := models/dcgan_mnist32.onnx
SMALL  := models/dcgan_mnist32_ternary.onnx

export PATH := $(abspath $(BIN)):$(PATH)
# The virtual environment is first on PATH; a module path of the caller's must not shadow it.
unexport PYTHONPATH
unexport PYTHONHOME
# Compiled once, not by each worker of the tests and each tool that they start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test exhaustive fuzz quick check cosim lint-hw snapshot bench tools clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Needed beside Python; all come from the system's packages.
tools:
	@missing=""; \
	for tool in perl make g++; do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	$(PYTHON) -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
	  echo "missing:$$missing" >&2; \
	  echo "install with: sudo apt-get install -y$$missing" >&2; exit 1; \
	fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version); try: make PYTHON=python3.12 ..." >&2; exit 1; }

$(STAMP): pyproject.toml constraints.txt | tools
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[verify,synth,dev]'
	@touch $@

demo: $(STAMP) ## Build the example generator, in 8 bits and compressed, with full verification.
	$(BIN)/gan2hls build $(MODEL)
	$(BIN)/gan2hls build $(SMALL)
	@echo "reports:  hls_out/dcgan_mnist32/report.json, hls_out/dcgan_mnist32_ternary/report.json"
	@echo "pictures: hls_out/dcgan_mnist32/picture.png, hls_out/dcgan_mnist32_ternary/picture.png"

test: $(STAMP) ## Run the tests.
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=ci

exhaustive: $(STAMP) ## Run the tests with all of their cases, which takes half as long again.
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=ci --exhaustive

fuzz: $(STAMP) ## Run the tests of random examples on new ones; `make test` draws the same each time.
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=default -m hypothesis

quick: $(STAMP) ## Run the unit tests that take no time, in less than a minute.
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile=ci -m "not cosim and not slow" tests/unit

check: $(STAMP) ## Format, lint, types, import order.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

cosim: $(STAMP) ## Run the tests that simulate hardware.
	$(BIN)/python -m pytest -n 2 --dist worksteal -m cosim

lint-hw: $(STAMP) ## Lint the SystemVerilog (Verilator -Wall, slang).
	$(BIN)/python -m pytest -n 2 -k lint

snapshot: $(STAMP) ## Rewrite the committed example project and the JSON schemas.
	@test -z "$$CI" || { echo "snapshots are never rewritten in CI" >&2; exit 1; }
	GAN2HLS_REWRITE_SNAPSHOTS=1 $(BIN)/python -m pytest -q -m snapshot

bench: $(STAMP) ## Measure speed and cost; JSON on standard output.
	@$(BIN)/python -m benchmarks

clean: ## Remove what make and the tests made, the virtual environment excepted.
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
