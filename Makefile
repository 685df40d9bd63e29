# `make` lists the commands. `make X` runs tools/commands/X.py.

# Only what is written after `make` counts, because a shell may export ENV or NAME for its own purposes. The list comes
# first, because a definition in this file hides one that is written after `make`.
override written := $(foreach written-name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(written-name)))),$(written-name)))

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
override SHELL := /bin/bash
override .SHELLFLAGS := -c

# What a command takes stands once, in usage_X before the target X: A= is required, [A=] may be left out, and [A=1] is a
# switch. From it come the options of the command, the checks at the end of this file, `make help`, and
# docs/reference/commands.md.
override variables = $(subst ],,$(subst [,,$(subst =,,$(subst =1,,$(1)))))
override lower = $(subst A,a,$(subst B,b,$(subst C,c,$(subst D,d,$(subst E,e,$(subst F,f,$(subst G,g,$(subst H,h,$(subst \
	I,i,$(subst J,j,$(subst K,k,$(subst L,l,$(subst M,m,$(subst N,n,$(subst O,o,$(subst P,p,$(subst Q,q,$(subst R,r,$(subst \
	S,s,$(subst T,t,$(subst U,u,$(subst V,v,$(subst W,w,$(subst X,x,$(subst Y,y,$(subst Z,z,$(1)))))))))))))))))))))))))))

# --a="$A" for a variable, and --a for a switch. A value stays in the environment, from which the shell puts it into the
# option, so the shell never reads it as text of a command. Every process of the machine can read a command line, so a
# prompt is no option.
override option = --$(call lower,$(call variables,$(1)))$(if $(filter %=1],$(1)),,="$$$(call variables,$(1))")
override options = $(foreach item,$(filter-out [PROMPT=],$(usage_$@)),$(if $(filter $(call variables,$(item)),$(written)),$(call option,$(item))))

override SET_UP = $(if $(PYTHON),,$(error There is no Python of at least 3.11 on PATH; install one, or name it: make PYTHON=/path/to/python3))"$$PYTHON" tools/commands/setup.py
# Every command sets up what it needs first, which is quick when nothing has changed.
# exec, because make passes SIGTERM on to the process that it started and to no other.
override RUN = $(SET_UP) && exec .venv/bin/python -m tools.commands.$@ $(options)
override development = $(if $(filter operation,$(value DEPENDENCIES)),$(error $@ needs the development packages; run it without DEPENDENCIES=operation))

##@ Try it on this machine

.PHONY: demo
override usage_demo :=
demo: ## Three tenants on a local AWS: apply, call, search what was stored, try every attack, reach a quota
	@$(development)$(RUN)

.PHONY: test
override usage_test :=
test: ## All tests: style, types, Terraform plans, the handler, the local AWS, end to end
	@$(development)$(RUN)

.PHONY: up
override usage_up := [AS=] [ACCOUNT=]
up: ## Start a local AWS that keeps running, for ENV=local; prints what to export to use it by hand
	@$(development)$(RUN)

.PHONY: down
override usage_down :=
down: ## Stop the local AWS
	@$(RUN)

##@ Operate an environment: ENV=local, dev or prod; TENANT= for one tenant; JOBS= customer accounts at a time

.PHONY: bootstrap
override usage_bootstrap := ENV=
bootstrap: ## create the state bucket or protect it again, and let Bedrock keep nothing
	@$(RUN)

.PHONY: tenant
override usage_tenant := ENV= NAME= ACCOUNT= [MANAGER=]
tenant: ## add a tenant's stanza with newly minted ExternalIds
	@$(RUN)

.PHONY: rotate
override usage_rotate := ENV= TENANT= [CONFIRM=]
rotate: ## replace the ExternalId step by step without failing calls
	@$(RUN)

.PHONY: model
override usage_model := ENV= TENANT= NAME= [MODEL=] [ROUTE=] [PROFILE=] [REGIONS=] [CONFIRM=]
model: ## change what an alias calls step by step without failing calls
	@$(RUN)

.PHONY: models
override usage_models := ENV= [TENANT=] [WRITE=1] [JSON=1]
models: ## read from AWS each model's life, access and destinations; WRITE=1 writes destinations into the stanzas
	@$(RUN)

.PHONY: deployer
override usage_deployer := ENV= TENANT= [ACCOUNT=] [JSON=1]
deployer: ## print the role that a customer creates once for Terraform
	@$(RUN)

.PHONY: inspector
override usage_inspector := ENV= TENANT= [ACCOUNT=]
inspector: ## print the role that a customer creates once, so that STATE=1 can read settings
	@$(RUN)

.PHONY: package
override usage_package := [ARCH=]
package: ## build the zip for Lambda and its SBOM, and the guard's zip; ARCH=x86_64 for Intel
	@$(RUN)

.PHONY: plan
override usage_plan := ENV= [TENANT=] [PART=] [PROOF=] [ALL=1] [JOBS=]
plan: ## show what an apply would change; ALL=1 plans unchanged accounts too, PROOF= shows the plans that were proved
	@$(RUN)

.PHONY: prove
override usage_prove := ENV= [PLAN=] [PART=] [PROOF=] [COMBINE=] [STATE=1] [ALL=1] [OFFLINE=1] [SIGN=] [JSON=1] [JOBS=]
prove: ## prove that no tenant can reach another, with ENV=all across environments too; COMBINE= combines the proofs of parts
	@$(RUN)

.PHONY: drift
override usage_drift := ENV= [TENANT=] [PART=] [COMBINE=] [JSON=1] [JOBS=]
drift: ## look for changes by hand in every account, and name what could not be read; COMBINE= combines what parts found
	@$(RUN)

.PHONY: apply
override usage_apply := ENV= [TENANT=] [PART=] [PROOF=] [SHA256=] [ALL=1] [AUTO=1] [CONFIRM=] [UNLOCK=1] [JOBS=]
apply: ## prove, show, ask and apply; AUTO=1 does not ask, and PROOF= applies the plans of that proof
	@$(RUN)

.PHONY: unlock
override usage_unlock := ENV= [TENANT=] [CONFIRM=] [JOBS=]
unlock: ## show who has locked the states, and remove locks that a killed command left
	@$(RUN)

.PHONY: adopt
override usage_adopt := ENV= [TENANT=] [AUTO=1] [CONFIRM=] [JOBS=]
adopt: ## bring what exists and the states do not know back into the states
	@$(RUN)

.PHONY: output
override usage_output := ENV= [TENANT=] [JSON=1]
output: ## show functions, log groups and roles
	@$(RUN)

.PHONY: handover
override usage_handover := ENV= TENANT= [ACCOUNT=] [JSON=1]
handover: ## write what a customer applies who manages its account itself
	@$(RUN)

.PHONY: invoke
override usage_invoke := ENV= TENANT= [PROMPT=] [ACCOUNT=] [MODEL=] [JSON=1]
invoke: ## send one prompt, from PROMPT= or standard input, through the tenant's function
	@$(RUN)

.PHONY: logs
override usage_logs := ENV= TENANT= [ACCOUNT=] [SINCE=] [UNTIL=] [MODEL=] [ERROR=] [UNMASK=1] [JSON=1]
logs: ## show the tenant's records
	@$(RUN)

.PHONY: gaps
override usage_gaps := ENV= TENANT= [SINCE=] [UNTIL=] [JSON=1]
gaps: ## compare records with Bedrock's counts and list what is unaccounted for
	@$(RUN)

.PHONY: usage
override usage_usage := ENV= [TENANT=] [SINCE=] [JSON=1] [CSV=1]
usage: ## what each tenant has used of its quota, by alias and window, in tokens and dollars
	@$(RUN)

.PHONY: doctor
override usage_doctor := ENV= [TENANT=] [JSON=1]
doctor: ## check what the other commands need: tools, credentials, network, models, Regions, quotas and customers' roles
	@$(RUN)

.PHONY: verify
override usage_verify := ENV= [TENANT=] [REPORT=] [JSON=1] [JOBS=]
verify: ## verify that the operations account keeps nothing and the records stay with the customers, and write dated evidence
	@$(RUN)

.PHONY: access
override usage_access := ENV= [TENANT=] [JSON=1]
access: ## review each tenant's access: last use, callers, models and Regions used, what it never used, refusals
	@$(RUN)

.PHONY: acceptance
override usage_acceptance := ENV= TENANT= [ACCOUNT=] [MODEL=] [ADMINISTRATOR=] [PRICE=] [CONFIRM=] [JSON=1]
acceptance: ## observe what only AWS can tell, for less than a dollar, and write dated evidence; for a sandbox
	@$(RUN)

.PHONY: capacity
override usage_capacity := ENV= [OFFLINE=1] [JSON=1]
capacity: ## count what the account has against AWS's quotas, and how many more tenants fit; OFFLINE=1 counts stanzas only
	@$(RUN)

.PHONY: chargeback
override usage_chargeback := ENV= CUR= [TENANT=] [BY=] [JSON=1] [CSV=1]
chargeback: ## show what each tenant has cost by AWS's bill in the file CUR=, and compare it with Bedrock's counts
	@$(RUN)

.PHONY: cost
override usage_cost := ENV= PRICES= [TENANT=] [JSON=1]
cost: ## compute what each tenant costs on either side, by the month and by a million calls, from the stanzas and the file PRICES=
	@$(RUN)

.PHONY: shards
override usage_shards := ENV=
shards: ## move tenants between the states of the operations account after operations.shards has changed
	@$(RUN)

.PHONY: accounts
override usage_accounts := ENV= [TENANT=] [JSON=1]
accounts: ## list the customer accounts; as JSON, a job matrix for CI
	@$(RUN)

.PHONY: suspend
override usage_suspend := ENV= TENANT=
suspend: ## refuse every call of one tenant, whatever else is pending or broken, and wait until one is refused
	@$(RUN)

.PHONY: resume
override usage_resume := ENV= TENANT=
resume: ## let a suspended tenant call again, and wait until a call is answered
	@$(RUN)

.PHONY: offboard
override usage_offboard := ENV= TENANT= [CONFIRM=] [JOBS=]
offboard: ## end a tenant: calls are refused, its function goes, its records stay until their retention ends
	@$(RUN)

.PHONY: forget
override usage_forget := ENV= TENANT= [ACCOUNT=] [CONFIRM=]
forget: ## remove an offboarded tenant's role, states and stanza, or the state of one account that is not managed any more
	@$(RUN)

.PHONY: orphans
override usage_orphans := ENV= [JSON=1]
orphans: ## list states, hand-overs and roles that no command works on any more
	@$(RUN)

.PHONY: destroy
override usage_destroy := ENV= [TENANT=] [CONFIRM=] [JOBS=]
destroy: ## remove the workloads, then the roles; records and their keys remain
	@$(RUN)

##@ Work on the project

.PHONY: check
override usage_check :=
check: ## Check style, format and types, without the tests
	@$(development)$(RUN)

.PHONY: bench
override usage_bench := [ONLY=] [FLEET=] [SIZES=] [RUNS=] [CALLS=] [REFERENCE=]
bench: ## measure speed and delivery, ONLY=cold, plan, prove, record…; figures go to build/bench
	@$(development)$(RUN)

.PHONY: docs
override usage_docs :=
docs: ## Write the reference pages, and the version of pyproject.toml into modules and package
	@$(development)$(RUN)

.PHONY: lock
override usage_lock :=
lock: ## Update the hash-locked requirement files from pyproject.toml
	@$(RUN)

.PHONY: setup
override usage_setup := [DEPENDENCIES=] [PYTHON=] [TERRAFORM_RELEASES=] [TF_PROVIDER_MIRROR=]
setup: ## Set up .venv, Terraform and the AWS provider, as every command does first, with the same variables
	@$(SET_UP)

.PHONY: help
override usage_help :=
help:
	@awk '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^override usage_/ { usage = $$0; sub(/^[^=]*:= ?/, "", usage) } \
		/^[a-z]+: ## / { name = $$1; sub(":", "", name); sub(/^[^#]*## /, ""); \
			printf "  make %-10s %s%s%s\n", name, usage, usage == "" ? "" : " · ", $$0 }' Makefile

# The checks, before anything runs. A variable that is misspelt, or that the command does not take, would otherwise be
# ignored, and an empty one would be as if it were not there: either could widen what a command does.
override commands := $(patsubst usage_%,%,$(filter usage_%,$(.VARIABLES)))
override goals := $(or $(MAKECMDGOALS),help)
override taken = $(call variables,$(usage_$(1)) $(if $(filter help,$(1)),,$(usage_setup)))
override known := $(sort $(foreach command,$(commands),$(call taken,$(command))))
override unknown := $(filter-out $(known),$(written))
# Values of unknown variables stay out of the environment of the next shell.
$(foreach name,$(unknown),$(eval unexport $(name)))
# make keeps only the last of two values without a word, so make's own command line is read, where the system shows it in
# /proc. The words there end with a null byte, so a value cannot be taken for another variable.
override repeated := $(filter $(written),$(shell { while IFS= read -r -d '' word; do \
	[[ $$word =~ ^([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*[:+?!]*= ]] && echo "$${BASH_REMATCH[1]}"; \
	done </proc/$$PPID/cmdline; } 2>/dev/null | sort | uniq -d))
override quoted = '$(subst ','\'',$(1))'
override similar = $(shell python3 tools/cli/similar_name.py $(call quoted,$(1)) $(2) 2>/dev/null)
override see_help := make help lists what each command takes
$(foreach name,$(unknown),$(error There is no variable $(name)$(call similar,$(name),$(known)); $(see_help)))
$(foreach name,$(repeated),$(error $(name)= is written more than once, and make would use only the last; write it once))
$(foreach goal,$(filter-out $(commands),$(goals)),$(error There is no command $(goal)$(call similar,$(goal),$(commands)); make help lists the commands))
$(foreach goal,$(goals),$(foreach name,$(filter-out $(call taken,$(goal)),$(written)),$(error \
	make $(goal) does not take $(name)=; it takes $(or $(strip $(usage_$(goal))),no variables of its own); $(see_help))))
$(foreach goal,$(goals),$(foreach item,$(filter %=1],$(usage_$(goal))),$(foreach name,$(filter $(call variables,$(item)),$(written)),$(if \
	$(subst =1=,,=$(value $(name))=),$(error write $(name)=1, or leave it out)))))
$(foreach name,$(written),$(if $(value $(name)),,$(error $(name)= is empty; write its value, or leave it out)))
override EXAMPLES := ENV=local TENANT=acme NAME=umbrella ACCOUNT=666666666666
$(foreach goal,$(goals),$(foreach item,$(filter-out [%,$(usage_$(goal))),$(if $(filter $(call variables,$(item)),$(written)),,$(error \
	$(goal) needs $(item), for instance: make $(goal) $(foreach needed,$(filter-out [%,$(usage_$(goal))),$(filter $(needed)%,$(EXAMPLES)))))))

# A value becomes a variable of the command's environment, byte for byte: $(value …) stops make from executing a
# $(shell …) in it. Make itself removes spaces and tabs between the = and the value.
# https://www.gnu.org/software/make/manual/make.html#Variables_002fRecursion
$(foreach name,$(written),$(eval override $(name) := $$(value $(name))))
export $(written)
override PROMPT := $(if $(filter PROMPT,$(written)),$(PROMPT))
export PROMPT

# The first Python of at least 3.11 on PATH, unless PYTHON names one.
override PYTHON := $(or $(value PYTHON),$(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done))
export PYTHON
