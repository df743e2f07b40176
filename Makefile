# make repro                   from images to prediction.txt and reports/report.html; draws the demo faces first
#   PARAMS=recipes/quick.yaml    a first look: few faces, no nets
#   DATA=folder                  your own data set
#   WEIGHTS=folder               local checkpoints
#   PARAMS=my.yaml               your settings, laid over params.yaml
#                                All three are kept in params.local.yaml; an empty one (PARAMS=) goes back to params.yaml.
# make test, make lint         what has to pass before a change is shared
# make bench IMAGES=folder     speed beside the plain way
# make gpu-check               on a machine with a GPU: whether its results are the CPU's, and how fast it is
# make docs                    docs/parameters.md from the code
# make install, install-dev    the environment alone; with the tools for tests
# make clean                   remove what `make repro` makes: cache/, reports/, prediction.txt
#
# VENV=folder (.venv) is where the environment lies, PYTHON=program (python3) what it is made with.
PYTHON ?= python3
VENV ?= .venv
# Quoted wherever it is used: the path may hold spaces, which make itself does not understand.
BIN := $(if $(filter /%,$(firstword $(VENV))),,$(CURDIR)/)$(VENV)/bin
export PATH := $(BIN):$(PATH)
# Threads that wait asleep: beside one other busy program, spinning ones slow a training step sevenfold.
export OMP_WAIT_POLICY ?= passive
# Handed on by the shell, which does not look into a value: quotes and backticks in a path stay what they are.
given = $(if $(filter-out undefined,$(origin $(1))),--$(2) "$$$(1)")

.PHONY: help repro test lint bench gpu-check docs clean install install-dev

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

repro: install
	"$(BIN)/python" -m pipeline.configure $(call given,DATA,data) $(call given,WEIGHTS,weights) $(call given,PARAMS,params)
	"$(BIN)/dvc" repro
	"$(BIN)/python" -m pipeline.summary

test: install-dev
	CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 "$(BIN)/python" -m pytest -n 2 --dist loadgroup

lint: install-dev
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

bench: install
	"$(BIN)/python" -m benchmarks.speed --images "$$IMAGES"

gpu-check: install
	"$(BIN)/python" -m benchmarks.gpu

docs: install
	"$(BIN)/python" -m pipeline.configure --reference > docs/.parameters.part
	mv docs/.parameters.part docs/parameters.md

clean:
	find cache -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf reports prediction.txt

install:
	@.ci/install "$(VENV)" "$(PYTHON)"

install-dev:
	@.ci/install "$(VENV)" "$(PYTHON)" dev
