# Every target sets up what it needs. Prerequisites: Python >= 3.11, a C++ compiler, make, git.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test accuracy bench paper help
.DELETE_ON_ERROR:

help:
	@echo "make run       build the bitstream, run the RTL on real images, draw the heatmaps"
	@echo "make test      lint and all tests, the cocotb regression among them"
	@echo "make bench     every figure of bench/README.md, measured (ARGS=--quick: what is deterministic)"
	@echo "make paper     the paper's experiments, to results/; ARGS=--quick: a few pictures of each"
	@echo "make accuracy  the integer network on the 10,000 test images of Fashion-MNIST"

run: $(VENV)/core
	$(BIN)/python -m hw.build ice40 --out build/ice40
	$(BIN)/python -m sim.demo --out build/ice40/heatmaps.png

test: $(VENV)/tests
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

bench: $(VENV)/tests
	$(BIN)/python -m bench $(ARGS)

accuracy: $(VENV)/core build/fashion_test.npz
	$(BIN)/python -m golden.accuracy --network models/fashion.npz --images build/fashion_test.npz

paper: $(VENV)/tests
	$(BIN)/python -m train.experiments all $(ARGS)

build/fashion_test.npz: $(VENV)/core
	$(BIN)/python -m train.data --install --count 10000 --out $@

$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(VENV)/tests: $(VENV)/core
	$(PIP) -e ".[test,train]"
	@touch $@
