# Every target sets up what it needs. Prerequisites: Python >= 3.11, a C++ compiler, make, git.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: check dist run quick circles pairs test accuracy bench paper formal fuzz gates mutation soak upsets kill coverage docs help
.DELETE_ON_ERROR:

help:
	@echo "make run       build the bitstream for 48 MHz, run the RTL on real images, draw the heatmaps"
	@echo "make quick     lint, and the tests without long simulations and builds, under 3 minutes"
	@echo "make test      lint and tests, of the longest tables a quarter (ALL=1: all of them)"
	@echo "make bench     every figure of bench/README.md, measured (ARGS=--quick: what is deterministic)"
	@echo "make paper     the paper's experiments, to results/; ARGS=--quick: a few pictures of each"
	@echo "make check     ruff, who imports whom, pyright (basic), the share of functions with types"
	@echo "make circles   modules that import each other in a circle: none"
	@echo "make pairs     the whole covering array of drawn networks, RTL against golden, half an hour"
	@echo "make accuracy  the integer network on the 10,000 test images of Fashion-MNIST"
	@echo "make formal    prove the gateware's rules, some minutes (docs/proof.md)"
	@echo "make fuzz      20,000 drawn command lines and files over all commands, half an hour"
	@echo "make gates     the chip's netlist on three real images, some minutes"
	@echo "make mutation  hundreds of faults in the gateware: which the benches see"
	@echo "make soak      10,000 real images through the RTL, all equal golden, about an hour"
	@echo "make upsets    bits turned over in 1,000 images: what becomes of them"
	@echo "make kill      commands killed at random moments: what they leave behind"
	@echo "make coverage  lines and toggles of the RTL, lines of Python under all tests"
	@echo "make dist      sdist and wheel, to build/dist/"
	@echo "make docs      the documentation as a site, build/site/index.html; warnings are errors"

run: $(VENV)/core
	$(BIN)/python -m hw.build ice40 --lanes 4 --word-steps 16 --clock 48 --out build/ice40
	$(BIN)/python -m sim.demo --out build/ice40/heatmaps.png

test: $(VENV)/tests
	$(BIN)/ruff check .
	$(if $(ALL),SAM_TESTS=all) $(BIN)/python -m pytest -n 2 --dist loadfile -q

quick: $(VENV)/tests
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow"

check: $(VENV)/tests
	$(BIN)/ruff check .
	$(BIN)/python -m verify.house
	$(BIN)/python -m verify.types --check

circles: $(VENV)/core
	$(BIN)/python -m verify.house --circles

pairs: $(VENV)/tests
	$(BIN)/python -m verify.drawn --pairs --out docs/proof/drawn.json

bench: $(VENV)/tests
	$(BIN)/python -m bench $(ARGS)

formal: $(VENV)/tests
	$(BIN)/python -m tests.formal --jobs 2 --out docs/proof/formal.json
	$(BIN)/python -m tests.formal.reach --out docs/proof/reach.json

fuzz: $(VENV)/tests
	$(BIN)/python -m tests.fuzz_soak --out docs/proof/fuzz.json

mutation: $(VENV)/tests
	$(BIN)/python -m tests.mutation --out docs/proof/mutation.json

soak: $(VENV)/core build/fashion_test.npz
	$(BIN)/python -m sim.soak --out docs/proof/soak.json
	$(BIN)/python -m sim.soak --experiments --limit 1000 --out docs/proof/soak_mixed.json
	$(BIN)/python -m sim.soak --network models/fashion_small.npz --lanes 2 --experiments --limit 1000 \
		--out docs/proof/soak_lanes.json

gates: $(VENV)/core
	$(BIN)/python -m sim.gates --out docs/proof/gates.json

upsets: $(VENV)/core build/fashion_test.npz
	$(BIN)/python -m sim.upsets --limit 1000 --out docs/proof/upsets.json

kill: $(VENV)/tests
	$(BIN)/python -m tests.kill --limit 100 --out docs/proof/kill.json

coverage: $(VENV)/tests
	$(BIN)/python -m tests.rtl_coverage --python --out docs/proof/coverage.json

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "wrote build/site/index.html; its search needs a server: $(BIN)/python -m http.server -d build/site"

dist: $(VENV)/core
	$(PIP) "setuptools>=77"
	$(BIN)/python -c "from setuptools import build_meta as b; b.build_sdist('build/dist')"
	$(BIN)/python -c "from setuptools import build_meta as b; b.build_wheel('build/dist')"

accuracy: $(VENV)/core build/fashion_test.npz
	$(BIN)/python -m golden.accuracy --network models/fashion.npz --images build/fashion_test.npz

paper: $(VENV)/tests
	$(BIN)/python -m train.experiments all $(ARGS)

build/fashion_test.npz: $(VENV)/core
	$(BIN)/python -m train.data --install --count 10000 --out $@

$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[all]"
	@touch $@

$(VENV)/tests: $(VENV)/core examples/producers.txt
	$(PIP) -e ".[test,train,docs]"
	$(PIP) --no-deps -r examples/producers.txt
	@touch $@

$(VENV)/docs: $(VENV)/core
	$(PIP) -e ".[all,docs]"
	@touch $@
