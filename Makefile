# Set-up, the demo, and the checks. Every target may be run again at any time; what is already there is not done twice.

PYTHON_IN_VENV := .venv/bin/python
DEMO := $(PYTHON_IN_VENV) -m rveval -m alpha=-1,0,0.5,1 study=demo limit=500

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint slow golden clean

help:  ## show this list
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup:  ## create .venv and install everything into it
	@scripts/setup.sh

demo: setup  ## the main job, offline: the tiny family over alpha = -1, 0, 0.5, 1
	HF_HUB_OFFLINE=1 $(DEMO)

test: lint  ## lint, types and the quick tests
	$(PYTHON_IN_VENV) -m pytest

lint: setup  ## ruff and mypy
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m mypy --strict

slow: setup  ## the tests that take minutes
	$(PYTHON_IN_VENV) -m pytest -m "slow and not gpu"

golden: setup  ## run the golden studies: is every answer and number still what was recorded?
	$(PYTHON_IN_VENV) scripts/golden.py check

clean:  ## remove .venv and the caches of the tools; results (runs/, report/) stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
