"""Read what exists in AWS now, with boto3, and compare it with the stanzas. `make prove STATE=1` runs this.

Terraform reads back only what is in its state, so a second policy, an account setting or another role
that somebody makes by hand never shows in a plan. The modules in reading order:

answers             one question to AWS: an answer, a resource that does not exist, or a part not read
reach               whether a principal's policies may allow a kind of action, decided by the solvers
granted_models      what the stanzas let tenants call, and in which Regions a call may run
retention_check     data retention in these Regions, which bootstrap sets and apply reads
model_reading       the granted models' life, access and destinations
model_warning       the models that end soon
other_principals    the roles, users and groups of the operations account besides the tenants' roles
operations_account  the tenants' roles, their profiles, and Bedrock's settings in each Region
function_reading    a customer account's function: its code, configuration, callers and destinations
record_reading      a customer account's log groups and their key
customer_account    everything about one workload
live_state          all accounts of an environment, as cases that the prover decides
"""
