# `make` lists the commands. Each is one module in tools/commands/, and prints the terraform commands it runs.

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash

# The first Python of at least 3.11 on PATH.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
SET_UP = $(if $(PYTHON),,$(error No Python of at least 3.11 is on PATH; install one, or name it: make PYTHON=/path/to/python3))$(PYTHON) tools/commands/setup.py
# Set-up is part of every command, and quick when there is nothing to do.
RUN = $(SET_UP) && .venv/bin/python -m

# A shell may export ENV or NAME for its own ends: only what is written after `make` counts.
# Values are taken as they were written: make would run what stands in $(shell …).
given = $(if $(filter command line,$(origin $(1))),$(if $(value $(1)),--$(2)='$(subst ','\'',$(value $(1)))'))
override PROMPT := $(value PROMPT)
export PROMPT
needs = $(if $(filter command line,$(origin $(1))),,$(error $@ needs $(1)=, for instance: make $@ $(2)))
UNMASK_FLAG = $(if $(filter command line,$(origin UNMASK)),--unmask)
JSON_FLAG = $(if $(filter command line,$(origin JSON)),--json)
ENV_FLAG = $(call needs,ENV,ENV=local)$(call given,ENV,env)
TENANT_FLAG = $(call needs,TENANT,ENV=local TENANT=acme)$(call given,TENANT,tenant)

##@ See it work, on this machine alone

.PHONY: demo
demo: ## The main job on a local AWS: three tenants, their records, and every attack refused
	@$(RUN) tools.commands.demo

.PHONY: test
test: ## All tests: style, types, Terraform plans, the handler, the local AWS, end to end
	@$(RUN) tools.commands.test

.PHONY: up
up: ## Start a local AWS that stays, for ENV=local; prints what to export to use it by hand
	@$(RUN) tools.commands.local up

.PHONY: down
down: ## Stop it
	@$(RUN) tools.commands.local down

##@ Run an environment: ENV=local, dev or prod; TENANT= for one tenant; JOBS= customer accounts at a time

.PHONY: bootstrap
bootstrap: ## ENV= · make the state bucket in the operations account, once
	@$(RUN) tools.commands.bootstrap $(ENV_FLAG)

.PHONY: tenant
tenant: ## ENV= NAME= ACCOUNT= · add a tenant's stanza with a freshly minted ExternalId
	@$(RUN) tools.commands.tenant $(ENV_FLAG) $(call needs,NAME,ENV=dev NAME=acme ACCOUNT=222222222222)$(call given,NAME,name) \
		$(call needs,ACCOUNT,ENV=dev NAME=acme ACCOUNT=222222222222)$(call given,ACCOUNT,account)

.PHONY: rotate
rotate: ## ENV= TENANT= [CONFIRM=] · the next step to a new ExternalId, with no failed call in between
	@$(RUN) tools.commands.rotate $(ENV_FLAG) $(TENANT_FLAG) $(call given,CONFIRM,confirm)

.PHONY: deployer
deployer: ## ENV= TENANT= [ACCOUNT=] · print the role a customer makes once so that Terraform may work there
	@$(RUN) tools.commands.deployer $(ENV_FLAG) $(TENANT_FLAG) $(call given,ACCOUNT,account)

.PHONY: package
package: ## [ARCH=arm64] · build the zip for Lambda, its contents and its SBOM; ARCH=x86_64 for Intel
	@$(RUN) tools.commands.package $(call given,ARCH,architecture)

.PHONY: init
init: ## ENV= [TENANT=] · point every state at its backend
	@$(RUN) tools.commands.init $(ENV_FLAG) $(call given,TENANT,tenant) $(call given,JOBS,jobs)

.PHONY: plan
plan: ## ENV= [TENANT=] · what an apply would change
	@$(RUN) tools.commands.plan $(ENV_FLAG) $(call given,TENANT,tenant) $(call given,JOBS,jobs)

.PHONY: prove
prove: ## ENV= [PLAN=] [STATE=1] [JSON=1] · prove that no tenant can reach another; PLAN= of plans as JSON
	@$(RUN) tools.commands.prove $(ENV_FLAG) $(call given,PLAN,plan) $(call given,STATE,state) $(JSON_FLAG) $(call given,JOBS,jobs)

.PHONY: apply
apply: ## ENV= [TENANT=] · the operations account, then every customer account
	@$(RUN) tools.commands.apply $(ENV_FLAG) $(call given,TENANT,tenant) $(call given,JOBS,jobs)

.PHONY: output
output: ## ENV= [TENANT=] [JSON=1] · roles, functions and log groups
	@$(RUN) tools.commands.output $(ENV_FLAG) $(call given,TENANT,tenant) $(JSON_FLAG)

.PHONY: handover
handover: ## ENV= TENANT= [ACCOUNT=] [JSON=1] · tfvars for a customer who applies the module alone
	@$(RUN) tools.commands.handover $(ENV_FLAG) $(TENANT_FLAG) $(call given,ACCOUNT,account) $(JSON_FLAG)

.PHONY: invoke
invoke: ## ENV= TENANT= PROMPT= [ACCOUNT=] [MODEL=] [JSON=1] · one real call through the tenant's Lambda
	@$(RUN) tools.commands.invoke $(ENV_FLAG) $(TENANT_FLAG) $(call given,ACCOUNT,account) $(call given,MODEL,model) $(JSON_FLAG)

.PHONY: logs
logs: ## ENV= TENANT= [ACCOUNT=] [SINCE=] [UNTIL=] [MODEL=] [ERROR=] [UNMASK=1] [JSON=1] · the tenant's records, as a table
	@$(RUN) tools.commands.logs $(ENV_FLAG) $(TENANT_FLAG) $(call given,ACCOUNT,account) $(call given,SINCE,since) \
		$(call given,UNTIL,until) $(call given,MODEL,model) $(call given,ERROR,error) $(UNMASK_FLAG) $(JSON_FLAG)

.PHONY: gaps
gaps: ## ENV= TENANT= [SINCE=] [UNTIL=] [JSON=1] · records against Bedrock's own counts: what is unaccounted for
	@$(RUN) tools.commands.gaps $(ENV_FLAG) $(TENANT_FLAG) $(call given,SINCE,since) $(call given,UNTIL,until) $(JSON_FLAG)

.PHONY: capacity
capacity: ## ENV= [JSON=1] · how full AWS's limits are, and how many more tenants fit
	@$(RUN) tools.commands.capacity $(ENV_FLAG) $(JSON_FLAG)

.PHONY: accounts
accounts: ## ENV= [TENANT=] [JSON=1] · the customer accounts; as JSON, a matrix for CI
	@$(RUN) tools.commands.accounts $(ENV_FLAG) $(call given,TENANT,tenant) $(JSON_FLAG)

.PHONY: rollout
rollout: ## ENV= PART=operations, or PART="TENANT/ACCOUNT …" · apply one part, as each job of CI does
	@$(RUN) tools.commands.rollout $(ENV_FLAG) $(call needs,PART,ENV=dev PART=operations)$(call given,PART,part) $(call given,JOBS,jobs)

.PHONY: destroy
destroy: ## ENV= [TENANT=] · remove the workloads, then the roles; records and their keys stay
	@$(RUN) tools.commands.destroy $(ENV_FLAG) $(call given,TENANT,tenant) $(call given,JOBS,jobs) $(call given,CONFIRM,confirm)

##@ Work on the project

.PHONY: check
check: ## Style and types, without the tests
	@$(RUN) tools.commands.test --only-checks

.PHONY: bench
bench: ## [ONLY=cold|plan|prove|record…] [SIZES=] [RUNS=] [CALLS=] [README=1] · measure what README promises; figures go to build/bench
	@$(RUN) tools.commands.bench $(call given,ONLY,only) $(call given,SIZES,sizes) $(call given,REFERENCE,reference) \
		$(call given,RUNS,runs) $(call given,CALLS,calls) $(if $(filter command line,$(origin README)),--readme)

.PHONY: lock
lock: ## Refresh the hash-locked requirement files from pyproject.toml
	@$(RUN) tools.commands.lock

.PHONY: setup
setup:
	@$(SET_UP)

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
