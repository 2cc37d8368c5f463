# Every target sets up what it needs on a bare machine, below this folder, and says so before it does; `make help` lists them.
# Outside it only `make test` (Dovecot), `make test-long` (a browser) and `make bench` (other monitors) install, through apt-get
# and only as root. `make demo`, `make build` and `make deploy` never do.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help setup demo test quick test-long lint type validate stack build region deploy acceptance dist release-artifacts bench mutants docs lock pr clean

VENV := .venv
SAM_VENV := .venv-sam
DEMO_VENV := .venv-demo
SAM_VERSION := $(shell sed -n 's/^aws-sam-cli==//p' requirements/sam.in)
EMULATOR_VENV := .venv-emulator
BIN := $(VENV)/bin
PYTHON_STAMP := $(VENV)/.stamp
SAM_STAMP := $(SAM_VENV)/.stamp-$(SAM_VERSION)
EMULATOR_STAMP := $(EMULATOR_VENV)/.stamp
# Its own modules are compiled as they are first imported, and the next call has them.
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE= $(SAM_VENV)/bin/sam
# Tests wait more than they work: four processes on two cores. A file's tests stay together, as some share one run, and
# the files begin in the order that tests/conftest.py gives them.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder
UV := $(BIN)/uv
INSTALL := scripts/install-packages
export PYTHONDONTWRITEBYTECODE := 1

# Which definitions are deployed, and as which stack: make deploy EVENTS=customers/acme STACK=acme
EVENTS ?= events
ifneq ($(EVENTS),events)
ifndef STACK
$(error EVENTS=$(EVENTS) needs STACK=NAME, so that no other stack loses its checks)
endif
SOURCE := .aws-sam/$(STACK)/source
BUILD := .aws-sam/$(STACK)/build
BUILD_OPTIONS := --template-file $(SOURCE)/template.yaml --build-dir $(BUILD) --cache-dir .aws-sam/$(STACK)/cache
PLACE_BUILD := .aws-sam/$(STACK)/place
else
BUILD := .aws-sam/build
PLACE_BUILD := .aws-sam/place
endif
STACKS = $(if $(SOURCE),$(SOURCE)/stacks,stacks)
STACK ?= imapcheck
# `make deploy PARAMETERS="AlarmEmail="` empties a parameter: SAM CLI takes NAME="" alone, and the shell takes the quotes away.
OVERRIDES = $(foreach each,$(subst "",,$(PARAMETERS)),$(if $(filter %=,$(each)),$(each)'""',$(each)))
# What the stack's SecretPrefix will be, as far as PARAMETERS say.
SECRET_PREFIX := $(patsubst SecretPrefix=%,%,$(filter SecretPrefix=%,$(PARAMETERS)))
VALIDATE = $(BIN)/imapcheck validate $(addprefix --secret-prefix=,$(SECRET_PREFIX)) $(EVENTS)/*.json
PLACES_SCRIPT = SAM_CLI_TELEMETRY=0 $(BIN)/python scripts/places.py
CONFIG := --config-file "$(CURDIR)/samconfig.toml"
# AWS CLI reads AWS_REGION; boto3 and SAM CLI do not. (Empty, it would hide the Region of a profile.)
ifneq ($(AWS_REGION),)
export AWS_DEFAULT_REGION ?= $(AWS_REGION)
endif

# In CI a server test that cannot run is a failure, not a skip.
ifneq ($(CI),)
export IMAPCHECK_REQUIRE_SERVERS := 1
endif

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

setup: $(PYTHON_STAMP) ## the project's environment in .venv/

$(UV):
	@python=$$(scripts/find-python) && echo "setting up $(VENV)/ with $$python: pip installs uv into it, which installs the rest" && \
	{ [ -x $(BIN)/python ] || "$$python" -m venv $(VENV); }
	@$(INSTALL) $(VENV)

$(PYTHON_STAMP): requirements/dev.txt pyproject.toml | $(UV)
	@echo "setting up $(VENV)/: uv installs requirements/dev.txt into it"
	@$(INSTALL) $(VENV) --require-hashes -r requirements/dev.txt
	@$(INSTALL) $(VENV) --no-deps --no-build-isolation -e .
	@touch $@

$(SAM_STAMP): requirements/sam.txt | $(UV)
	@echo "setting up $(SAM_VENV)/: uv installs SAM CLI $(SAM_VERSION), requirements/sam.txt, into it"
	@[ -x $(SAM_VENV)/bin/python ] || $(BIN)/python -m venv --without-pip $(SAM_VENV)
	@$(INSTALL) $(SAM_VENV) --require-hashes -r requirements/sam.txt
	@touch $@

$(EMULATOR_STAMP): requirements/emulator.txt | $(UV)
	@echo "setting up $(EMULATOR_VENV)/: uv installs an emulator of AWS into it, that tests deploy on"
	@[ -x $(EMULATOR_VENV)/bin/python ] || $(BIN)/python -m venv --without-pip $(EMULATOR_VENV)
	@$(INSTALL) $(EMULATOR_VENV) --require-hashes -r requirements/emulator.txt
	@touch $@

.PHONY: dovecot
dovecot:
	@scripts/install-test-servers

# Where `make setup` was run, its environment has all that the demo needs.
DEMO_STAMP := $(if $(wildcard $(PYTHON_STAMP)),$(PYTHON_STAMP),$(DEMO_VENV)/.stamp)

demo: $(DEMO_STAMP) ## a full check against an embedded IMAP server
	@PYTHONPATH=layers/imapcheck $(dir $(DEMO_STAMP))bin/python -m imapcheck demo

$(DEMO_VENV)/.stamp: requirements/demo.txt scripts/find-python
	@python=$$(scripts/find-python) && echo "setting up $(DEMO_VENV)/ with $$python: pip installs the demo's packages into it" && \
	{ [ -x $(DEMO_VENV)/bin/python ] || "$$python" -m venv $(DEMO_VENV); }
	@$(DEMO_VENV)/bin/python -m pip --disable-pip-version-check install -qq --no-compile --require-hashes -r requirements/demo.txt
	@touch $@

# Tests start hundreds of processes, each of which would compile the whole package anew.
test quick: export PYTHONDONTWRITEBYTECODE :=

test: ## lint, types and every test but the long ones
	@$(AT_ONCE) $(SAM_STAMP) $(EMULATOR_STAMP) dovecot $(COLLECTED) lint type
	$(BIN)/pytest $(SIDE_BY_SIDE)

quick: ## lint, types and tests/unit: what to run while you work
	@$(AT_ONCE) $(COLLECTED) lint type
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/unit

# Side by side, as installations wait for the network.
AT_ONCE = $(MAKE) --silent --no-print-directory -j4

# Once, before four processes import all there is at the same time and each of them compiles it.
COLLECTED := $(VENV)/.stamp-collected
$(COLLECTED): $(PYTHON_STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -qq >/dev/null || true
	@touch $@

test-long: setup $(SAM_STAMP) $(EMULATOR_STAMP) dovecot ## soak, every offset, network namespaces, an alarm from end to end, a browser, a real Postfix
	@scripts/install-test-servers --browser
	@scripts/install-test-servers --delivery
	$(BIN)/pytest -m long

lint: setup ## ruff; shellcheck; actionlint, zizmor and schemas for what GitHub reads
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck --severity warning $$(grep -lE '^#!.*sh$$' scripts/* .ci/run)
	$(BIN)/actionlint -shellcheck $(BIN)/shellcheck .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github .pre-commit-config.yaml .pre-commit-hooks.yaml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/pre-commit validate-manifest .pre-commit-hooks.yaml

type: setup ## mypy, strict
	$(BIN)/mypy

validate: setup $(SAM_STAMP) ## templates and definitions
	$(VALIDATE)
	$(BIN)/cfn-lint --regions ALL_REGIONS -- template.yaml stacks/*.yaml
	$(SAM) validate --lint --template template.yaml
	$(BIN)/pytest tests/template

stack: setup ## generate stacks/ from events/
	$(BIN)/imapcheck stack

build: setup $(SAM_STAMP) ## validate, generate and sam build, as it is deployed (arm64), with bytecode
	@$(VALIDATE)
	@$(if $(SOURCE),scripts/lay-out $(EVENTS) $(SOURCE),$(BIN)/imapcheck stack)
	$(SAM) build $(CONFIG) $(BUILD_OPTIONS)
	@scripts/add-bytecode $(BUILD)
	@if [ -f $(STACKS)/place.yaml ]; then $(SAM) build $(CONFIG) --template-file $(STACKS)/place.yaml --build-dir $(PLACE_BUILD) && \
		scripts/add-bytecode $(PLACE_BUILD); fi
	@echo "all of it is built, in $(BUILD); \`make deploy\` deploys it"

region: setup
	@$(BIN)/python -c "import boto3, sys; sys.exit(not boto3.session.Session().region_name and 'No AWS Region is set. Set one, for example: export AWS_DEFAULT_REGION=eu-central-1')"

deploy: region build ## build and deploy: EVENTS=FOLDER STACK=NAME PARAMETERS="AlarmEmail=you@example.com"
	@$(PLACES_SCRIPT) before $(STACK) $(STACKS) --sam $(SAM_VENV)/bin/sam --build $(PLACE_BUILD) $(PARAMETERS)
	$(SAM) deploy $(CONFIG) --template-file $(BUILD)/template.yaml --stack-name $(STACK) --no-confirm-changeset \
		--no-fail-on-empty-changeset $(if $(PARAMETERS),--parameter-overrides $(OVERRIDES))
	@$(PLACES_SCRIPT) after $(STACK) $(STACKS)

acceptance: region $(SAM_STAMP) ## 30 to 45 minutes on a real account, then all of it is removed: MAIL=you@example.com
	@scripts/acceptance "$(MAIL)"

dist: setup ## wheel and sdist in dist/, the same bytes from the same commit, tried in bare environments
	@rm -f dist/*.whl dist/*.tar.gz
	scripts/build-distribution dist
	$(BIN)/pytest -m long tests/release

RELEASE = dist/imapcheck-$(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' layers/imapcheck/imapcheck/version.py)

release-artifacts: build ## what deploys a release without this repository, in dist/imapcheck-VERSION/: TAG=v1.2.3
	$(SAM_VENV)/bin/python scripts/release_artifacts.py $(BUILD) $(RELEASE) $(if $(TAG),--tag $(TAG))

bench: setup $(SAM_STAMP) dovecot ## timings against a raw-socket baseline: docs/performance.md, docs/cost.md
	@scripts/install-test-servers --peers
	PYTHONPATH=tests $(BIN)/python -m benchmark

SEED ?= 1
COUNT ?= 60

mutants: setup $(SAM_STAMP) dovecot ## COUNT small mistakes, chosen by SEED: does a test notice? (CONTRIBUTING.md)
	PYTHONPATH=tests $(BIN)/python -m mutants --seed $(SEED) --count $(COUNT)

docs: setup ## regenerate what is generated under docs/
	$(BIN)/imapcheck schema > docs/check.schema.json
	$(BIN)/imapcheck schema --part > docs/part.schema.json
	PYTHONPATH=tests $(BIN)/python -m faults.matrix > docs/failures.md
	PYTHONPATH=tests $(BIN)/python -m support.doc_tables
	PYTHONPATH=tests $(BIN)/python -m support.story_files
	PYTHONPATH=tests $(BIN)/python -m support.rendered

COMPILE = $(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) --quiet --no-config --python-version 3.13 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header

lock: setup ## resolve the pinned requirements anew: UPGRADE=1 for newer versions
	$(COMPILE) --extra aws --extra demo --group dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --extra demo -c requirements/dev.txt pyproject.toml -o requirements/demo.txt
	$(COMPILE) --universal -c requirements/dev.txt --group pyproject.toml:lambda -o layers/dependencies/requirements.txt
	$(COMPILE) requirements/emulator.in -o requirements/emulator.txt
	$(COMPILE) --universal requirements/sam.in -o requirements/sam.txt

pr: test validate build ## what has to pass before a pull request; CI adds `make dist release-artifacts`

clean: ## remove what the targets made
	rm -rf $(VENV) $(SAM_VENV) $(EMULATOR_VENV) $(DEMO_VENV) .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .mutants
