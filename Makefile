# The jobs of the house. `make` alone lists them. Each one sets up what it needs.
#
#   WHEELHOUSE=FOLDER|none   where Python packages come from first (scripts/setup)
#   ARGS=...                 passed on to the program that the job runs
#   MODE=container           every party in a container of its own; process is the default (conformance)
#   FILTER=...               only cases whose name contains this (conformance)
#   REQUIRE=dotnet           without dotnet, fail instead of leaving its pairs out (conformance)
#   QUICK=1                  a smoke run (bench)
#   BASE=COMMIT              what this tree is compared with (bench-compare); by default HEAD: what changed and is no commit yet
#   LENGTH=full              long histories and large amounts as well (test, conformance); all axes (bench)
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup proto lint test conformance test-kit bench bench-micro bench-scale bench-alternatives bench-report bench-compare clean

# Unset means "try the default"; an empty value would mean the same to scripts/setup.
export WHEELHOUSE
export LENGTH

help: ## list the jobs
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## set up Python tools in .venv/, .NET packages and buf; says where they come from
	@scripts/setup

proto: ## generate the Python wire code from proto/
	@scripts/proto

lint: ## check style, types, layers, the contract and what is generated from it
	@scripts/setup python
	@scripts/lint

test: ## run the unit and end-to-end tests, Python and .NET
	@scripts/setup python
	@scripts/test $(ARGS)

conformance: ## run every scenario over every pair of languages; ends with the matrix
	@scripts/setup python
	@scripts/conformance $(if $(MODE),--mode '$(MODE)') $(if $(FILTER),--filter '$(FILTER)') $(if $(LENGTH),--length '$(LENGTH)') $(if $(REQUIRE),--require '$(REQUIRE)') $(ARGS)

test-kit: ## run implementations with one bug each: the kit must catch them all; ends with the kill matrix
	@scripts/setup python
	@scripts/test-kit $(ARGS)

bench: ## measure calls and events over every pair of languages, JSON against protobuf
	@scripts/setup python
	@scripts/bench $(if $(QUICK),--quick,$(if $(LENGTH),--length '$(LENGTH)')) $(ARGS)
	@$(if $(filter full,$(LENGTH)),.venv/bin/python bench/scale.py --length full < /dev/null,:)

bench-micro: ## measure codec, frames, core and in-process runtime alone, in each language
	@scripts/setup python
	@scripts/bench-micro $(ARGS)

bench-scale: ## measure how the broker bends with subscriptions, agents, sessions and payload
	@scripts/setup python
	@.venv/bin/python bench/scale.py $(if $(QUICK),--length quick,$(if $(LENGTH),--length '$(LENGTH)')) $(ARGS) < /dev/null

bench-alternatives: ## measure Parley beside AutoGen, NATS, JetStream, Redis Streams, RabbitMQ and a bare stream
	@scripts/setup python
	@scripts/bench-alternatives
	@.venv/bin/python bench/run.py --length alternatives --output build/bench/alternatives.json $(ARGS)

bench-compare: ## measure this tree against the commit BASE in one run; fails where it became slower
	@scripts/setup python
	@.venv/bin/python bench/run.py compare '$(or $(BASE),HEAD)' $(ARGS)

bench-report: ## make one page of what the bench has measured, with pictures: build/bench/report.html
	@scripts/setup python
	@.venv/bin/python bench/run.py report $(ARGS)

clean: ## remove what was built; .venv/ and downloaded packages stay
	@rm -rf build python/build conformance/build
	@find . \( -name .venv -o -name node_modules -o -name .git \) -prune -o -type d \
	  \( -name __pycache__ -o -name .pytest_cache -o -name .mypy_cache -o -name .ruff_cache -o -name .hypothesis \
	  -o -name .import_linter_cache -o -name .benchmarks \) -print0 | xargs -0 rm -rf
	@find dotnet conformance/adapters examples bench -type d \( -name bin -o -name obj \) -prune -print0 2> /dev/null | xargs -0 rm -rf
