"""A proof, for every request there can be, that no tenant can reach another. `make prove` runs it.

It reads in this order:

plan        what a Terraform plan says will exist: roles and their policies, and everything else
stanza      what the tenants' stanzas mean in the operations account, as a predicate over requests
workload    the same in a customer account
predicate   the language in which they say it
claims      of each policy: it allows exactly what is meant; and faults that need no solver
world       what a request is to a solver, and what is assumed of every request
encode      a policy as a formula; the file to audit
smt         how formulas are written
solvers     z3 and cvc5, asked in the same words
example     a solver's answer as a concrete request, which the evaluator of tools/iam confirms
prove       all of it for one plan
report      the table, the JSON and the certificate
"""
