# Everything goes through one virtual environment in the project's root. It is made on first use
# and kept until pyproject.toml or constraints.txt change.
#
#   make run      open the sample story in the editor        make run FILE=my.md   open your own
#   make test     every test                                 make check            what CI runs
#   make bench    measure this machine                       make torture          the long tests
#   make bench BENCH="--only first-token --markdown"          make gpu-check        the same on a GPU
#   make gpu-check-train    training a 7B model's shape on a GPU
#   make test-cluster   the trainer on Ray and Slurm

PYTHON ?= python3
FILE ?=
BENCH ?=
TRAIN ?=
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
WITH_PEERS := $(VENV)/.installed-bench
DEV := $(VENV)/.installed-dev
CLUSTER := $(VENV)/.installed-cluster
SOURCES := pyproject.toml constraints.txt tools/install.py

.PHONY: run test check torture test-cluster format bench gpu-check gpu-check-train clean

run: $(RUNTIME)
	@$(BIN)/storytui $(if $(FILE),"$(FILE)",--sample)

test: $(DEV)
	$(BIN)/python -m pytest

# Two minutes for each of the long tests; `make test` has less.
check: export STORYTUI_TORTURE_SECONDS ?= 120
check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

# How long each of the long tests may take, and how far those go that count.
torture: export STORYTUI_TORTURE_SECONDS ?= 3600
torture: export STORYTUI_TORTURE_STEPS ?= 20000
torture: export STORYTUI_TORTURE_ROUNDS ?= 200
torture: $(DEV)
	$(BIN)/python -m pytest tests/torture tests/models/test_corpus.py tests/engine/test_dying.py \
	  tests/train/teacher/test_kills.py tests/train/training_run/test_kills.py

# A Ray cluster of two workers on this machine, and a stand-in for Slurm's commands.
test-cluster: $(CLUSTER)
	$(BIN)/python -m pytest tests/cluster

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(WITH_PEERS)
	@$(BIN)/storytui bench $(BENCH)

# Needs an NVIDIA GPU; builds llama.cpp for it, or takes wheels from an index that you name:
#   make gpu-check MODEL=my.gguf INDEX=https://… BENCH="--only first-token"
gpu-check:
	@"$(PYTHON)" tools/gpu_check.py $(if $(MODEL),--model "$(MODEL)") $(if $(INDEX),--index "$(INDEX)") $(BENCH)

# Needs an NVIDIA GPU. Plain TRL is measured beside where trl is installed in the environment:
#   make gpu-check-train TRAIN="--sequence 2048 --steps 8"
gpu-check-train: $(DEV)
	@$(BIN)/python tools/gpu_check_train.py $(TRAIN)

clean:
	rm -rf $(VENV)

$(RUNTIME): $(SOURCES)
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "storytui needs Python 3.11 or newer, and $(PYTHON) is not here: install it or name another with PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" tools/install.py $(VENV) starter
	@touch $@

$(WITH_PEERS): $(SOURCES)
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "storytui needs Python 3.11 or newer, and $(PYTHON) is not here: install it or name another with PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" tools/install.py $(VENV) starter bench
	@touch $@ $(RUNTIME)

$(DEV): $(SOURCES)
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "storytui needs Python 3.11 or newer, and $(PYTHON) is not here: install it or name another with PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" tools/install.py $(VENV) starter train dev
	@touch $@ $(RUNTIME)

$(CLUSTER): $(SOURCES)
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "storytui needs Python 3.11 or newer, and $(PYTHON) is not here: install it or name another with PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" tools/install.py $(VENV) starter train cluster dev
	@touch $@ $(RUNTIME) $(DEV)
