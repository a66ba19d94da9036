# `make` sets everything up and runs the quick study; `make help` lists the rest. PYTHON=python3.13 chooses the Python.
SHELL := /bin/bash -eu -o pipefail
ASKED := $(filter command environment,$(firstword $(origin PYTHON)))
PYTHON ?= python3
PROFILE ?= profiles/local
BIN := .venv/bin
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
ON_SLURM := $(if $(filter profiles/slurm,$(PROFILE:%/=%)),yes)
# Images often switch bytecode off; without it every start of Snakemake compiles everything anew (5 s instead of 1).
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)
# A user of a container may have no home, or one that cannot be written; Snakemake needs a home and a cache.
export HOME := $(or $(HOME),$(shell getent passwd "$$(id -u)" | cut -d: -f6),$(CURDIR)/.venv)
ifneq ($(shell cd 2> /dev/null && mkdir -p "$${XDG_CACHE_HOME:-.cache}" 2> /dev/null && test -w "$${XDG_CACHE_HOME:-.cache}" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.venv/.cache
endif
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --upgrade \
       --no-header --no-annotate

.DEFAULT_GOAL := run
.PHONY: right-python run publish help setup setup-dev setup-slurm slurm-demo check test test-clusters test-all unit e2e debian debian-clusters docs lock wheel clean

run: setup $(ON_SLURM:%=setup-slurm)  ## set up, run the study of config/config.yaml, build the website (the default)
	$(ON_SLURM:%=.venv-slurm/bin/)snakemake --profile $(PROFILE)

publish: setup  ## site/publish: website and crates for the world; BRANCH=gh-pages puts them onto that branch as well
	fairmesh publish
	$(if $(BRANCH),ghp-import --no-jekyll --branch $(BRANCH) site/publish)

help:  ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.run  ## create .venv with the locked packages
setup-dev: .venv/.dev .venv-cff/.ready  ## the same with the tools of development

right-python:  # an environment of another Python than the one asked for, or of one that is gone, is not mended in place
	@[ ! -e .venv/pyvenv.cfg ] || $(BIN)/python -c '$(VERSION)' > /dev/null 2>&1 || { echo ".venv: its Python is gone: make clean, then again" >&2; exit 2; }
	@[ ! -e .venv/pyvenv.cfg ] || [ -z "$(ASKED)" ] || { has=$$($(BIN)/python -c '$(VERSION)'); wants=$$($(PYTHON) -c '$(VERSION)'); [ "$$has" = "$$wants" ] \
	  || { echo ".venv: has Python $$has, and $(PYTHON) is $$wants: make clean, then again" >&2; exit 2; }; }

.venv/bin/uv: requirements/bootstrap.lock | right-python
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "fairmesh needs Python 3.11 to 3.13, for which TensorFlow has packages: make PYTHON=python3.13")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

SIZE_run := : 2.6 GB of packages, most of it TensorFlow
SIZE_dev := : 3.2 GB of packages, most of it TensorFlow
.venv/.%: requirements/%.lock pyproject.toml .venv/bin/uv
	@echo "installing $<$(SIZE_$*)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r $<
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Not in .venv: where Slurm's client is and its controller is not, importing the executor costs each start of Snakemake 9 s.
# What a job of Slurm's starts twice is kept slim; the application and the website's packages are lent by .venv.
setup-slurm: setup .venv-slurm/.ready  ## create .venv-slurm, in which Snakemake knows Slurm

.venv-slurm/.ready: requirements/slurm.lock pyproject.toml .venv/bin/uv
	@echo "installing $<"
	@test -x .venv-slurm/bin/python || $(BIN)/python -m venv --without-pip .venv-slurm
	@$(BIN)/python -c 'import site; print(*site.getsitepackages())' > "$$(echo .venv-slurm/lib/python3*/site-packages)/lent.pth"
	@$(BIN)/uv pip install --quiet --python .venv-slurm/bin/python --compile-bytecode --require-hashes -r $<
	@$(BIN)/uv pip install --quiet --python .venv-slurm/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

slurm-demo: setup-slurm  ## a Slurm of three small nodes on this computer, and a study on it (Debian or Ubuntu, as root)
	@tests/slurm/cluster.sh env > /dev/null 2>&1 || tests/slurm/cluster.sh up > /dev/null
	@eval "$$(tests/slurm/cluster.sh env)"; sinfo; set -x; \
	.venv-slurm/bin/snakemake --profile profiles/slurm --config study=examples/slurm-demo.yaml
	@echo
	@echo "what ran where:      site/public/index.html, results/slurm-demo/results.csv"
	@echo "look at the cluster: eval \"\$$(tests/slurm/cluster.sh env)\"; squeue --states=all"
	@echo "bundles:             .venv/bin/snakemake --profile profiles/slurm-lean --fairmesh-bundle 4 --config study=..."
	@echo "end it:              tests/slurm/cluster.sh down"

# cffconvert needs a jsonschema of which all the others need a newer one.
.venv-cff/.ready: requirements/cffconvert.lock .venv/bin/uv
	@echo "installing $<"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-cff
	@$(BIN)/uv pip install --quiet --python .venv-cff/bin/python --require-hashes -r $<
	@touch $@

check: setup-dev  ## style, types, the workflow's lint
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	vermin --quiet --no-tips --target=3.6- --violations fairmesh/runner fairmesh/schedulers fairmesh/target
	snakemake --profile profiles/local --lint

test: check unit e2e  ## what must hold before a commit: checks, unit tests, end-to-end tests on this computer (about 18 minutes on two cores)

unit: setup-dev debian
	pytest -n 2 --dist worksteal -m "not e2e and not clusters and not long" --doctest-modules tests fairmesh

e2e: setup-dev debian
	pytest -n 3 -m "e2e and not clusters and not quick and not long"

test-clusters: setup-dev setup-slurm debian debian-clusters  ## the tests on schedulers of clusters, ssh and podman (Debian or Ubuntu, as root)
	pytest -n 4 -m "clusters and not long"

test-all: test test-clusters  ## all tests, those that take long as well, and the quick study of CloudMask
	pytest -n 2 -m long
	pytest -m quick

# Programs that tests run, each with its packages of Debian; commas stand between names of one program.
PROGRAMS := chromium,chromium-browser,google-chrome:chromium shellcheck:shellcheck faketime:faketime zsh:zsh fish:fish nginx:nginx-light
SCHEDULERS := slurmctld:slurm-wlm,slurm-wlm-basic-plugins,munge slurmdbd:slurmdbd mariadbd:mariadb-server faketime:faketime \
	sshd:openssh-server csh:csh rsync:rsync cc:gcc,libc6-dev sge_qmaster:gridengine-master sge_execd:gridengine-exec qsub:gridengine-client podman:podman runc:runc
debian: ; @$(call install,$(PROGRAMS))
debian-clusters: ; @$(call install,$(SCHEDULERS))

define install
missing=; for entry in $(1); do programs=$${entry%:*}; \
  PATH=$$PATH:/usr/sbin command -v $${programs//,/ } > /dev/null || missing+=" $${entry#*:}"; done; missing=$${missing//,/ }; \
  [ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing > /dev/null; } \
  || echo "missing, and cannot be installed:$$missing; the tests that need them cannot run" >&2
endef

docs: setup-dev  ## write the JSON Schemas and the reference pages anew from models and docstrings, and codemeta.json
	python -m fairmesh.reference
	python -m fairmesh.cli.manual
	python -m fairmesh.fair.codemeta

lock: .venv/bin/uv  ## resolve the newest versions anew
	$(LOCK) pyproject.toml --extra all --extra dev -o requirements/dev.lock
	$(LOCK) pyproject.toml --extra cloudmask --extra site --extra service --extra monitor --constraints requirements/dev.lock -o requirements/run.lock
	$(LOCK) pyproject.toml --extra slurm --constraints requirements/dev.lock -o requirements/slurm.lock
	printf '%s\n' tensorflow-cpu h5py matplotlib numpy pyyaml scikit-learn scipy mlperf-logging boto3 | $(LOCK) - --constraints requirements/dev.lock -o cloudmask/requirements.lock
	printf 'cffconvert\n' | $(LOCK) - -o requirements/cffconvert.lock
	printf 'uv\nhatchling\neditables\n' | $(LOCK) - --constraints requirements/dev.lock -o requirements/bootstrap.lock

wheel: .venv/bin/uv  ## build dist/fairmesh-VERSION-py3-none-any.whl, which holds all that a project needs
	@$(BIN)/python -m hatchling build -t wheel

clean:  ## remove the environment and everything that can be made again; results and the website stay
	rm -rf .venv .venv-slurm .venv-cff .mypy_cache .ruff_cache .pytest_cache .hypothesis .fairmesh
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
