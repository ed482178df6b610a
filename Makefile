bin := .venv/bin
ready := .venv/.ready

.PHONY: help up demo test test-containers check audit golden bench fuzz faults clean contracts asyncapi
.DEFAULT_GOAL := help

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

up: $(ready) ## the whole system on this machine, data under .niangjia/
	$(bin)/niangjia up

demo: $(ready) ## scripted stories: the craftsman loan, the shared helmets, mutual medical aid
	$(bin)/niangjia demo
	$(bin)/niangjia demo lending
	$(bin)/niangjia demo aid

test: $(ready) ## the tests, on embedded PostgreSQL and NATS
	$(bin)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-containers: $(ready) ## the same tests on the official images (needs a Docker engine)
	NIANGJIA_TEST_SERVERS=containers $(bin)/pytest

check: $(ready) ## style, types, the direction of imports, that uv.lock is of pyproject.toml, known vulnerabilities of it
	.tools/uv/bin/uv lock --quiet --check --offline
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/mypy examples/bank/bank.py examples/hospital/hospital.py
	$(bin)/lint-imports
	.ci/audit

golden: $(ready) ## record new events among the golden ones; refuses a change that would make recorded events unreadable
	$(bin)/python -m tests.shared.schemas.golden

contracts: $(ready) ## what banks and hospitals build on, from the languages: JSON Schemas and AsyncAPI under docs/contracts
	$(bin)/python -m deploy.nats.contract

asyncapi: contracts ## the contracts, by AsyncAPI's official parser (needs node and npm)
	npm install --prefix .tools/asyncapi --no-save --ignore-scripts --no-audit --no-fund --loglevel=error @asyncapi/parser@3.6.6
	node deploy/nats/asyncapi.mjs docs/contracts/*.asyncapi.json

audit: $(ready) ## known vulnerabilities of what is locked; asks the advisories on the internet, and fails without
	.ci/audit must

bench: $(ready) ## the measurements, against their aims (about ten minutes; ROUNDS=2 SECONDS=1 shorten it)
	$(bin)/python -m tests.bench

fuzz: $(ready) ## bytes for every command and query, guided by atheris, which is fetched for it (SECONDS=60)
	.tools/uv/bin/uv run --no-sync --with atheris==3.1.0 python -m tests.security.fuzz

faults: $(ready) ## a seeded run of faults under work, checked at the end (SECONDS=1800 SEED=7; five minutes and a new seed without)
	$(bin)/python -m tests.faults

clean: ## the environment and all caches; never the data
	rm -rf .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.niangjia/*' -exec rm -rf {} +

$(ready): pyproject.toml uv.lock .python-version .ci/environment
	@.ci/environment
	@touch $@
