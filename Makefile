# The two commands a newcomer needs are `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 \
  || command -v python3)
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate -q
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: help demo test unit format lock clean

help:            ## Show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /' | sort

demo:            ## Run the whole graph on sample tenants and print the reports it made
	@$(PYTHON) .ci/setup.py demo
	@$(BIN)/reviewgraph demo

test:            ## Install what is missing, run every check and every test
	@$(PYTHON) .ci/setup.py test
	@$(BIN)/python .ci/checks.py

unit:            ## Only the tests that need no server
	@$(BIN)/pytest tests/unit

format:          ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock:            ## Renew both locks from pyproject.toml (names, versions, hashes)
	@$(COMPILE) --extra test -c requirements-test.lock -o requirements-test.lock
	@$(COMPILE) -c requirements-test.lock -o requirements.lock

clean:           ## Remove the local data and the caches (keeps .venv)
	@rm -rf .reviewgraph .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* \
	  dbt_project/target
