# `make` prints what there is. A machine needs python3 (3.11 or newer) and make; everything else comes from PyPI.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test check audit bench bench-overview bench-orders bench-stock bench-reconcile prove openapi lock \
	clean assets runtime-ready dev-ready python-ready

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	then echo $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
# Where npm is missing, a Python package brings it.
NPM = $(shell command -v npm 2>/dev/null || echo $(BIN)/python -m console.npm)
# More than there are cores: tests of whole gateways mostly wait.
JOBS ?= 3

##@ Use it

demo: runtime-ready assets ## Run everything and show the main job. ONCE=1 ends after it is verified, JSON=1 prints JSON
	@$(BIN)/python cli.py demo $(if $(ONCE),--once) $(if $(JSON),--json)

up: runtime-ready assets ## Run everything on this machine until Ctrl-C
	@$(BIN)/python cli.py up $(if $(JSON),--json)

assets: runtime-ready ## Install what the dashboard's pages load, by the names in package.json (once)
	@cmp -s package-lock.json node_modules/.installed || { \
		echo "Installing what the dashboard loads into node_modules (once) ..."; \
		{ $(NPM) ci --no-progress >$(VENV)/assets.log 2>&1 && cp package-lock.json node_modules/.installed; } || { \
		tail -n 5 $(VENV)/assets.log; echo "The dashboard works without, and looks plain. The log is $(VENV)/assets.log"; }; }

##@ Develop

test: dev-ready assets ## Run every test on real PostgreSQL, a real Temporal server and the stand-ins (TESTS=, JOBS=, ARGS=)
	@$(BIN)/python -m pytest $(TESTS) -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: dev-ready ## Lint, format, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

audit: dev-ready ## Look up the pinned dependencies among known vulnerabilities (needs the network: 1 some are known, 2 nobody could be asked)
	@sh deploy/audit.sh $(BIN)/python

bench: dev-ready ## Measure the promises: latency and throughput
	@$(BIN)/python -m bench.latency $(ARGS)

bench-overview: dev-ready assets ## Measure the dashboard's first page with a million changes behind it
	@$(BIN)/python -m bench.overview $(ARGS)

bench-orders: dev-ready ## Measure how long an order takes from Salesforce to the ERP's folder: by hook, by message, by polling
	@$(BIN)/python -m bench.order_latency $(ARGS)

bench-stock: dev-ready ## Measure a stock export of 200,000 rows until Salesforce shows what changed (slow)
	@$(BIN)/python -m bench.stock_feed $(ARGS)

bench-reconcile: dev-ready ## Measure the reconciliation of 50,000 invoices and 100,000 rows of stock (slow)
	@$(BIN)/python -m bench.reconcile $(ARGS)

prove: dev-ready assets ## Break every step of invoicing, shuffle what stock is made of, hold the API to its description, live a week of orders (slow; WEEK=)
	@THREEWAY_TEST_PROOFS=1 $(BIN)/python -m pytest tests/browser -q --timeout 600
	@THREEWAY_TEST_PROOFS=1 $(BIN)/python -m pytest tests --ignore tests/browser -m proof -n $(JOBS) --dist loadfile --no-loadscope-reorder -q --timeout 600
	@$(BIN)/python -m bench.exactly_once --seeds 100 $(ARGS)
	@THREEWAY_TEST_DEATHS=1 THREEWAY_TEST_WALKS=60 $(BIN)/python -m pytest tests/activities/test_credit_failures.py tests/activities/test_correction_walk.py -q --timeout 1800
	@THREEWAY_TEST_ARRIVALS=150 $(BIN)/python -m pytest tests/activities/test_stock_arrivals.py -q --timeout 1800
	@THREEWAY_TEST_EXAMPLES=100 $(BIN)/python -m pytest tests/api/test_contract.py -q --timeout 3600
	@THREEWAY_TEST_FUZZ=10000 $(BIN)/python -m pytest tests/api/test_fuzz.py -q --timeout 3600
	@THREEWAY_TEST_WEEK=1 $(BIN)/python -m pytest tests/e2e/test_order_week.py -q --timeout 1800
	@$(BIN)/python -m bench.drift --alterations 300 --seeds 7 23
	@mkdir -p build
	@$(BIN)/python -m bench.week --orders 500 --calm --json build/calm.json $(WEEK)
	@$(BIN)/python -m bench.week --orders 500 --kills 12 --like build/calm.json $(WEEK)

openapi: dev-ready ## Renew openapi.json, the description of the API
	@$(BIN)/python -m api openapi.json

lock: dev-ready ## Renew both lock files: versions and hashes, no addresses (UPGRADE=1 takes the newest)
	@$(BIN)/uv pip compile requirements.in --output-file requirements.lock $(COMPILE) $(if $(UPGRADE),--upgrade)
	@$(BIN)/uv pip compile requirements-dev.in --output-file requirements-dev.lock $(COMPILE) $(if $(UPGRADE),--upgrade)

clean: ## Remove the environment, caches and the embedded data (.threeway)
	rm -rf $(VENV) node_modules .threeway .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Help

help: ## Print this
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

python-ready:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it or run make PYTHON=/path/to/python3"; exit 1; }

# $(1): lock file. The environment holds a copy of the lock that it was made from: the same content needs no work.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); echo "Python cannot make environments; install its venv package (Debian: python3-venv)"; exit 1; }
	@cmp -s $(1) $(VENV)/$(1) || { \
		echo "Installing $(1) into $(VENV) (once) ..."; \
		PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --require-hashes -r $(1) \
			>$(VENV)/install.log 2>&1 || { tail -n 30 $(VENV)/install.log; \
			echo "Installing failed; the whole log is in $(VENV)/install.log"; exit 1; }; \
		cp $(1) $(VENV)/$(1); }
endef

runtime-ready: python-ready
	$(call install,requirements.lock)
	@test -x $(BIN)/threeway || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .

dev-ready: runtime-ready
	$(call install,requirements-dev.lock)
