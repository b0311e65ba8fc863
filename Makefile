# The commands of holdfast. `make run` and `make test` need Python >= 3.11 and make, nothing else prepared.
PY := .venv/bin/python
BIN := .venv/bin
PYTEST_FLAGS ?=

.PHONY: help run test check format unit bench soak clean servers

help:
	@echo "make run    start the quickstart: backends, DNS on 127.0.0.1:5335, planner, probers, three enactors"
	@echo "make test   every check: format, lint, types, import contracts, tests, real servers, the laboratory's sample"
	@echo "make check  format, lint, types, import contracts only"
	@echo "make soak   long storms and campaigns on real servers (an hour or more)"
	@echo "make bench  benchmarks beside the peers; raw output in benchmarks/out/"

.venv/.run: requirements/run.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh requirements/run.txt
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh requirements/dev.txt
	@touch $@ .venv/.run

servers:
	@sh scripts/servers.sh

run: .venv/.run
	@$(BIN)/holdfast demo up examples/quickstart.toml

check: .venv/.dev
	@$(BIN)/ruff format --check src tests benchmarks scripts examples
	@$(BIN)/ruff check src tests benchmarks scripts examples
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/holdfast audit

format: .venv/.dev
	@$(BIN)/ruff format src tests benchmarks scripts examples
	@$(BIN)/ruff check --fix src tests benchmarks scripts examples

unit: .venv/.dev
	@$(PY) -m pytest tests/unit $(PYTEST_FLAGS)

test: .venv/.dev servers check
	@$(PY) -m pytest -n 2 --dist loadgroup -m "not soak" $(PYTEST_FLAGS) tests

soak: .venv/.dev servers
	@$(PY) -m pytest -m soak -s $(PYTEST_FLAGS) tests

bench: .venv/.dev servers
	@$(PY) benchmarks/run.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache benchmarks/out .holdfast
