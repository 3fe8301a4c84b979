# Every verb sets up what it needs in $(VENV) by itself, once for each change of the lock.
# Choose an interpreter with `make PYTHON=/path/to/python3.12 test`, another place with `make VENV=/tmp/venv test`.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?= python3 python3.13 python3.12 python3.11
BIN := $(VENV)/bin
# Bytecode is written when a module is first imported: half the time of an installation was compiling what is never used.
# Where the environment forbids that, every start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
# The build backend is in the lock, so that nothing unlocked is fetched.
INSTALL_TAUON := $(PIP) --no-deps --no-build-isolation --editable .

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "NAME", $$1); printf "  make %-12s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.installed-demo ## real jobs run, move and are billed on this machine
	@$(BIN)/tauon demo

.PHONY: test
test: $(VENV)/.installed-dev ## the whole test suite (ARGS="-k name" for a part of it)
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(VENV)/.installed-dev ## style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.installed-dev ## strict type checks
	@$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.installed-dev ## which room may import which
	@$(BIN)/lint-imports --no-logo

.PHONY: docs
docs: $(VENV)/.installed-dev ## write the generated pages, build the site into site/
	@$(BIN)/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: check
check: lint types contracts docs test ## all of the above but the demo

bench-%: $(VENV)/.installed-dev ## a benchmark of benchmarks/, for example bench-core
	@$(BIN)/python -m benchmarks.$(subst -,_,$*) $(ARGS)

.PHONY: lock
lock: ## renew requirements/*.txt from pyproject.toml (ARGS=--upgrade for newer releases)
	@$(MAKE) --no-print-directory VENV=build/lock-venv build/lock-venv/.created
	@build/lock-venv/bin/python -m pip --disable-pip-version-check install --quiet 'uv>=0.9,<1'
	@build/lock-venv/bin/uv $(UV_COMPILE) --extra postgres --extra demo --extra bill --extra plan --extra checkpoints --group dev --output-file requirements/dev.txt $(ARGS)
	@build/lock-venv/bin/uv $(UV_COMPILE) --extra demo --group build --constraint requirements/dev.txt \
		--output-file requirements/demo.txt $(ARGS)

# One resolution for all supported Python versions; no index address is written.
UV_COMPILE := pip compile pyproject.toml --quiet --universal --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

.PHONY: web
web: web/node_modules/.installed ## build the web page into the package (needs Node 20 or newer)
	@cd web && npm run --silent build

.PHONY: web-test
web-test: web/node_modules/.installed $(VENV)/.installed-dev ## types and tests of the page, in Chromium too where it is installed
	@cd web && npm run --silent types && npm run --silent test
	@cd web && npm run --silent build
	@cd web && TAUON_PYTHON=$(abspath $(BIN)/python) npm run --silent browser

.PHONY: web-pictures
web-pictures: web/node_modules/.installed $(VENV)/.installed-dev ## the pictures of the page that the docs show
	@cd web && npm run --silent build
	@cd web && TAUON_PYTHON=$(abspath $(BIN)/python) npm run --silent pictures

.PHONY: clean
clean: ## remove the environment and everything built
	@rm -rf $(VENV) build dist site web/node_modules src/tauon/api/page_files .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------- set-up

$(VENV)/.created:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "error: Python 3.11 or newer is needed and none of these is one: $(PYTHON). Try make PYTHON=/path/to/python3." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
		echo "error: $$found has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.installed-demo: requirements/demo.txt pyproject.toml | $(VENV)/.created
	@echo "Installing what the demo needs"
	@$(PIP) --require-hashes --requirement requirements/demo.txt
	@$(INSTALL_TAUON)
	@touch $@

# The development lock holds the demo's at the same versions, so its stamp serves both.
$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml | $(VENV)/.created
	@echo "Installing what the tests and checks need"
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@$(INSTALL_TAUON)
	@touch $@ $(VENV)/.installed-demo
