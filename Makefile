PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lint types bench weights check

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10
demo: $(BIN)/.ready ## fuse and score synthetic pairs with the shipped weights, into demo-out/
	$(BIN)/mmdrfuse demo demo-out --overwrite
test: $(BIN)/.ready ## run every test
	$(BIN)/python -m pytest
lint: $(BIN)/.ready ## style and format
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
types: $(BIN)/.ready ## mypy, strict, over the packages under the names that they install as
	mkdir -p build/types/mmdrfuse && ln -sfn $(CURDIR)/mmdrfuse/* $(CURDIR)/datasets $(CURDIR)/cli build/types/mmdrfuse/ && cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p mmdrfuse
bench: $(BIN)/.ready ## time the engine against torch and print the scores beside it
	$(BIN)/python benchmarks/engine.py
check: lint types test ## what CI runs

$(BIN)/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]' && touch $@
