"""Prove that no possible request lets one tenant reach another. `make prove` runs this package.

The modules in reading order:

plan_reader               what a Terraform plan says will exist: IAM roles, policies, other resources
predicate                 the language in which the specifications are written
operations_specification  what a stanza grants in the operations account, as predicates over requests
customer_specification    what a stanza grants in a customer account
deployer_specification    what a stanza grants the deployer, and what its boundary allows
resource_specification    what a stanza defines beside policies: every argument of every resource
resource_faults           how a plan's resources differ from that specification
configuration_faults      what the Terraform code does that is not listed
principals                whom a stanza names
plan_fault                a problem that needs no solver
claims                    the claims about a plan, and all of its faults
deployer_claims           the claims about the deployers of an environment
smt                       formulas as SMT-LIB text
symbolic_request          the variables that describe a request, and the axioms about them
encode                    an IAM policy as a formula; this is the file to audit
solvers                   z3 and cvc5
examples                  concrete requests: counterexamples, and requests that must be allowed
prover                    decides every claim about a plan
properties                what is proved, in sentences, with assumptions, code and mutants
certificate               the table, the JSON and the certificate
"""
