# make repro [DATA=dataset] [WEIGHTS=folder] [PARAMS=overlay.yaml]   train, evaluate, predict, report
# make test | lint                                                   for contributors
# VENV= where the environment lives, PYTHON= the interpreter it is made with
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
# Threads that wait asleep: beside one other busy program, spinning ones slow a training step sevenfold.
export OMP_WAIT_POLICY ?= passive

.PHONY: repro test lint install
.DELETE_ON_ERROR:

repro: $(VENV)/.installed
	$(BIN)/python -m pipeline.configure $(if $(DATA),--data "$(DATA)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(PARAMS),--params "$(PARAMS)")
	$(BIN)/dvc repro
	$(BIN)/python -m pipeline.summary

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg constraints.txt
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
