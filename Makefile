# Two commands matter: `make demo` shows everything, `make test` proves it. `make help` lists the rest.

PYTHON ?= python3
BIN := .resma/venv/bin
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: dependencies help setup setup-sam setup-bench demo up down logs check lint types template imports catalogue unit integration e2e test bench chaos load audit pictures lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## make the virtual environments (done by every command that needs them)
	@command -v $(PYTHON) >/dev/null || { echo "Resma needs Python 3.11 or newer and finds no '$(PYTHON)': install one, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) infra/local/bootstrap.py project localstack

setup-sam:
	@$(PYTHON) infra/local/bootstrap.py sam

setup-bench:
	@$(PYTHON) infra/local/bootstrap.py bench

demo: setup ## a report from the request to the file: FORMAT=PDF|CSV|XLSX|NDJSON|PARQUET, ROWS=500000
	@$(BIN)/python -m infra.local demo

up: setup ## start the stack and leave it running: PORT=3008, ROWS=500000
	@$(BIN)/python -m infra.local up

down: setup ## end the stack
	@$(BIN)/python -m infra.local down

logs: setup ## the end of each function's log; REPORT=<id>: all that they say of that report, in time's order
	@$(BIN)/python -m infra.local logs

check: setup ## lint, types, template, report types, unit tests: under a minute
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit lint types template imports catalogue dependencies

lint: setup
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .

types: setup
	@$(BIN)/mypy

template: setup
	@$(BIN)/cfn-lint template.yaml infra/examples/*.yaml

imports: setup
	@PYTHONPATH=functions $(BIN)/lint-imports

catalogue: setup ## check functions/catalog, with EXPLAIN on a Postgres of its own
	@$(BIN)/python -m infra.catalogue

dependencies: setup ## pins, hashes, licences and use of dependencies, without a network
	@$(BIN)/python -m infra.dependencies check

unit: setup
	@$(BIN)/python -m pytest tests/unit -q --numprocesses=2 --dist=worksteal

integration: setup setup-sam
	@$(BIN)/python -m pytest tests/integration -q

e2e: setup
	@$(BIN)/python -m pytest tests/e2e -q

test: setup setup-sam ## everything: unit, integration (real Postgres, moto), e2e (the whole stack)
	@rm -rf .resma/kept
	@RESMA_KEEP_FILES=$(CURDIR)/.resma/kept $(BIN)/python -m tests.everything
	@PYTHONPATH=functions $(BIN)/python -m tests.accept_files .resma/kept

bench: setup setup-bench ## side by side with peers: QUICK=1 leaves out the slow ones, FULL=1 adds 20 million rows
	@PYTHONPATH=functions .resma/venv-bench/bin/python -m tests.bench

chaos: setup ## reports while everything fails, and a judgement: REPORTS=500, SEED=(random), QUICK=1
	@PYTHONPATH=functions $(BIN)/python -m tests.chaos

load: setup ## 1,000 requests with 50 at once, none lost: POSTS=1000, AT_ONCE=50
	@PYTHONPATH=functions $(BIN)/python -m tests.load

audit: setup ## known vulnerabilities of what is installed, asked of a service (needs a network)
	@$(BIN)/python -m infra.dependencies ask

pictures: setup ## draw docs/pictures anew (wants LibreOffice, poppler and Chromium)
	@PYTHONPATH=functions $(BIN)/python -m tests.pictures

lock: setup ## pin the dependencies anew, after a change in pyproject.toml
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --extra scripts -o functions/requirements.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --extra scripts --group local --group test -c functions/requirements.txt -o infra/requirements/dev.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group deploy -c functions/requirements.txt -o infra/requirements/deploy.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group local --group bench -c functions/requirements.txt -o infra/requirements/bench.txt

clean: down ## end the stack and remove all of .resma
	@rm -rf .resma .aws-sam
