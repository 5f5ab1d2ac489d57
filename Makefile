# The two main commands: `make demo` shows everything, and `make test` tests it. `make help` lists all.

PYTHON ?= python3
BIN := .resma/venv/bin
RESMA := PYTHONPATH=infra/cli $(BIN)/python -m resma_cli
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: dependencies help python tools-test tools-fuzz tools-pictures setup setup-sam setup-bench setup-readers setup-generators setup-oidc setup-second-emulator demo up down logs check static lint types template imports catalog language unit integration e2e test test-long coverage fuzz bench chaos load fairness split-run sftp-run openpgp-run cli release-files second-emulator check-build audit pictures locales lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

python:
	@command -v $(PYTHON) >/dev/null || { echo "Resma needs Python 3.11, 3.12 or 3.13 and finds no '$(PYTHON)': install one, or run make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) infra/local/bootstrap.py python

setup: python ## create the virtual environments (every command that needs them does this itself)
	@$(PYTHON) infra/local/bootstrap.py project localstack

# Missing tools are reported before anything is installed or started.
tools-test tools-fuzz tools-pictures: tools-%: python
	@$(PYTHON) tests/tools.py $*

setup-sam:
	@$(PYTHON) infra/local/bootstrap.py sam

setup-readers: setup ## install the programs that read the files of the tests: spreadsheets in Node, Go, Java; veraPDF
	@$(BIN)/python -m tests.readers.install

setup-generators: setup ## install the programs that generate clients from the OpenAPI document: Python, Node, Java
	@$(PYTHON) infra/local/bootstrap.py generators
	@$(BIN)/python -m tests.generators.install

setup-oidc: setup ## install the OpenID Connect provider at which tests sign in to the console: Node
	@$(BIN)/python -m tests.oidc.install

setup-second-emulator:
	@$(PYTHON) infra/local/bootstrap.py second-emulator

setup-bench:
	@$(PYTHON) infra/local/bootstrap.py bench

demo: setup ## a report from the request to the file: FORMAT=PDF|CSV|XLSX|NDJSON|PARQUET, ROWS=500000
	@$(RESMA) demo

up: setup ## start the stack and leave it running: SOURCE=postgresql://..., RESMA_CATALOG=./reports, PORT=3008, ROWS=500000
	@$(RESMA) up

# Without an environment nothing is running, so `down`, `logs` and `clean` do not create one.
IS_SET_UP := test -e .resma/venv/.stamp

down: ## stop the stack
	@if $(IS_SET_UP); then $(RESMA) down; else echo "Nothing is running."; fi

logs: ## show the last lines of each function's log; REPORT=<id>, FUNCTION=worker, SINCE=10m, FOLLOW=1 select lines
	@if $(IS_SET_UP); then $(RESMA) logs; else echo "There are no logs, because nothing has been started."; fi

check: setup ## lint, types, template, report types, unit tests: about a minute
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit $(STATIC)

STATIC = lint types template imports catalog language dependencies

static: setup ## `make check` without the unit tests, which `make test` runs too
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(STATIC)

lint: setup
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .

types: setup
	@$(BIN)/mypy

template: setup
	@$(BIN)/cfn-lint template.yaml infra/examples/*.yaml

imports: setup
	@PYTHONPATH=functions:infra/cli $(BIN)/lint-imports

catalog: setup ## check the catalog, with EXPLAIN in the source database, or in an embedded Postgres
	@$(BIN)/resma check

language: setup ## search for words that STYLE.md replaces by standard terms: ONLY=(paths), COUNT=1 prints numbers only
	@$(BIN)/python -m infra.checks.language $(if $(COUNT),--count) $(if $(ONLY),--only $(ONLY))

dependencies: setup ## check pins, hashes, licenses and use of dependencies, without a network
	@$(BIN)/python -m infra.checks.dependencies check

unit: setup
	@$(BIN)/python -m pytest tests/unit -q -m "not slow and not long" --numprocesses=2 --dist=worksteal

integration: setup setup-sam
	@$(BIN)/python -m pytest tests/integration -q

e2e: setup
	@$(BIN)/python -m pytest tests/e2e -q

test: tools-test setup setup-sam setup-readers setup-generators setup-oidc ## unit, integration (real Postgres, moto), e2e (the whole stack)
	@rm -rf .resma/kept
	@RESMA_KEEP_FILES=$(CURDIR)/.resma/kept $(BIN)/python -m tests.everything
	@PYTHONPATH=functions $(BIN)/python -m tests.support.accept_files .resma/kept

test-long: tools-test setup setup-sam setup-readers setup-generators setup-oidc ## the tests that take minutes, which `make test` omits: chaos run, clients in Go and Java, all targets of the package
	@# Apart, because the stack of the end-to-end tests runs until their session ends, and unit tests block sockets.
	@$(BIN)/python -m pytest -m long tests/e2e; code=$$?; $(BIN)/python -m pytest -m long --ignore=tests/e2e tests && exit $$code

coverage: ## `make test` that measures the coverage of unit and integration tests; .resma/coverage.txt has each module's lines and branches
	@RESMA_COVERAGE=1 $(MAKE) --no-print-directory test

fuzz: tools-fuzz setup ## run the random searches of the tests with a new seed: SEED=(random), ROUNDS=1
	@PYTHONPATH=functions $(BIN)/python -m tests.fuzz

bench: setup setup-bench ## compare with other libraries: QUICK=1 omits the slow ones, FULL=1 adds 20 million rows
	@PYTHONPATH=functions RESMA_CATALOG=$(CURDIR)/infra/demo/catalog .resma/venv-bench/bin/python -m tests.bench

chaos: setup ## generate reports with fault injection, and verify them: REPORTS=500, SEED=(random), OUTAGES=1, LONGEST=600, QUICK=1
	@PYTHONPATH=functions $(BIN)/python -m tests.chaos

fairness: setup ## measure how long one report waits behind 300 of another tenant: REPORTS=300
	@PYTHONPATH=functions $(BIN)/python -m tests.load.fairness

split-run: setup ## generate and verify a split report of account statements: KEYS=1000, FORMAT=PDF, WORKERS=2, ZIP=1
	@PYTHONPATH=functions $(BIN)/python -m tests.load.split_run

sftp-run: setup ## deliver a large file by SFTP to an OpenSSH server on this machine: BYTES=2000000000, SECONDS=600
	@PYTHONPATH=functions $(BIN)/python -m tests.load.sftp_run

openpgp-run: setup ## encrypt a large file by OpenPGP, and decrypt it with GnuPG: BYTES=2000000000
	@PYTHONPATH=functions $(BIN)/python -m tests.load.openpgp_run

load: setup ## send 1,000 requests, 50 concurrently, and verify that none is lost: POSTS=1000, AT_ONCE=50
	@PYTHONPATH=functions $(BIN)/python -m tests.load

cli: setup ## build the wheel and the source distribution of the client, into .resma/dist
	@$(BIN)/python -m infra.release client

release-files: setup setup-sam ## build all files of a release and their checksums, into .resma/dist
	@$(BIN)/python -m infra.release all

second-emulator: setup setup-second-emulator ## generate a report on a second emulator of AWS, ministack: FORMAT=CSV
	@PYTHONPATH=functions $(BIN)/python -m tests.second_emulator

check-build: setup ## compare the package of `sam build` with what will be deployed: STAGE=dev
	@$(BIN)/python -m infra.checks.dependencies built

audit: setup ## find known vulnerabilities (needs a network), and Lambda runtimes that AWS no longer supports
	@$(BIN)/python -m infra.checks.dependencies runtimes
	@$(BIN)/python -m infra.checks.dependencies audit

pictures: tools-pictures setup ## draw docs/pictures again (needs LibreOffice and Chromium)
	@PYTHONPATH=functions RESMA_CATALOG=$(CURDIR)/infra/demo/catalog $(BIN)/python -m tests.pictures

locales: setup ## write the formats of locales from Babel's copy of the CLDR, after an update of Babel
	@$(BIN)/python -m infra.locales

lock: setup ## update the lock files, after a change in pyproject.toml
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --extra scripts -o functions/requirements.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --extra scripts --group local --group test -c functions/requirements.txt -o infra/requirements/dev.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group deploy -c functions/requirements.txt -o infra/requirements/deploy.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group build -o infra/requirements/build.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group local --group bench -c functions/requirements.txt -o infra/requirements/bench.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group pyproject.toml:generators -o infra/requirements/generators.txt
	@.resma/uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group pyproject.toml:second-emulator -o infra/requirements/second-emulator.txt

clean: down ## stop the stack and remove all of .resma
	@rm -rf .resma .aws-sam
