# `make` lists the commands. `make X` runs tools/commands/X.py.

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -c

# Only what is written after `make` counts, because a shell may export ENV or NAME for its own purposes. A value becomes
# a variable of the command's environment, byte for byte: $(value …) stops make from executing a $(shell …) in it, and
# the shell never sees it as text of a command. Make itself removes spaces and tabs between the = and the value.
# https://www.gnu.org/software/make/manual/make.html#Variables_002fRecursion
override VARIABLES := ACCOUNT ARCH CALLS CONFIRM DEPENDENCIES ENV ERROR JOBS JSON MODEL NAME ONLY PART PLAN PROMPT PROOF \
	PYTHON REFERENCE RUNS SHA256 SIGN SINCE SIZES STATE TENANT TERRAFORM_RELEASES TF_PROVIDER_MIRROR UNMASK UNTIL
override written := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
override unknown := $(strip $(filter-out $(VARIABLES),$(written)))
$(if $(unknown),$(error There is no variable $(unknown); make help lists what each command takes))
override written := $(filter $(VARIABLES),$(written))
$(foreach name,$(written),$(eval override $(name) := $$(value $(name))))
export $(written)
override PROMPT := $(if $(filter PROMPT,$(written)),$(PROMPT))
export PROMPT

# The first Python of at least 3.11 on PATH, unless PYTHON names one.
override PYTHON := $(or $(value PYTHON),$(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done))
export PYTHON
override SET_UP = $(if $(PYTHON),,$(error There is no Python of at least 3.11 on PATH; install one, or name it: make PYTHON=/path/to/python3))"$$PYTHON" tools/commands/setup.py
# Every command sets up what it needs first, which is quick when nothing has changed.
override RUN = $(SET_UP) && .venv/bin/python -m tools.commands.$@

override option = $(if $(filter $(1),$(written)),--$(2)="$$$(1)")
override flag = $(if $(filter $(1),$(written)),$(if $(subst =1=,,=$($(1))=),$(error write $(1)=1, or leave it out),--$(2)))
override required = $(if $(filter $(1),$(written)),,$(error $@ needs $(1)=, for instance: make $@ $(2)))
override development = $(if $(filter operation,$(value DEPENDENCIES)),$(error $@ needs the development packages; run it without DEPENDENCIES=operation))
override ENV_OPTION = $(call required,ENV,ENV=local)$(call option,ENV,env)
override TENANT_OPTION = $(call required,TENANT,ENV=local TENANT=acme)$(call option,TENANT,tenant)
override NEW_TENANT = ENV=dev NAME=acme ACCOUNT=222222222222

##@ Try it on this machine

.PHONY: demo
demo: ## Three tenants on a local AWS: apply, call, search what was stored, and try every attack
	@$(development)$(RUN)

.PHONY: test
test: ## All tests: style, types, Terraform plans, the handler, the local AWS, end to end
	@$(development)$(RUN)

.PHONY: up
up: ## Start a local AWS that keeps running, for ENV=local; prints what to export to use it by hand
	@$(development)$(RUN)

.PHONY: down
down: ## Stop the local AWS
	@$(RUN)

##@ Operate an environment: ENV=local, dev or prod; TENANT= for one tenant; JOBS= customer accounts at a time

.PHONY: bootstrap
bootstrap: ## ENV= · create the state bucket in the operations account, or protect it again
	@$(RUN) $(ENV_OPTION)

.PHONY: tenant
tenant: ## ENV= NAME= ACCOUNT= · add a tenant's stanza with newly minted ExternalIds
	@$(RUN) $(ENV_OPTION) $(call required,NAME,$(NEW_TENANT))$(call option,NAME,name) \
		$(call required,ACCOUNT,$(NEW_TENANT))$(call option,ACCOUNT,account)

.PHONY: rotate
rotate: ## ENV= TENANT= [CONFIRM=] · replace the ExternalId step by step without failing calls
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,CONFIRM,confirm)

.PHONY: deployer
deployer: ## ENV= TENANT= [ACCOUNT=] [JSON=1] · print the role that a customer creates once for Terraform
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,ACCOUNT,account) $(call flag,JSON,json)

.PHONY: inspector
inspector: ## ENV= TENANT= [ACCOUNT=] · print the role that a customer creates once, so that STATE=1 can read settings
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,ACCOUNT,account)

.PHONY: package
package: ## [ARCH=arm64] · build the zip for Lambda and its SBOM; ARCH=x86_64 for Intel
	@$(RUN) $(call option,ARCH,architecture)

.PHONY: plan
plan: ## ENV= [TENANT=] [PROOF=] · show what an apply would change; PROOF= shows the plans that were proved
	@$(RUN) $(ENV_OPTION) $(call option,TENANT,tenant) $(call option,PROOF,proof) $(call option,JOBS,jobs)

.PHONY: prove
prove: ## ENV= [PLAN=] [STATE=1] [SIGN=] [JSON=1] · prove that no tenant can reach another; SIGN= signs the certificate
	@$(RUN) $(ENV_OPTION) $(call option,PLAN,plan) $(call flag,STATE,state) $(call option,SIGN,sign) \
		$(call flag,JSON,json) $(call option,JOBS,jobs)

.PHONY: apply
apply: ## ENV= [TENANT=] [PART=] [PROOF=] [SHA256=] [CONFIRM=] · prove and apply; PROOF= applies the plans of that proof
	@$(RUN) $(ENV_OPTION) $(call option,TENANT,tenant) $(call option,PART,part) $(call option,PROOF,proof) \
		$(call option,SHA256,sha256) $(call option,CONFIRM,confirm) $(call option,JOBS,jobs)

.PHONY: output
output: ## ENV= [TENANT=] [JSON=1] · show functions, log groups and roles
	@$(RUN) $(ENV_OPTION) $(call option,TENANT,tenant) $(call flag,JSON,json)

.PHONY: handover
handover: ## ENV= TENANT= [ACCOUNT=] [JSON=1] · print the tfvars for a customer who applies the module alone
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,ACCOUNT,account) $(call flag,JSON,json)

.PHONY: invoke
invoke: ## ENV= TENANT= PROMPT= [ACCOUNT=] [MODEL=] [JSON=1] · send one prompt through the tenant's function
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,ACCOUNT,account) $(call option,MODEL,model) $(call flag,JSON,json)

.PHONY: logs
logs: ## ENV= TENANT= [ACCOUNT=] [SINCE=] [UNTIL=] [MODEL=] [ERROR=] [UNMASK=1] [JSON=1] · show the tenant's records
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,ACCOUNT,account) $(call option,SINCE,since) \
		$(call option,UNTIL,until) $(call option,MODEL,model) $(call option,ERROR,error) \
		$(call flag,UNMASK,unmask) $(call flag,JSON,json)

.PHONY: gaps
gaps: ## ENV= TENANT= [SINCE=] [UNTIL=] [JSON=1] · compare records with Bedrock's counts and list what is unaccounted for
	@$(RUN) $(ENV_OPTION) $(TENANT_OPTION) $(call option,SINCE,since) $(call option,UNTIL,until) $(call flag,JSON,json)

.PHONY: capacity
capacity: ## ENV= [JSON=1] · show how much of each AWS limit is used, and how many more tenants fit
	@$(RUN) $(ENV_OPTION) $(call flag,JSON,json) $(call option,JOBS,jobs)

.PHONY: accounts
accounts: ## ENV= [TENANT=] [JSON=1] · list the customer accounts; as JSON, a job matrix for CI
	@$(RUN) $(ENV_OPTION) $(call option,TENANT,tenant) $(call flag,JSON,json)

.PHONY: shards
shards: ## ENV= · move tenants between the states of the operations account after operations.shards has changed
	@$(RUN) $(ENV_OPTION)

.PHONY: destroy
destroy: ## ENV= [TENANT=] [CONFIRM=] · remove the workloads, then the roles; records and their keys remain
	@$(RUN) $(ENV_OPTION) $(call option,TENANT,tenant) $(call option,JOBS,jobs) $(call option,CONFIRM,confirm)

##@ Work on the project

.PHONY: check
check: ## Check style, format and types, without the tests
	@$(development)$(RUN)

.PHONY: bench
bench: ## [ONLY=cold|plan|prove|record…] [SIZES=] [RUNS=] [CALLS=] · measure speed and delivery; figures go to build/bench
	@$(development)$(RUN) $(call option,ONLY,only) $(call option,SIZES,sizes) $(call option,REFERENCE,reference) \
		$(call option,RUNS,runs) $(call option,CALLS,calls)

.PHONY: docs
docs: ## Write the reference pages for the stanza and the commands from their sources
	@$(development)$(RUN)

.PHONY: lock
lock: ## Update the hash-locked requirement files from pyproject.toml
	@$(RUN)

.PHONY: setup
setup: ## Set up .venv, Terraform and the AWS provider, as every command does first
	@$(SET_UP)

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
