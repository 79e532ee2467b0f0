# One command each; `make help` lists them. From elsewhere: make -C <directory> <verb>
.DEFAULT_GOAL := help
SHELL := /bin/sh
# What makes the environment: any Python from 3.11 on. Afterwards only the environment's own is used.
PYTHON ?= python3
# Which tests `make test` runs.
WHERE ?= tests
# Which broker `make run` starts: tansu, or kafka where Java and Maven are.
BROKER ?= $(WARDENRY_BROKER)
# How many processes `make faults` kills and by which seed, a new one without; how many sessions it ends while in use.
KILLS ?= 50
SEED ?=
ROUNDS ?= 50
run demo: export WARDENRY_BROKER := $(BROKER)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help run demo test faults mutants bench check protos lock clean .venv

help: ## list these verbs
	@sed -n 's/^\([a-z.]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

run: .venv ## start everything on this machine and print its address; Ctrl-C stops it
	@exec python -m deploy.local

demo: .venv ## drive the main job through the running stack, or one of its own, and show what happens
	@exec python -m deploy.local.demo

test: .venv ## run the whole suite; WHERE=tests/unit runs a part of it
	@exec python -m pytest -n 2 --dist loadgroup $(WHERE)

faults: .venv ## kill processes at random under load and judge what is left; KILLS=50 SEED=7 ROUNDS=50
	@python -m tests.faults --kills $(KILLS) $(if $(SEED),--seed $(SEED))
	@ROUNDS=$(ROUNDS) python -m pytest -q -s tests/faults/test_revocation_in_use.py

mutants: .venv ## take away one guard at a time, in a copy; its test must fail
	@exec python -m tests.mutants

bench: .venv ## measure each goal beside its limit; ROWS=R1,T1 some rows, JSON=file where, QUICK=1 ten seconds a row
	@exec python -m tests.bench $(if $(ROWS),--rows $(ROWS)) $(if $(JSON),--json $(JSON)) $(if $(filter-out 0,$(QUICK)),--quick)

check: .venv ## lint, types, import contracts, protos, SQL
	@exec sh deploy/check

protos: .venv ## generate from protos/ what is committed: the stubs, and the description of the JSON API
	@bash protos/generate && python -m services.gateway.description

lock: .venv ## write requirements.lock anew from pyproject.toml; what still fits keeps its version
	@exec uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --all-extras pyproject.toml -o requirements.lock

clean: ## remove the environment and caches; your data in .wardenry stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: .venv/.ready

.venv/.ready: requirements.lock deploy/environment
	@PYTHON='$(PYTHON)' sh deploy/environment
