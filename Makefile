# `make` sets everything up and runs the quick study; `make help` lists the rest.
SHELL := /bin/bash -eu -o pipefail
PYTHON ?= python3
PROFILE ?= profiles/local
BIN := .venv/bin
# Images often switch bytecode off; without it every start of Snakemake compiles everything anew (5 s instead of 1).
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)
LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
       --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := run
.PHONY: run help setup setup-dev check test test-all lock schemas clean

run: setup  ## set up, run the study of config/config.yaml, build the website (the default)
	snakemake --profile $(PROFILE)

help:  ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.run  ## create .venv with the locked packages
setup-dev: .venv/.dev

.venv/bin/uv: requirements/bootstrap.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fairmesh needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.lock
	touch $@

.venv/.%: requirements/%.lock pyproject.toml .venv/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r $<
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

lock: .venv/bin/uv  ## resolve the newest versions anew
	echo 'uv' | uv pip compile - $(wordlist 5,99,$(LOCK)) -o requirements/bootstrap.lock --upgrade
	$(LOCK) --upgrade --extra cloudmask --extra site --extra dev -o requirements/dev.lock
	$(LOCK) --constraints requirements/dev.lock --extra cloudmask --extra site -o requirements/run.lock
