# The two commands to begin with are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER_READY := $(VENV)/.browser-ready
# The linters of a cluster's files share nothing with the factory.
CLUSTER := .venv-cluster
CLUSTER_READY := $(CLUSTER)/.ready

.PHONY: setup demo demo-ui up down test corpus chaos browser screenshots browser-tools cluster soak soak-simulated soak-live proofs lint lint-cluster types check bench settings-docs record-topics clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@command -v git >/dev/null || { echo "git is missing: install it first"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@test -d $(VENV) || echo "Installing into .venv: a download of about 440 MB, 1.6 GB on disk, one to some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@FACTORY_MODE=live $(BIN)/factory prepare
	@touch $(READY)

demo: setup
	@$(BIN)/factory demo

demo-ui: setup
	@$(BIN)/factory demo-ui

up: setup
	@$(BIN)/factory up

down:
	@$(BIN)/factory down

# What `make test` runs is meant to be run often; `make check` adds what CI holds the tree to. It takes as many workers
# as the cores can feed (tests/conftest.py); PYTEST_XDIST_AUTO_NUM_WORKERS=2 takes two.
test: setup
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not end_to_end and not corpus and not chaos and not soak and not browser and not cluster"
	$(BIN)/python -m pytest -n auto --dist loadfile -m end_to_end

# Bad builds that must be caught and good ones that must ship, each really built: half an hour on two cores.
# CORPUS_SHARE=5 takes about a fifth of them, drawn by CORPUS_SEED.
corpus: setup
	$(BIN)/python -m pytest -n auto --dist worksteal -m corpus tests/proofs/corpus tests/gates

# Builds whose workers are killed at random, CHAOS_KILLS times (50) by CHAOS_SEED (1), with the registry as a file and on
# PostgreSQL: some minutes.
chaos: setup
	$(BIN)/python -m pytest -n 0 -s -m chaos tests/proofs/chaos

# Clicks through the UI of two running factories in Chromium, side by side: some minutes. Skipped by name where
# Chromium or its Python package is missing.
browser: setup browser-tools
	$(BIN)/python -m pytest -n 2 --dist loadfile -m browser tests/proofs/browser

# The same, and what it sees becomes the pictures of README.
screenshots: setup browser-tools
	SCREENSHOTS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m browser tests/proofs/browser

browser-tools: $(BROWSER_READY)
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -qq -y chromium; \
	else echo "chromium is missing: install it (apt install chromium)"; fi || true

# Once only: tests may be running beside, and the factory is gone for a moment while it is installed again.
$(BROWSER_READY): $(READY)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]' \
		&& touch $@

# One daemon and two workers on a real PostgreSQL and a real Redis, some minutes; then machines with networks and clocks
# of their own that are hurt CLUSTER_KILLS times (50) by CLUSTER_SEED (1): half an hour or more on two cores. Skipped by
# name where a program, or the right to make network namespaces (root's), is missing.
cluster: setup
	$(BIN)/python -m pytest -n 0 -s -m cluster tests/proofs/cluster

# Two weeks simulated (SOAK_DAYS of them; SOAK_REGISTRY=postgres keeps the registry there), and beside it ten minutes
# (SOAK_LIVE_SECONDS) of a live factory that is hurt.
soak: setup
	@$(MAKE) --no-print-directory --jobs 2 soak-simulated soak-live

soak-simulated: setup
	$(BIN)/python -m pytest -n 0 -m soak tests/proofs/soak/test_soak.py

soak-live: setup
	$(BIN)/python -m pytest -n 0 -m soak tests/proofs/soak/test_soak_live.py

# All that is too long for `make check`.
proofs: corpus chaos browser cluster soak

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

# The files of deploy/ held to what reads them, without a network or a cluster; CHART=FOLDER names Dagster's chart, unpacked.
lint-cluster: setup $(CLUSTER_READY)
	@$(BIN)/python deploy/lint/run_pod.py > $(CLUSTER)/run-pod.yaml
	@$(CLUSTER)/bin/python deploy/lint --run-pod $(CLUSTER)/run-pod.yaml $(if $(CHART),--chart $(CHART))

$(CLUSTER_READY): deploy/lint/requirements.txt
	@test -d $(CLUSTER) || echo "Installing the linters into $(CLUSTER): a download of about 115 MB, 460 MB on disk."
	@$(PYTHON) -m venv $(CLUSTER)
	@$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check --requirement deploy/lint/requirements.txt
	@touch $@

types: setup
	$(BIN)/mypy

check: lint types test

bench: setup
	$(BIN)/python -m bench > bench/RESULTS.md
	@cat bench/RESULTS.md

# docs/settings.md and .env.example, from factory_assets/settings.
settings-docs: setup
	$(BIN)/python -m factory_assets.settings.documents

# What the demo's arXiv finds for each topic, from factory_assets/gather/topics.yaml and the sample of papers.
record-topics: setup
	$(BIN)/python tests/peers/arxiv_recording.py

clean:
	rm -rf $(VENV) $(CLUSTER) *.egg-info .pytest_cache .ruff_cache .mypy_cache
