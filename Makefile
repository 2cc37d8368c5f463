# Every target sets up what it needs on a bare machine; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help setup demo test test-long lint type validate build bench docs lock pr clean

VENV := .venv
SAM_VENV := .venv-sam
DEMO_VENV := .venv-demo
SAM_VERSION := 1.170.0
BIN := $(VENV)/bin
PYTHON_STAMP := $(VENV)/.stamp
SAM_STAMP := $(SAM_VENV)/.stamp-$(SAM_VERSION)
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
PIP := -m pip --disable-pip-version-check install -qq
export PYTHONDONTWRITEBYTECODE := 1
# In CI a server test that cannot run is a failure, not a skip.
ifneq ($(CI),)
export IMAPCHECK_REQUIRE_SERVERS := 1
endif

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

setup: $(PYTHON_STAMP) ## the project's environment in .venv/

$(PYTHON_STAMP): requirements/dev.txt pyproject.toml scripts/find-python
	@python=$$(scripts/find-python) && echo "setting up $(VENV)/ with $$python" && \
	{ [ -x $(BIN)/python ] || "$$python" -m venv $(VENV); }
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(SAM_STAMP): scripts/find-python
	@python=$$(scripts/find-python) && echo "setting up $(SAM_VENV)/ with SAM CLI $(SAM_VERSION)" && \
	{ [ -x $(SAM_VENV)/bin/python ] || "$$python" -m venv $(SAM_VENV); }
	@$(SAM_VENV)/bin/python $(PIP) aws-sam-cli==$(SAM_VERSION)
	@touch $@

.PHONY: dovecot
dovecot:
	@scripts/install-test-servers

# Where `make setup` was run, its environment has all that the demo needs.
DEMO_STAMP := $(if $(wildcard $(PYTHON_STAMP)),$(PYTHON_STAMP),$(DEMO_VENV)/.stamp)

demo: $(DEMO_STAMP) ## a full check against an embedded IMAP server
	@PYTHONPATH=layers/imapcheck $(dir $(DEMO_STAMP))bin/python -m imapcheck demo

$(DEMO_VENV)/.stamp: requirements/demo.txt scripts/find-python
	@python=$$(scripts/find-python) && echo "setting up $(DEMO_VENV)/ with the demo's packages and $$python" && \
	{ [ -x $(DEMO_VENV)/bin/python ] || "$$python" -m venv $(DEMO_VENV); }
	@$(DEMO_VENV)/bin/python $(PIP) --no-compile --require-hashes -r requirements/demo.txt
	@touch $@

test: setup $(SAM_STAMP) dovecot lint type ## lint, types and every test but the long ones
	$(BIN)/pytest

test-long: setup $(SAM_STAMP) dovecot ## soak, every offset, network namespaces
	$(BIN)/pytest -m long

lint: setup ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup ## mypy, strict
	$(BIN)/mypy

validate: setup $(SAM_STAMP) ## template and definitions
	$(BIN)/cfn-lint template.yaml
	$(SAM) validate --lint --template template.yaml
	$(BIN)/imapcheck validate events/*.json
	$(BIN)/pytest tests/template

build: setup $(SAM_STAMP) ## sam build, as it is deployed (arm64), with bytecode
	$(SAM) build
	@scripts/add-bytecode .aws-sam/build

bench: setup $(SAM_STAMP) dovecot ## timings against a raw-socket baseline: docs/performance.md, docs/cost.md
	@scripts/install-test-servers --peers
	PYTHONPATH=tests $(BIN)/python -m benchmark

docs: setup ## regenerate what is generated under docs/
	$(BIN)/imapcheck schema > docs/check.schema.json
	PYTHONPATH=tests $(BIN)/python -m faults.matrix > docs/failures.md

COMPILE := $(BIN)/uv pip compile --quiet --no-config --python-version 3.13 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header

lock: setup ## resolve the pinned requirements anew
	$(COMPILE) --extra aws --extra demo --group dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --extra demo -c requirements/dev.txt pyproject.toml -o requirements/demo.txt
	$(COMPILE) --universal -c requirements/dev.txt --group pyproject.toml:lambda -o layers/dependencies/requirements.txt

pr: test validate build ## everything CI runs, and the build

clean: ## remove what the targets made
	rm -rf $(VENV) $(SAM_VENV) $(DEMO_VENV) .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
