# Each of these commands needs only Python and make on a machine; it sets up the rest.
# Works with GNU make 3.81, which is what macOS has.
.DEFAULT_GOAL := help
.PHONY: help lab demo test speed-guard fuzz notebooks chaos notebooks-write course lint bench bench-volume lock clean

BIN := .venv/bin
SEED := 1
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

lab: ## set up, start the lab and JupyterLab on the first notebook
	@sh tools/setup.sh lab
	@$(BIN)/labkit lab $(LAB)

demo: ## set up, run the sync-or-async experiment in this terminal
	@sh tools/setup.sh lab
	@$(BIN)/labkit demo

test: ## set up, run lint, types, all tests (4 at a time), notebooks, and look for processes left behind
	@sh tools/setup.sh dev
	@bash tools/test.sh

speed-guard: ## set up, check that the cost of each path over its baseline is below a bound: half a minute, alone on the machine
	@sh tools/setup.sh dev
	@$(BIN)/pytest tests/speed

fuzz: ## set up, send the gateway what its OpenAPI document allows and forbids
	@sh tools/setup.sh dev
	@$(BIN)/pytest tests/fuzz

# RESOLUTION=lowest-direct takes the oldest versions that pyproject.toml allows.
notebooks: ## set up, run the notebooks and nats-py's tests with the newest allowed versions, not the locked ones (RESOLUTION=)
	@sh tools/setup.sh dev
	@sh tools/notebooks.sh $(or $(RESOLUTION),highest)

notebooks-write: ## set up, make the learner's notebooks from notebooks/source
	@sh tools/setup.sh dev
	@$(BIN)/python -m tools.course write

# ONLY=01 proves one notebook.
course: ## set up, prove the course: notebooks current, every exercise three ways, all cells under nbval (ONLY=01)
	@sh tools/setup.sh dev
	@sh tools/course.sh $(ONLY)

chaos: ## set up, run the long chaos suite: half an hour on a lab, a quarter of an hour on a cluster (SEED=1)
	@sh tools/setup.sh dev
	@$(BIN)/python -m tests.chaos --seconds 1800 --pause 6 --seed $(SEED)
	@$(BIN)/python -m tests.chaos --seconds 900 --pause 6 --rate 20 --seed $(SEED) --cluster

lint: ## set up, check style, format and types only
	@sh tools/setup.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# ONLY=accept,sync measures these rows; QUICK=1 measures in short rounds; DOCS=1 writes the whole table into the documents.
bench: ## set up, measure every path next to its baseline: 5 min, alone on the machine (QUICK=1, ONLY=rows, DOCS=1)
	@sh tools/setup.sh dev
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(DOCS),--docs)

# VOLUME=200000 uses fewer calls: 2 min.
bench-volume: ## set up, check that costs and memory stay within their bounds after a million calls: 2 to 10 min
	@sh tools/setup.sh dev
	@$(BIN)/python -m benchmarks --volume $(or $(VOLUME),1000000)

# The lock for tests takes the versions of the first, so learners run what was tested.
lock: ## update the lock files after a change of pyproject.toml (UPGRADE=--upgrade takes newer versions)
	@sh tools/setup.sh dev
	@echo "uv>=0.9,<1" | $(UV_COMPILE) --no-annotate --output-file requirements-uv.lock -
	@$(UV_COMPILE) --extra build --output-file requirements.lock pyproject.toml
	@$(UV_COMPILE) --extra build --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock pyproject.toml
	@$(UV_COMPILE) --no-annotate --constraint requirements.lock \
		--output-file deploy/requirements.lock deploy/requirements.in
	@sh tools/setup.sh dev

clean: ## remove the environment and caches (a lab's state is in .labkit)
	@rm -rf .venv .mypy_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
