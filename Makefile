# Sparkify's warehouse: `make` lists what there is. Everything works from a clean checkout;
# the first target that needs it makes .venv.

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The Python to make .venv with: 3.11 or newer; PYTHON=… chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& echo "$$python" && break; done)
# The port of the UI, for `make dev`.
PORT ?= 3000
# Processes for the tests (some only wait for a daemon), and what else to tell pytest.
JOBS ?= 3
TESTS ?=
# For the fuzzer: how long it tries.
SECONDS ?= 60
# For `make lock`: UPGRADE=1 takes the newest versions that setup.cfg allows.
UPGRADE ?=
# For the benchmark: QUICK=1, and what else to tell it (MEASURE=--help lists it).
QUICK ?=
MEASURE ?=

BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
TOOLS := .venv-tools/.installed
PEERS := .venv-bench/.installed
CLOUD := .venv-cloud/.installed
MINISTACK := .venv-ministack/.installed
DECLARED := setup.cfg pyproject.toml

# The same output on every machine, and no questions.
export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help setup demo dev docs screenshots test drills fuzz bench lint format check lock sbom clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' \
		| expand -t 20

setup: $(RUNTIME) ## Make .venv with what the warehouse needs

demo: $(RUNTIME) ## See it work: make a lake, load it, show what is in it
	@$(BIN)/sparkify demo

dev: $(RUNTIME) ## Start the Dagster UI on this machine only (PORT=3000)
	@$(BIN)/python -c 'import socket, sys; sys.exit(not socket.socket().connect_ex(("127.0.0.1", \
		$(PORT))))' || { echo "Port $(PORT) is taken: make dev PORT=3001" >&2; exit 1; }
	@echo "Dagster UI: http://127.0.0.1:$(PORT) (in about 20 seconds; Ctrl-C ends it)."
	@echo "Runs are kept in .dagster; the temporary folder Dagster speaks of holds nothing."
	@# Made here, one process at a time: Dagster makes them without a lock.
	@test -e .dagster/history || env -u DAGSTER_HOME $(BIN)/python -c \
		'from sparkify_dagster.defs.instance import open_instance; open_instance().__enter__()'
	@env -u DAGSTER_HOME PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
		$(BIN)/dagster dev --host 127.0.0.1 --port $(PORT)

docs: $(RUNTIME) ## Build the docs site in site/, to be opened from there
	@$(BIN)/sparkify docs site

screenshots: $(DEV) ## Retake the pictures in docs/images (needs a Chromium)
	@$(BIN)/python -m sparkify_dagster_tests.browser.screenshots

test: $(DEV) ## Run the tests (JOBS=3, TESTS="-k settings")
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not drill" \
		$(TESTS)

drills: $(DEV) $(MINISTACK) ## Run what takes long over real processes (kills, restarts)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m drill $(TESTS)

fuzz: $(DEV) ## Try odd input: objects, documents, messages, statements (SECONDS=60)
	@$(BIN)/python -m sparkify_dagster_tests.fuzz $(SECONDS)

bench: $(DEV) $(PEERS) ## Measure it beside its peers (QUICK=1: three minutes, else half an hour)
	@.venv-bench/bin/python -m bench $(if $(QUICK),--quick) $(MEASURE)

lint: $(DEV) $(CLOUD) ## Check style and types, and what is deployed to AWS
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/cfn-lint deploy/aws/sparkify.yaml
	@.venv-cloud/bin/python -m checkov.main --file deploy/aws/sparkify.yaml --framework cloudformation \
		--compact --quiet --skip-download
	@$(BIN)/python -m sparkify_dagster_tests.policies .venv-cloud/policies
	@PYTHONWARNINGS=ignore .venv-cloud/bin/parliament --directory .venv-cloud/policies

format: $(DEV) ## Format the code, and mend what can be mended
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

check: lint test drills ## Run lint, test and drills, as CI does

lock: $(TOOLS) ## Pin what setup.cfg asks for, with hashes (UPGRADE=1: the newest)
	@echo setuptools | $(LOCK) setup.cfg --extra dev - -o constraints-dev.txt
	@echo setuptools | $(LOCK) setup.cfg - -c constraints-dev.txt -o constraints.txt
	@echo setuptools | $(LOCK) setup.cfg --extra production - -c constraints-dev.txt \
		-o constraints-production.txt
	@printf 'cyclonedx-bom\nuv\n' | $(LOCK) - -o constraints-tools.txt
	@printf 'checkov\nparliament\nsetuptools<81\n' | $(LOCK) - -o constraints-cloud.txt
	@echo ministack | $(LOCK) - -o constraints-ministack.txt
	@$(LOCK) bench/requirements.in -o bench/requirements.txt

sbom: $(TOOLS) ## Write what the warehouse is made of to sbom.json (CycloneDX)
	@{ echo '[project]'; sed -nE 's/^(name) = (.*)/\1 = "\2"/p' setup.cfg; \
		sed -nE 's/^__version__/version/p' sparkify_dagster/__init__.py; } \
		> .venv-tools/project.toml
	@.venv-tools/bin/cyclonedx-py requirements --pyproject .venv-tools/project.toml \
		--mc-type application --output-reproducible constraints.txt -o sbom.json
	@echo "Written: sbom.json"

clean: ## Remove what make and the demo made; your own data and dwh.cfg stay
	@rm -rf .venv .venv-bench .venv-cloud .venv-ministack .venv-tools sbom.json bench/results .dagster .tmp_dagster_home_* build dist *.egg-info
	@if [ -e site/.sparkify-docs ]; then rm -rf site; fi
	@rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find sparkify_dagster sparkify_dagster_tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed .venv, .dagster and the caches."
	@if head -n 1 dwh.cfg 2>/dev/null | grep -q 'sparkify demo'; then rm -rf data dwh.cfg; \
		echo "Removed the demo's data and dwh.cfg."; \
	elif [ -e data ]; then echo "Kept data: it is not the demo's."; fi

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; PYTHON=… names one." >&2; exit 1; }
	@$(PYTHON) -m venv .venv

# What is pinned stands in constraints*.txt with the hashes of its files: pip takes nothing else.
# This package is built with the setuptools pinned there.
PINNED := -m pip install --progress-bar off --require-hashes -r
LOCK := .venv-tools/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

# $(call install,PINS,FOR): pip's own words go to .venv/install.log, and are shown on failure.
define install
	@set -o pipefail; started=$$SECONDS; found=0; \
	echo "Installing $(2) into .venv (once; about a minute) …"; \
	export PYTHONUNBUFFERED=1; \
	{ $(BIN)/python $(PINNED) $(1) && \
		$(BIN)/python -m pip install --no-index --no-deps --no-build-isolation -e .; \
	} 2>&1 | tee .venv/install.log | \
	while IFS= read -r line; do \
		case "$$line" in Collecting*) found=$$((found + 1)); \
			if [ -t 1 ]; then printf '\r  %d packages ' "$$found"; fi;; esac; \
	done || { echo; tail -n 30 .venv/install.log; \
		echo "The installation failed; all of it: .venv/install.log" >&2; exit 1; }; \
	if [ -t 1 ]; then printf '\r'; fi; echo "Installed in $$((SECONDS - started)) s."
	@touch $@
endef

$(RUNTIME): $(DECLARED) constraints.txt | .venv/bin/python
	$(call install,constraints.txt,what the warehouse needs)

$(DEV): $(DECLARED) constraints-dev.txt | .venv/bin/python
	$(call install,constraints-dev.txt,what the tests need)
	@touch $(RUNTIME)

$(TOOLS): constraints-tools.txt | .venv/bin/python
	@echo "Installing what pins packages and lists them into .venv-tools (once) …"
	@.venv/bin/python -m venv .venv-tools
	@.venv-tools/bin/python $(PINNED) constraints-tools.txt --quiet
	@touch $@

$(CLOUD): constraints-cloud.txt | .venv/bin/python
	@echo "Installing what checks the template and its policies into .venv-cloud (once) …"
	@.venv/bin/python -m venv .venv-cloud
	@.venv-cloud/bin/python $(PINNED) constraints-cloud.txt --quiet
	@touch $@

$(MINISTACK): constraints-ministack.txt | .venv/bin/python
	@echo "Installing what stands in for more of AWS into .venv-ministack (once) …"
	@.venv/bin/python -m venv .venv-ministack
	@.venv-ministack/bin/python $(PINNED) constraints-ministack.txt --quiet
	@touch $@

$(PEERS): bench/requirements.txt | .venv/bin/python
	@echo "Installing the peers into .venv-bench (once; a few minutes) …"
	@.venv/bin/python -m venv .venv-bench
	@.venv-bench/bin/python $(PINNED) bench/requirements.txt --quiet
	@touch $@
